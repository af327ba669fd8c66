import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { HOUR_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS } from '../../test/laws/event-builders.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { FULFILMENT_BANDS_PANEL } from './panel.ts';
import { BANDS } from './row.ts';

/** Half past, so that the hour that goes on is not over. */
const WATERMARK_MS = DAY_ZERO_MS + 100.5 * HOUR_MS;

let path: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-bands-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  await clickHouse.command(`CREATE VIEW weir.progress AS SELECT
    fromUnixTimestamp64Milli(toInt64(${WATERMARK_MS}), 'UTC') AS watermark, toInt64(0) AS allowed_lateness_ms`);
  for (const file of ['table.sql', 'bands.sql']) {
    const text = readFileSync(new URL(file, import.meta.url), 'utf8');
    for (const statement of statementsOf(text)) await clickHouse.command(statement);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

/** Orders of one zone that were placed in an hour, and how many of them were delivered within 24 hours. */
async function placed(zone: string, hour: number, orders: number, onTime24h: number) {
  await clickHouse.command(`INSERT INTO weir.fulfilment_1h_rows
    (window_start, zone, node_id, bin, task, corrected_on, placed, on_time_24h, on_time_48h, version)
    VALUES (fromUnixTimestamp64Milli(toInt64(${DAY_ZERO_MS + hour * HOUR_MS}), 'UTC'), '${zone}', 'n', '', 't', 0,
      ${orders}, ${onTime24h}, ${orders}, 1)`);
}

test('the bands are those of the definitions, and the columns those of the panel', async () => {
  const rows = await clickHouse.query(
    'SELECT zone, toUInt32(hours) AS hours, target_low AS low, target_high AS high FROM weir.fulfilment_bands ORDER BY zone DESC, hours',
  );
  expect(rows).toEqual(BANDS.toSorted((a, b) => (a.zone > b.zone ? -1 : 1)));
  const described = await clickHouse.query('DESCRIBE TABLE weir.fulfilment_bands');
  expect(described.map(({ name }) => name)).toEqual(FULFILMENT_BANDS_PANEL.query.columns);
});

test('a zone is judged by the newest day of placing whose hours are over', async () => {
  // The watermark is 100.5 h: hours 52 to 75 have had their 24 hours, and 28 to 51 their 48.
  await placed('suburban', 51, 1_000, 0);
  await placed('suburban', 52, 400, 350);
  await placed('suburban', 75, 600, 520);
  await placed('suburban', 76, 1_000, 0);
  await placed('urban', 60, 100, 70);
  await placed('urban', 61, 10, 8);
  const rows = await clickHouse.query(
    `SELECT zone, toUInt32(placed) AS placed, toUInt32(delivered) AS delivered, round(share_low, 6) AS low,
       round(share_high, 6) AS high, place, is_broken FROM weir.fulfilment_bands
     WHERE hours = 24 ORDER BY zone`,
  );
  expect(rows).toEqual([
    // definitions.md §7: 870 of 1,000.
    {
      zone: 'suburban',
      placed: 1_000,
      delivered: 870,
      low: 0.847732,
      high: 0.889436,
      place: 'above',
      is_broken: false,
    },
    expect.objectContaining({
      zone: 'urban',
      placed: 110,
      delivered: 78,
      place: 'below',
      is_broken: true,
    }),
  ]);
  const [later] = await clickHouse.query(
    `SELECT toUInt32(placed) AS placed, share, place FROM weir.fulfilment_bands WHERE zone = 'suburban' AND hours = 48`,
  );
  expect(later).toEqual({ placed: 1_000, share: 1, place: 'above' });
});

test('a zone without orders is not judged', async () => {
  const rows = await clickHouse.query(
    `SELECT toUInt32(placed) AS placed, share, place, is_broken FROM weir.fulfilment_bands WHERE zone = 'rural' AND hours = 72`,
  );
  expect(rows).toEqual([{ placed: 0, share: null, place: '', is_broken: false }]);
});
