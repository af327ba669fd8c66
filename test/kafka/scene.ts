import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { partitionOf } from '../../schemas/ids.ts';
import { differencesOf } from '../integration/audit.ts';
import { startWeir } from '../integration/command-line.ts';
import { writeShopFile } from '../integration/simulated-shop.ts';
import { type Tables, tablesOf } from '../integration/tables.ts';
import { Broker, type BrokerSecurity, type Brokers, type KafkaVersion } from './broker.ts';
import { Cluster } from './cluster.ts';
import { type SentEvent, eventsOf } from './records.ts';
import { RunningNode } from './running-node.ts';

/** Where the first broker of a test listens; its other listeners, and the other brokers, take the ports after it. */
const PORT = Number(process.env['TEST_KAFKA_PORT'] ?? 18_200);

/** An empty broker, gone when the test ends. */
export async function brokerOf(version: KafkaVersion, security?: BrokerSecurity): Promise<Broker> {
  const broker = await Broker.start(version, PORT, security);
  onTestFinished(() => broker.remove());
  return broker;
}

/** Three empty brokers with a copy of everything each, gone when the test ends. */
export async function clusterOf(version: KafkaVersion): Promise<Cluster> {
  const cluster = await Cluster.start(version, PORT);
  onTestFinished(() => cluster.remove());
  return cluster;
}

/** The configuration of a node with this broker. */
export function variables(broker: Brokers, dataDir: string): Readonly<Record<string, string>> {
  return { WEIR_KAFKA_BROKERS: broker.address, WEIR_DATA_DIR: dataDir };
}

/** Creates the topics, so that other programs can write while nobody reads. */
export async function createTopics(broker: Brokers): Promise<void> {
  const { finished } = startWeir(['topics', '--json'], { WEIR_KAFKA_BROKERS: broker.address });
  const { exitCode, stdout } = await finished;
  expect(exitCode).toBe(0);
  const { topics }: { readonly topics: readonly { readonly isNew: boolean }[] } = erase(
    JSON.parse(stdout),
  );
  expect(topics.map(({ isNew }) => isNew)).not.toContain(false);
}

/** A click that is fine but for `fields`, as JSON. */
export function click(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    event_id: 'a-click',
    occurred_at: Date.UTC(2025, 10, 20),
    source: 'shop',
    visitor_id: 'visitor 7',
    kind: 'page_view',
    channel: 'dtc',
    ...fields,
  });
}

/** A visitor whose events belong to the partition, of four. */
export function visitorOf(partition: number): string {
  for (let number = 0; ; number += 1)
    if (partitionOf(`visitor ${number}`, 4) === partition) return `visitor ${number}`;
}

/** A shop's events and what embedded mode makes of them. */
export interface Shop {
  readonly directory: string;
  /** The data directory of the stopped node that has taken them, for reading. */
  readonly embeddedDir: string;
  readonly file: string;
  readonly events: readonly SentEvent[];
  /** Events without their repeats. */
  readonly count: number;
  readonly tables: Tables;
}

function idOf(event: unknown): string {
  return typeof event === 'object' && event !== null && 'event_id' in event
    ? String(event.event_id)
    : '';
}

/** The ids of events, with their types; repeats once. */
export function idsOf(events: readonly SentEvent[]): ReadonlySet<string> {
  return new Set(events.map(({ type, event }) => `${type} ${idOf(event)}`));
}

let made: Promise<Shop> | undefined;
let linked: Promise<Shop> | undefined;

/**
 * A shop's events with embedded mode's tables of them, and no difference to their recomputation. They
 * are made once; `directory` is for what a test makes of them.
 */
export async function shopOf(directory: string): Promise<Shop> {
  made ??= makeShop();
  return { ...(await made), directory };
}

/** The same shop, where some ids turn out to be one visitor's. */
export async function linkedShopOf(directory: string): Promise<Shop> {
  linked ??= makeShop(linkVisitors);
  return { ...(await linked), directory };
}

/** In every partition some, and most of the others' in another. */
const LINKED_VISITORS = 30;

async function makeShop(change?: (file: string) => void): Promise<Shop> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-shop-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const { file } = await writeShopFile(directory, { seed: 5, eventsPerSecond: 50, minutes: 1 });
  change?.(file);
  const events = await eventsOf(file);
  const ids = idsOf(events);
  const embeddedDir = join(directory, 'embedded');
  const node = new RunningNode({ file, expected: ids.size }, { WEIR_DATA_DIR: embeddedDir });
  expect(await node.ended).toMatchObject({ exitCode: 0, last: { contributed: ids.size } });
  const tables = await tablesOf(embeddedDir);
  return { directory, embeddedDir, file, events, count: ids.size, tables };
}

/** Some visitors turn out to be one, in threes, in the middle of the file: a visit of a minute is too short to log in. */
function linkVisitors(file: string): void {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const ids = [
    ...new Set(lines.flatMap((line) => /"visitor_id":"(v-[^"]+)"/.exec(line)?.[1] ?? [])),
  ].slice(0, LINKED_VISITORS);
  const middle = Math.floor(lines.length / 2);
  const occurred_at = Number(/"occurred_at":(\d+)/.exec(lines[middle] ?? '')?.[1]);
  const links = ids.map((visitor_id, at) => {
    const into = `person-${Math.floor(at / 3)}`;
    const common = { event: 'reference', event_id: `login-${at}`, occurred_at, source: 'web' };
    return JSON.stringify({ ...common, subject: into, kind: 'identity', visitor_id, into });
  });
  writeFileSync(file, `${lines.toSpliced(middle, 0, ...links).join('\n')}\n`);
}

/** The tables are embedded mode's, and a recomputation from the raw events finds the same. */
export async function expectTables(dataDir: string, shop: Shop): Promise<void> {
  expect(await tablesOf(dataDir)).toEqual(shop.tables);
  expect(await differencesOf(dataDir)).toEqual([]);
}
