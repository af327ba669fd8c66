import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { replay } from '../../processors/replay.ts';
import {
  migrateTables,
  requireTables,
  withStoppedData,
  withTables,
} from '../../processors/stopped.ts';
import { type Tables, tablesOf, withClickHouse } from './tables.ts';

const DIRECTORY = mkdtempSync(join(tmpdir(), 'weir-newer-'));
const CONFIG: Config = {
  ...DEFAULT_CONFIG,
  data_dir: join(DIRECTORY, 'data'),
  partitions: 1,
  log_level: 'error',
};
/** What a later version would bring along. */
const LATER = [
  'ALTER TABLE weir.clicks_log ADD COLUMN of_later UInt8',
  'CREATE OR REPLACE VIEW weir.stock_phantoms AS SELECT 1 AS of_later',
];

function open(): Promise<Embedded> {
  return Embedded.open(CONFIG, (error) => {
    throw error;
  });
}

/** All that a start could have changed: definitions, rows, what was applied, state and epoch. */
async function everything(): Promise<readonly [unknown, Tables, readonly string[]]> {
  const definitions = await withClickHouse(CONFIG.data_dir, (clickHouse) =>
    clickHouse.query(
      `SELECT database, name, create_table_query FROM system.tables
       WHERE database LIKE 'weir%' ORDER BY database, name`,
    ),
  );
  const files = ['node.json', 'state/data.mdb', 'log/data.mdb'].map((name) =>
    readFileSync(join(CONFIG.data_dir, name), 'base64'),
  );
  return [definitions, await tablesOf(CONFIG.data_dir), files];
}

beforeAll(async () => {
  const weir = await open();
  const click = { occurred_at: Date.UTC(2026, 0, 5), source: 's', kind: 'click', channel: 'dtc' };
  await weir.ingest('click', [{ event_id: 'a', visitor_id: 'v', ...click }]);
  await weir.drain();
  await weir.close();
  await withClickHouse(CONFIG.data_dir, async (clickHouse) => {
    for (const statement of LATER) await clickHouse.command(statement);
    await clickHouse.insert({
      table: 'migrations',
      columns: ['name', 'sha256'],
      rowCount: 1,
      body: Buffer.from(`traffic/later.sql\t${'0'.repeat(64)}\n`),
      token: 'migration:traffic/later.sql',
    });
  });
}, 60_000);

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

test('tables that a newer version has brought up to date are refused by whatever would use them, and nothing is changed', async () => {
  const before = await everything();
  const uses: Readonly<Record<string, () => Promise<unknown>>> = {
    start: open,
    migrate: () => migrateTables(CONFIG),
    audit: () => withTables(CONFIG, (clickHouse) => requireTables(clickHouse, CONFIG)),
    replay: () =>
      withStoppedData(CONFIG, (data) =>
        replay(data, {
          sandbox: 'later',
          isReplacing: false,
          fromMs: 0,
          toMs: Date.UTC(2200, 0, 1),
          lateness: 'live',
        }),
      ),
  };
  for (const [name, use] of Object.entries(uses)) {
    await expect(use(), name).rejects.toMatchObject({
      code: 'CLICKHOUSE_SCHEMA_NEWER',
      message: expect.stringMatching(/traffic\/later\.sql.*Run that version.*Nothing was changed/),
    });
  }
  expect(await everything()).toEqual(before);
}, 60_000);

test('without what the newer version has applied the same directory starts', async () => {
  await withClickHouse(CONFIG.data_dir, (clickHouse) =>
    clickHouse.command(
      "ALTER TABLE weir.migrations DELETE WHERE name = 'traffic/later.sql' SETTINGS mutations_sync = 1",
    ),
  );
  const weir = await open();
  expect(weir.countsOf('weir.clicks')).toMatchObject({ received: 1, contributed: 1 });
  await weir.close();
}, 60_000);
