import { expect, test } from 'vitest';

import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import type { Insert } from '../../processors/engine/sink/sink.ts';
import { EngineError } from '../../schemas/errors.ts';
import { temporaryDirectory } from './command-line.ts';

const CREATE = `CREATE TABLE weir.probe (id UInt64, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY id
  SETTINGS non_replicated_deduplication_window = 1000`;

function insertOf(id: number, change: Partial<Insert> = {}): Insert {
  return {
    table: 'probe',
    columns: ['id', 'version'],
    rowCount: 1,
    body: Buffer.from(`${id}\t1\n`),
    token: `probe-${id}`,
    ...change,
  };
}

async function failureOf(promise: Promise<void>): Promise<unknown> {
  try {
    await promise;
    return 'accepted';
  } catch (error) {
    return error instanceof EngineError
      ? { code: error.code, kind: error.kind, message: error.message }
      : error;
  }
}

test('an insert that met too many parts is there once when it is sent again, one that names no column of the table is refused', async () => {
  const clickHouse = await ClickHouse.openEmbedded(temporaryDirectory());
  try {
    await clickHouse.command('CREATE DATABASE weir');
    await clickHouse.command(CREATE);
    await clickHouse.command('SYSTEM STOP MERGES weir.probe');
    await clickHouse.insert(insertOf(1));
    await clickHouse.command(
      'ALTER TABLE weir.probe MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1',
    );
    expect(await failureOf(clickHouse.insert(insertOf(2)))).toMatchObject({
      code: 'CLICKHOUSE_UNAVAILABLE',
      kind: 'transient',
      message: expect.stringContaining('parts'),
    });
    await clickHouse.command(
      'ALTER TABLE weir.probe RESET SETTING parts_to_throw_insert, parts_to_delay_insert',
    );
    // The same insert, sent again as often as one likes, is there once.
    for (let attempt = 1; attempt <= 3; attempt += 1)
      expect(await failureOf(clickHouse.insert(insertOf(2)))).toBe('accepted');
    expect(await clickHouse.query('SELECT count() AS rows FROM weir.probe')).toEqual([{ rows: 2 }]);

    expect(
      await failureOf(clickHouse.insert(insertOf(3, { columns: ['id', 'colour'] }))),
    ).toMatchObject({
      code: 'CLICKHOUSE_REFUSED',
      kind: 'fatal',
      message: expect.stringContaining('colour'),
    });
    // Nothing of the failures is left in the connections.
    expect(await failureOf(clickHouse.insert(insertOf(3)))).toBe('accepted');
    expect(await clickHouse.query('SELECT id FROM weir.probe ORDER BY id')).toEqual([
      { id: 1 },
      { id: 2 },
      { id: 3 },
    ]);
  } finally {
    await clickHouse.close();
  }
});
