import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildInventory, buildRate } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { createArchive } from '../archive/processor.ts';
import { INVENTORY_LOG } from '../archive/row.ts';
import type { RowsTable } from '../engine/operator/table.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { tsvRow } from '../engine/sink/lines.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { createParity } from './processor.ts';
import { PARITY_CURRENT, PARITY_SEGMENTS } from './row.ts';

const PARITY = createParity({
  allowedLatenessMs: 24 * HOUR_MS,
  referenceChannel: 'dtc',
  toleranceBasisPoints: 100,
  fxBandBasisPoints: 200,
  dwellMs: 10 * MINUTE_MS,
  staleAfterMs: 1_000 * HOUR_MS,
  taxBasisPointsOf: new Map(),
  owners: {},
});
/** The watermark of the stand-in for the engine's `weir.progress`. */
const WATERMARK_MS = DAY_ZERO_MS + 36 * HOUR_MS;

let path: string;
let clickHouse: ClickHouse;
let insertCount = 0;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-parity-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  await clickHouse.command(`CREATE VIEW weir.progress AS SELECT
    fromUnixTimestamp64Milli(toInt64(${WATERMARK_MS}), 'UTC') AS watermark, toInt64(0) AS allowed_lateness_ms`);
  for (const file of [createArchive(), PARITY].flatMap(({ migrations }) => migrations)) {
    for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
      await clickHouse.command(statement);
    }
  }
});

