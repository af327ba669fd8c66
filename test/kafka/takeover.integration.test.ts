import { describe, expect, test } from 'vitest';

import { fillVisitors } from '../../bench/kafka/fill.ts';
import { differencesOf } from '../integration/audit.ts';
import { rowsOf } from '../integration/tables.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { Group, PARTITIONS } from './group.ts';

const TIMEOUT_MS = 540_000;
/** Issue: another process takes over within this, also when it must restore so many keys. */
const TAKEOVER_MS_MAX = 20_000;
const VISITORS = 1_000_000;
const [NEWEST] = KAFKA_VERSIONS;
/** One processor keeps state of every visitor; the others would keep more of it, and take longer to fill it. */
const SETTINGS = { WEIR_PROCESSORS: 'traffic', WEIR_WINDOWS_CHECKPOINT: '5s' };
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

describe.skipIf(skipped !== undefined)('a million visitors with a real broker', () => {
  test(
    `Kafka ${NEWEST}: when a process with half of them is killed, another one restores them within 20 s and nothing is missing`,
    async () => {
      const group = await Group.start(NEWEST);
      const [first, second] = await group.pair(SETTINGS);
      await fillVisitors(group.broker.address, VISITORS);
      const taken = (): number =>
        [first, second].reduce((sum, { status }) => sum + (status.counts['contributed'] ?? 0), 0);
      await expect.poll(taken, { timeout: TIMEOUT_MS, interval: 500 }).toBe(VISITORS);
      first.signal('SIGKILL');
      const killedAtMs = performance.now();
      expect((await first.ended).signal).toBe('SIGKILL');
      expect(await second.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      const takeoverMs = performance.now() - killedAtMs;
      expect(takeoverMs).toBeLessThan(TAKEOVER_MS_MAX);
      expect(second.logged('"from":"changelog"')).toBe(PARTITIONS);
      expect(await second.hasAll({ partitions: PARTITIONS, contributed: VISITORS })).toBe(true);
      second.signal('SIGTERM');
      expect(await second.ended).toMatchObject({ exitCode: 0 });
      await group.stopClickHouse();
      const sql = 'SELECT toUInt32(uniqExact(visitor_id)) AS visitors FROM weir.clicks';
      expect(await rowsOf(group.directory, sql)).toEqual([{ visitors: VISITORS }]);
      expect(await differencesOf(group.directory)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
