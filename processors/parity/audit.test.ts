import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import { ALERTS } from '../../schemas/alert.ts';
import type { Row, Value } from '../../schemas/panel.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import {
  DAY_ZERO_MS,
  buildInventory,
  buildRate,
  buildReference,
} from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { createArchive } from '../archive/processor.ts';
import { INVENTORY_LOG, REFERENCE_LOG } from '../archive/row.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { tsvRow } from '../engine/sink/lines.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { createParityOperator } from './operator.ts';
import { PARITY_CURRENT } from './row.ts';

const OPERATOR = createParityOperator({
  allowedLatenessMs: DAY_MS,
  referenceChannel: 'dtc',
  toleranceBasisPoints: 100,
  fxBandBasisPoints: 200,
  dwellMs: 10 * MINUTE_MS,
  staleAfterMs: 45 * MINUTE_MS,
  taxBasisPointsOf: new Map(),
  owners: {},
});
const PARAMETERS = {
  reference_channel: 'dtc',
  tax_rates: [],
  tolerance_bp: 100,
  fx_band_bp: 200,
  dwell_ms: 10 * MINUTE_MS,
  stale_after_ms: 45 * MINUTE_MS,
};
const MINUTES = 600;
/** Some feeds are silent by then, others are not, and some runs are within their dwell. */
const WATERMARK_MS = DAY_ZERO_MS + (MINUTES + 5) * MINUTE_MS;

let path: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-parity-audit-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  await clickHouse.command(`CREATE VIEW weir.progress AS SELECT
    fromUnixTimestamp64Milli(toInt64(${WATERMARK_MS}), 'UTC') AS watermark`);
  await clickHouse.command(`CREATE TABLE weir.parity_current (sku String, channel String,
    as_of DateTime64(3, 'UTC')) ENGINE = Memory`);
  const [file] = createArchive().migrations;
  for (const statement of statementsOf(file === undefined ? '' : readFileSync(file, 'utf8'))) {
    await clickHouse.command(statement);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

/** Prices of some SKUs in two currencies, with promotions, pauses and rates that jump. */
function anyPrices(random: Random): readonly LawEvent[] {
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[random.below(from.length)] ?? from[0];
  return Array.from({ length: 900 }, (_, index): LawEvent => {
    const channel = pick('dtc', 'dtc', 'amazon', 'retail');
    const prices = {
      dtc: [10_000, 10_080, 9_500],
      amazon: [10_000, 9_930, 9_800, 10_500, 9_500],
      retail: [49_700, 50_300, 48_000, 52_000],
    } as const;
    const own: readonly number[] = prices[channel];
    return {
      topic: 'weir.inventory',
      event: buildInventory({
        event_id: `p${index}`,
        occurred_at: DAY_ZERO_MS + random.below(MINUTES) * MINUTE_MS,
        kind: 'price',
        sku: `sku-${random.below(20)}`,
        channel,
        on_hand: null,
        price_minor: own[random.below(own.length)] ?? 0,
        currency: channel === 'retail' ? 'RON' : 'EUR',
        promo_id: random.chance(0.2) ? 'sale' : null,
      }),
    };
  });
}

/** A rate now and then, no two at one minute. */
function anyRates(random: Random): readonly { readonly timeMs: number; readonly rate: number }[] {
  const rates = [4.97, 5, 5.06, 5.2];
  return Array.from({ length: 12 }, (_, index) => ({
    timeMs: DAY_ZERO_MS + (index * 50 + random.below(50)) * MINUTE_MS,
    rate: rates[random.below(rates.length)] ?? 5,
  }));
}

async function storeFacts(run: Run): Promise<void> {
  for (const table of [INVENTORY_LOG, REFERENCE_LOG]) {
    const lines = (run.output.facts.get(table.name) ?? []).map(
      (values, index) => `${tsvRow(table.columns, values)}\tweir\t0\t${index}\t0\n`,
    );
    await clickHouse.insert({
      table: table.name,
      columns: [...table.columns.map(({ name }) => name), 'topic', 'partition', 'offset', 'index'],
      rowCount: lines.length,
      body: Buffer.from(lines.join('')),
      token: table.name,
    });
  }
}

function recomputed(...files: readonly string[]): Promise<readonly Row[]> {
  const sql = ['audit-beginning.sql', ...files]
    .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
    .join('');
  return clickHouse.query(sql, PARAMETERS);
}

/** As text, in an order of their own. */
function sorted(rows: readonly (readonly unknown[])[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}

test('prices stand, drift and fall silent where the SQL that recomputes them says', async () => {
  const random = new Random(3, 'parity-audit');
  const rates = anyRates(random);
  const prices = anyPrices(random);
  const archive = new Run(createArchive().operators);
  const run = new Run([OPERATOR]);
  for (const [index, { timeMs, rate }] of rates.entries()) {
    const about = { event_id: `r${index}`, occurred_at: timeMs, base: 'EUR', quote: 'RON', rate };
    archive.apply({ topic: 'weir.reference', event: buildReference({ ...about, kind: 'fx' }) });
    run.apply({ topic: 'weir.internal.sku', event: buildRate(about) });
  }
  for (const event of prices) {
    archive.apply(event);
    run.apply(event);
  }
  run.finish(() => WATERMARK_MS);
  await storeFacts(archive);

  const rowsOf = (name: string): readonly (readonly Value[])[] => [
    ...(run.output.rows.get(name)?.values() ?? []),
  ];
  const at = (name: string): number => ALERTS.columns.findIndex((column) => column.name === name);
  const textOf = (value: Value | undefined): string =>
    value === null
      ? 'open'
      : new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '');
  const alertsOf = (kind: string): readonly (readonly unknown[])[] =>
    rowsOf(ALERTS.name)
      .filter((row) => row[at('kind')] === kind && row[at('withdrawn')] !== true)
      .map((row) => [
        row[at('subject')],
        textOf(row[at('opened_at')]),
        textOf(row[at('resolved_at')]),
        String(row[at('detail')]).replace(/^.* % /, ''),
      ]);
  const drifts = alertsOf('price_drift');
  const silences = alertsOf('price_feed_stale').map((row) => row.slice(0, -1));
  const current = rowsOf(PARITY_CURRENT.name);

  expect(
    sorted(
      (await recomputed('audit-runs.sql', 'audit-drifts.sql')).map((row) => [
        row['subject'],
        row['opened_at'],
        row['resolved'],
        row['told'],
      ]),
    ),
  ).toEqual(sorted(drifts));
  expect(
    sorted(
      (await recomputed('audit-silences.sql')).map((row) => [
        row['subject'],
        row['opened_at'],
        row['resolved'],
      ]),
    ),
  ).toEqual(sorted(silences));
  expect(
    sorted(
      (await recomputed('audit-runs.sql', 'audit-current.sql')).map((row) => [
        row['sku'],
        row['channel'],
        row['status'],
        row['cause'],
      ]),
    ),
  ).toEqual(sorted(current.map((row) => row.slice(0, 4))));
  // Every way that a drift can begin and end is among them, and every status.
  const causes = ['the price on dtc', 'the price on amazon', 'the price on retail', 'the exchange'];
  for (const cause of causes) {
    expect(drifts.filter((row) => String(row[3]).includes(cause)).length).toBeGreaterThan(2);
  }
  for (const incidents of [drifts, silences]) {
    expect(incidents.filter((row) => row[2] === 'open').length).toBeGreaterThan(2);
    expect(incidents.length).toBeGreaterThan(30);
  }
  expect(new Set(current.map((row) => row[2]))).toEqual(
    new Set(['STALE', 'UNDER', 'OVER', 'PARITY']),
  );
});