beforeEach(async () => {
  for (const { name } of PARITY.tables) await clickHouse.command(`TRUNCATE TABLE weir.${name}`);
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

/** Stores what the operator wrote, as the engine would. */
async function store(run: Run): Promise<void> {
  for (const table of [PARITY_CURRENT, PARITY_SEGMENTS] as const satisfies readonly RowsTable[]) {
    insertCount += 1;
    const lines = [...(run.output.rows.get(table.name)?.values() ?? [])].map(
      (values) => `${tsvRow(table.columns, values)}\t1\n`,
    );
    await clickHouse.insert({
      table: table.name,
      columns: [...table.columns.map(({ name }) => name), 'version'],
      rowCount: lines.length,
      body: Buffer.from(lines.join('')),
      token: `t${insertCount}`,
    });
  }
}

function price(hour: number, channel: string, priceMinor: number, currency: string): LawEvent {
  return {
    topic: 'weir.inventory',
    event: buildInventory({
      event_id: `${channel}-${hour}`,
      occurred_at: DAY_ZERO_MS + hour * HOUR_MS,
      kind: 'price',
      sku: 'cup',
      channel,
      on_hand: null,
      price_minor: priceMinor,
      currency,
    }),
  };
}

function rate(hour: number, units: number): LawEvent {
  const occurred_at = DAY_ZERO_MS + hour * HOUR_MS;
  return {
    topic: 'weir.internal.sku',
    event: buildRate({ event_id: `rate-${hour}`, occurred_at, rate: units }),
  };
}

test('a price without a reference is unknown, and the recomputation says so too', async () => {
  const run = new Run([...createArchive().operators, ...PARITY.operators]);
  run.apply(price(0, 'retail', 49_700, 'RON'));
  run.finish();
  await store(run);
  const facts = run.output.facts.get(INVENTORY_LOG.name) ?? [];
  await clickHouse.insert({
    table: INVENTORY_LOG.name,
    columns: [
      ...INVENTORY_LOG.columns.map(({ name }) => name),
      'topic',
      'partition',
      'offset',
      'index',
    ],
    rowCount: facts.length,
    body: Buffer.from(
      facts.map((values) => `${tsvRow(INVENTORY_LOG.columns, values)}\tweir\t0\t0\t0\n`).join(''),
    ),
    token: 'archive',
  });
  const recomputed = await clickHouse.query(
    ['audit-beginning.sql', 'audit-runs.sql', 'audit-current.sql']
      .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
      .join('\n'),
    {
      reference_channel: 'dtc',
      tax_rates: [],
      tolerance_bp: 100,
      fx_band_bp: 200,
      dwell_ms: 10 * MINUTE_MS,
      stale_after_ms: 1_000 * HOUR_MS,
    },
  );
  const live = await clickHouse.query('SELECT sku, channel, status FROM weir.parity_current');
  expect(live).toEqual([{ sku: 'cup', channel: 'retail', status: 'UNKNOWN' }]);
  expect(recomputed).toMatchObject(live);
});

/** The worked example of definitions.md §6: one change of each kind. */
const EXAMPLE = [
  price(0, 'dtc', 10_000, 'EUR'),
  rate(0, 4.97),
  price(0, 'retail', 49_700, 'RON'),
  price(6, 'retail', 47_215, 'RON'),
  rate(9, 5),
  price(12, 'dtc', 9_500, 'EUR'),
  price(18, 'retail', 47_500, 'RON'),
];

/** In the order of time, backwards, and with the rates last. */
const ORDERS = [
  EXAMPLE,
  EXAMPLE.toReversed(),
  EXAMPLE.toSorted((a, b) => Number(a.topic > b.topic) - Number(a.topic < b.topic)),
];

test.each(ORDERS.map((events) => ({ events })))(
  'the worked example gives its gaps, its mean, its minutes outside and its causes in any order',
  async ({ events }) => {
    const run = new Run(PARITY.operators);
    for (const event of events) run.apply(event);
    run.finish();
    await store(run);
    const segments = await clickHouse.query(
      `SELECT gap_ppb, side, round(fx_log, 8) AS fx_log, price_log = 0 AS is_price_still, reference_log = 0 AS is_reference_still
       FROM weir.parity_segments ORDER BY started_at`,
    );
    expect(segments.map(({ gap_ppb: gap, side }) => [Number(gap) / 1e9, side])).toEqual([
      [0, 'PARITY'],
      [-0.05, 'UNDER'],
      [-0.0557, 'UNDER'],
      [-0.006, 'PARITY'],
      [0, 'PARITY'],
    ]);
    expect(segments[2]).toMatchObject({
      fx_log: -0.00601807,
      is_price_still: 1,
      is_reference_still: 1,
    });
    const [day] = await clickHouse.query(
      `SELECT sum(gap_ppb_ms) / sum(observed_ms) / 1e9 AS mean, sum(outside_minutes) AS minutes,
         1 - sum(outside_ms) / sum(observed_ms) AS score
       FROM weir.parity_1h WHERE window_start < fromUnixTimestamp64Milli(toInt64(${DAY_ZERO_MS + 24 * HOUR_MS}), 'UTC')`,
    );
    expect(day?.['mean']).toBeCloseTo(-0.0147125, 12);
    expect(day).toMatchObject({ minutes: 360, score: 0.75 });
    const alerts = [...(run.output.rows.get('alerts_rows')?.values() ?? [])].filter(
      (row) => row.at(-1) === false,
    );
    expect(alerts.map((row) => [row[1], row[8], row[11]])).toEqual([
      ['price_drift', DAY_ZERO_MS + 6 * HOUR_MS + 10 * MINUTE_MS, DAY_ZERO_MS + 18 * HOUR_MS],
    ]);
    expect(alerts[0]?.at(-2)).toContain('5.00 % below dtc');
    expect(alerts[0]?.at(-2)).toContain('the price on retail changed');
  },
);

/** Hourly gaps of the worked example of the three detectors. */
const DRIFTING = [
  0.001, -0.002, 0.003, 0, -0.001, 0.002, -0.012, -0.015, -0.011, -0.018, -0.014, -0.016,
];

test('CUSUM, EWMA and Page-Hinkley raise their alarms at the hours of the worked example', async () => {
  // A reference period of 24 hours whose gaps are one hundredth up and down: sigma is 0.01.
  const reference = Array.from({ length: 24 }, (_, hour) => (hour % 2 === 0 ? 0.01 : -0.01));
  const run = new Run(PARITY.operators);
  run.apply(price(0, 'dtc', 100_000, 'EUR'));
  for (const [hour, gap] of [...reference, ...DRIFTING].entries()) {
    run.apply(price(hour, 'amazon', Math.round(100_000 * (1 + gap)), 'EUR'));
  }
  run.finish();
  await store(run);
  const hours = await clickHouse.query(
    `SELECT sigma, cusum_down, cusum_alarm, ewma, ewma_limit, ewma_alarm, page_hinkley, page_hinkley_alarm,
       dateDiff('hour', fromUnixTimestamp64Milli(toInt64(${DAY_ZERO_MS + 24 * HOUR_MS}), 'UTC'), changed_at) AS change_index
     FROM weir.parity_drift_1h ORDER BY window_start`,
  );
  const firstOf = (column: string): number => hours.findIndex((hour) => Number(hour[column]) === 1);
  expect(hours).toHaveLength(DRIFTING.length);
  expect(hours[0]?.['sigma']).toBeCloseTo(0.01, 12);
  expect([firstOf('cusum_alarm'), firstOf('ewma_alarm'), firstOf('page_hinkley_alarm')]).toEqual([
    11, 10, 9,
  ]);
  expect(hours[11]?.['cusum_down']).toBeCloseTo(0.056, 9);
  expect(Number(hours[11]?.['change_index'])).toBe(6);
  expect(hours[10]?.['ewma']).toBeCloseTo(-0.00946, 6);
  expect(hours[10]?.['ewma_limit']).toBeCloseTo(0.008967, 6);
  expect(hours[9]?.['page_hinkley']).toBeCloseTo(3.851967, 6);
});
