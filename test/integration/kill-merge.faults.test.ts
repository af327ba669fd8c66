import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { weir, temporaryDirectory } from './command-line.ts';
import { writeShopFile } from './simulated-shop.ts';
import { rowsOf, tablesOf, withClickHouse } from './tables.ts';

const NODE = join(import.meta.dirname, 'merging-node.ts');
const TIMEOUT_MS = 180_000;
/** So many that a merge of them takes half a second or more. */
const ROWS_PER_PART = 150_000;
const PARTS = 4;
/** How far a merge has come when its process dies. */
const SHARES = [0, 0.5];

/** All columns of all rows, as they lie there. */
const CONTENT =
  'SELECT toUInt32(count()) AS rows, toString(sum(cityHash64(*))) AS hash FROM weir.clicks_log';

/** Clicks beside those of the shop, in parts of their own. */
async function addParts(dataDir: string): Promise<void> {
  await withClickHouse(dataDir, async (clickHouse) => {
    for (let part = 0; part < PARTS; part += 1) {
      await clickHouse.command(
        `INSERT INTO weir.clicks_log (occurred_at, event_id, visitor_id, url, topic, partition, offset)
         SELECT toDateTime64('2025-11-20 10:00:00', 3, 'UTC') + number % 86400, concat('${part}-', number),
           toString(cityHash64(number)), repeat(toString(sipHash64(number)), 8), 'weir.clicks', ${100 + part}, number
         FROM numbers(${ROWS_PER_PART})`,
      );
    }
  });
}

test(
  'a process that dies in the middle of a merge leaves every row, and the merge is done later',
  async () => {
    const directory = temporaryDirectory();
    const dataDir = join(directory, 'data');
    const { file } = await writeShopFile(directory, { seed: 6, eventsPerSecond: 20, minutes: 1 });
    expect(await weir('import', 'ndjson', file, '--data-dir', dataDir)).toMatchObject({
      exitCode: 0,
    });
    await addParts(dataDir);
    const before = await tablesOf(dataDir);
    expect(before['clicks']?.rows).toBeGreaterThan(PARTS * ROWS_PER_PART);

    const content = await rowsOf(dataDir, CONTENT);
    for (const share of SHARES) {
      const { signal, stdout, stderr } = spawnSync(process.execPath, [NODE, dataDir, `${share}`], {
        encoding: 'utf8',
      });
      expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
      const merge = erase<{ readonly progress: number; readonly num_parts: number }>(
        JSON.parse(stdout),
      );
      expect(merge.num_parts).toBeGreaterThan(1);
      expect(merge.progress).toBeGreaterThanOrEqual(share);
      expect(merge.progress).toBeLessThan(1);
      expect(await rowsOf(dataDir, CONTENT)).toEqual(content);
    }
    await withClickHouse(dataDir, (clickHouse) =>
      clickHouse.command('OPTIMIZE TABLE weir.clicks_log FINAL'),
    );
    const parts = await rowsOf(
      dataDir,
      `SELECT toUInt32(max(parts)) AS most FROM (SELECT count() AS parts FROM system.parts
       WHERE database = 'weir' AND table = 'clicks_log' AND active GROUP BY partition)`,
    );
    expect(parts).toEqual([{ most: 1 }]);
    expect(await tablesOf(dataDir)).toEqual(before);
  },
  TIMEOUT_MS,
);
