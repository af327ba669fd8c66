import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { temporaryDirectory } from '../integration/command-line.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import type { Cluster } from './cluster.ts';
import { ShopGroup } from './group.ts';
import { writeEvents } from './records.ts';
import { RunningNode } from './running-node.ts';
import { clusterOf, expectTables, idsOf, shopOf, variables } from './scene.ts';

const TIMEOUT_MS = 300_000;
const POLL_MS_MAX = 60_000;
/** From when on a broker is dead until others lead what it led: its session with the controller is 9 s. */
const MOVED_MS_MAX = 30_000;
const [NEWEST, EARLIER] = KAFKA_VERSIONS;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** Starts a killed broker again; resolves when it has a copy of everything, so that the next one may die. */
async function restore(cluster: Cluster, index: number): Promise<void> {
  await cluster.brokers[index]?.resume();
  await expect.poll(() => cluster.behindCount(), { timeout: POLL_MS_MAX, interval: 500 }).toBe(0);
}

describe.skipIf(skipped !== undefined)('with three real brokers', () => {
  test(
    `Kafka ${NEWEST}: while senders write, each broker is killed in turn, and nothing acknowledged is missing or doubled`,
    async () => {
      const shop = await shopOf(temporaryDirectory());
      const cluster = await clusterOf(NEWEST);
      const dataDir = join(shop.directory, 'kafka');
      const environment = variables(cluster, dataDir);
      const parts = cluster.brokers.length;
      let taken = 0;
      for (const [index, broker] of cluster.brokers.entries()) {
        const end = Math.ceil(((index + 1) * shop.events.length) / parts);
        const start = Math.ceil((index * shop.events.length) / parts);
        const file = join(shop.directory, `part-${index}.ndjson`);
        writeEvents(file, shop.events.slice(start, end));
        const expected = idsOf(shop.events.slice(0, end)).size;
        const node = new RunningNode({ file, expected }, environment);
        // In the middle of its requests, each of which has records for all brokers.
        expect(await node.took(taken + (expected - taken) / 10)).toBe(true);
        expect((await cluster.leads())[index]).toBeGreaterThan(0);
        await broker.stop('SIGKILL');
        expect(await node.ended).toMatchObject({
          exitCode: 0,
          last: { contributed: expected, late: 0, dead_lettered: 0, quarantined: 0 },
        });
        expect((await cluster.leads())[index]).toBe(0);
        await restore(cluster, index);
        taken = expected;
      }
      await expectTables(dataDir, shop);
    },
    TIMEOUT_MS,
  );

  test(
    `Kafka ${EARLIER}: two processes go on whichever broker is killed, and nothing is missing or doubled`,
    async () => {
      const group = await ShopGroup.with(await clusterOf(EARLIER));
      const { broker: cluster } = group;
      const [first, second] = await group.pair();
      const received = (): number =>
        [first, second].reduce((sum, { status }) => sum + (status.counts['received'] ?? 0), 0);
      const parts = cluster.brokers.length;
      for (const [index, broker] of cluster.brokers.entries()) {
        const sent = group.send(index / parts, (index + 0.5) / parts);
        await broker.stop('SIGKILL');
        await sent;
        await expect
          .poll(async () => (await cluster.leads())[index], { timeout: MOVED_MS_MAX })
          .toBe(0);
        const before = received();
        await group.send((index + 0.5) / parts, (index + 1) / parts);
        await expect.poll(received, { timeout: POLL_MS_MAX }).toBeGreaterThan(before);
        await restore(cluster, index);
      }
      first.signal('SIGTERM');
      expect(await first.ended).toMatchObject({ exitCode: 0 });
      await group.expectAll(second);
      await group.expectAlerts();
    },
    TIMEOUT_MS,
  );
});
