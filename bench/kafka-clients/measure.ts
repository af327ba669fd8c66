import { setTimeout as wait } from 'node:timers/promises';

import type { AppendBatch, RecordBatch } from '../../processors/engine/log/log.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { type Cost, startCost } from '../measure/cost.ts';
import { percentileOf } from '../measure/percentile.ts';
import { type Client, type ClientOptions, TOPIC } from './client.ts';
import { createKafkajsClient } from './kafkajs.ts';
import { createPlatformaticClient } from './platformatic.ts';

/** The libraries that are compared. */
export type Library = 'kafkajs' | 'platformatic';

export interface ClientsInput {
  readonly library: Library;
  readonly broker: string;
  /** Names groups and clients, so that no run meets another one's. */
  readonly run: string;
  readonly records: number;
}

export interface ClientsRun {
  readonly append: Cost;
  readonly read: Cost;
  /** From before the append of a single record until it is read, milliseconds. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Longest silence of any partition while a member joined, and while it left, milliseconds. */
  readonly silenceMs: { readonly join: number; readonly leave: number };
  /** Records read of those appended while members came and went; more than one each is a repeat. */
  readonly rebalanced: { readonly appended: number; readonly read: number };
}

const PARTITIONS = 4;
/** What a click takes as Avro. */
const RECORD_BYTES = 208;
const BATCH_RECORDS = 500;
const LATENCY_RECORDS = 300;
const LATENCY_INTERVAL_MS = 10;
/** Records of each partition at this interval while members come and go. */
const STEADY_INTERVAL_MS = 20;
/** A new member must have been let in and read by then. */
const SETTLE_MS = 4_000;
const LOOK_MS = 5;

await sendResult(await run(childInput<ClientsInput>()));
process.exit();

async function run({ library, broker, run: name, records }: ClientsInput): Promise<ClientsRun> {
  const open = (part: string): Client => {
    const options: ClientOptions = { broker, name: `${name}-${part}` };
    return library === 'kafkajs' ? createKafkajsClient(options) : createPlatformaticClient(options);
  };
  const client = open('first');
  await client.append(batchesOf(1));
  const append = await appendAll(client, records);
  const positions = new Map(Array.from({ length: PARTITIONS }, (_, id) => [id, 0]));
  const read = await readAll(client, { name, positions, records: records + PARTITIONS });
  const latencyMs = await latencies(client, { name, positions });
  const { silenceMs, rebalanced } = await rebalance(client, open('second'), { name, positions });
  return { append, read, latencyMs, silenceMs, rebalanced };
}

/** `count` records for each partition. */
function batchesOf(count: number): AppendBatch[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: TOPIC,
    partition,
    values: Array.from({ length: count }, () => Buffer.alloc(RECORD_BYTES, partition)),
  }));
}

async function appendAll(client: Client, records: number): Promise<Cost> {
  const batches = batchesOf(BATCH_RECORDS);
  const endCost = startCost();
  for (let done = 0; done < records; done += PARTITIONS * BATCH_RECORDS)
    await client.append(batches);
  return endCost();
}

interface Positions {
  readonly name: string;
  readonly positions: Map<number, number>;
}

async function readAll(
  client: Client,
  { name, positions, records }: Positions & { readonly records: number },
): Promise<Cost> {
  let count = 0;
  let endCost: (() => Cost) | undefined;
  const member = await client.join({
    groupId: `${name}-read`,
    positions,
    onBatches: (batches) => {
      // Joining takes what the group waits for, and is measured on its own.
      endCost ??= startCost();
      count += countOf(batches);
    },
  });
  await until(() => count >= records);
  const cost = endCost?.();
  await member.leave();
  if (cost === undefined || count !== records)
    throw new Error(`Expected ${records} records, got ${count}`);
  return cost;
}

async function latencies(
  client: Client,
  { name, positions }: Positions,
): Promise<ClientsRun['latencyMs']> {
  const samples: number[] = [];
  let read: (atMs: number) => void = () => undefined;
  const member = await client.join({
    groupId: `${name}-latency`,
    positions,
    onBatches: () => read(performance.now()),
  });
  for (let index = 0; index < LATENCY_RECORDS; index += 1) {
    const arrived = new Promise<number>((resolve) => {
      read = resolve;
    });
    const sentAtMs = performance.now();
    const value = Buffer.alloc(RECORD_BYTES);
    await client.append([{ topic: TOPIC, partition: index % PARTITIONS, values: [value] }]);
    samples.push((await arrived) - sentAtMs);
    await wait(LATENCY_INTERVAL_MS);
  }
  await member.leave();
  return { p50: percentileOf(samples, 0.5), p99: percentileOf(samples, 0.99) };
}

async function rebalance(
  client: Client,
  other: Client,
  { name, positions }: Positions,
): Promise<Pick<ClientsRun, 'silenceMs' | 'rebalanced'>> {
  let read = 0;
  let appended = 0;
  const lastReadMs = new Map<number, number>();
  let silenceMs = 0;
  const reading = {
    groupId: `${name}-rebalance`,
    positions,
    onBatches: (batches: readonly RecordBatch[]) => {
      const nowMs = performance.now();
      read += countOf(batches);
      for (const { partition } of batches) {
        silenceMs = Math.max(silenceMs, nowMs - (lastReadMs.get(partition) ?? nowMs));
        lastReadMs.set(partition, nowMs);
      }
    },
  };
  const first = await client.join(reading);
  const stopping = new AbortController();
  const batches = batchesOf(1);
  const writing = (async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await client.append(batches);
      appended += PARTITIONS;
      await wait(STEADY_INTERVAL_MS);
    }
  })();
  await wait(SETTLE_MS);
  silenceMs = 0;
  const second = await other.join(reading);
  await wait(SETTLE_MS);
  const joinMs = silenceMs;
  silenceMs = 0;
  await second.leave();
  await wait(SETTLE_MS);
  const leaveMs = silenceMs;
  stopping.abort();
  await writing;
  const endAtMs = performance.now() + SETTLE_MS;
  await until(() => read >= appended || performance.now() > endAtMs);
  await first.leave();
  return { silenceMs: { join: joinMs, leave: leaveMs }, rebalanced: { appended, read } };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(LOOK_MS);
}

function countOf(batches: readonly RecordBatch[]): number {
  return batches.reduce((sum, { count }) => sum + count, 0);
}
