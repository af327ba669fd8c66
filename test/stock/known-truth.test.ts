import { expect, test } from 'vitest';

import type { StockoutTruth } from '../../bench/shop/truth.ts';
import type { RowsTable } from '../../processors/engine/operator/table.ts';
import { STOCK_CURRENT, STOCK_INCIDENTS } from '../../processors/stock/row.ts';
import type { Row } from '../../schemas/panel.ts';
import { DAY_MS, SECOND_MS } from '../../schemas/time.ts';
import { type StockShopRun, runStockShop } from './shop-run.ts';

const DAYS = 6;
/** Nothing is judged before: what an item sells has to be seen first. */
const WARM_UP_MS = DAY_MS;
/** A warning is of use when it comes this share of the lead time before the stockout. */
const LEAD_SHARE = 0.2;
const PHANTOMS = 12;
const FALSE_DISCOVERY_RATE = 0.1;

/** The hours of the day as another shop's orders spread over them. */
const PROFILE = runStockShop({ seed: 1, days: 2, phantomCount: 0, profile: [] }).unitsByHour;

function rowsOf({ run }: StockShopRun, table: RowsTable): readonly Row[] {
  const rows = [...(run.output.rows.get(table.name)?.values() ?? [])];
  return rows.map((values) =>
    Object.fromEntries(table.columns.map(({ name }, index) => [name, values[index] ?? null])),
  );
}

function keyOf(of: { readonly sku?: unknown; readonly node_id?: unknown }): string {
  return `${String(of.sku)} at ${String(of.node_id)}`;
}

test.each([11, 12, 13])(
  'stockouts of a simulated shop are foreseen, rates known and phantoms found (seed %i)',
  (seed) => {
    const shop = runStockShop({ seed, days: DAYS, phantomCount: PHANTOMS, profile: PROFILE });
    const current = rowsOf(shop, STOCK_CURRENT);
    const risks = rowsOf(shop, STOCK_INCIDENTS).filter(
      (row) => row['kind'] === 'at_risk' && row['withdrawn'] === false,
    );
    expect(foreseenShare(shop, current, risks)).toBeGreaterThanOrEqual(0.9);
    expect(unfoundedCount(shop, current, risks) / risks.length).toBeLessThan(0.1);
    expect(knownRateShare(shop, current)).toBeGreaterThanOrEqual(0.93);
    const suspects = suspectsOf(current);
    const phantoms = new Set(shop.truth.phantoms.map((phantom) => keyOf(phantom)));
    const foundCount = suspects.filter((key) => phantoms.has(key)).length;
    expect(phantoms.size).toBe(PHANTOMS);
    expect(foundCount / phantoms.size).toBeGreaterThanOrEqual(0.6);
    expect((suspects.length - foundCount) / suspects.length).toBeLessThanOrEqual(0.1);
  },
  120 * SECOND_MS,
);

/** Share of the stockouts, of what was in stock before, that were AT_RISK a share of the lead time before. */
function foreseenShare(
  { truth, fromMs, toMs }: StockShopRun,
  current: readonly Row[],
  risks: readonly Row[],
): number {
  let count = 0;
  let foreseenCount = 0;
  for (const stockout of truth.stockouts) {
    const neededMs = stockout.from - LEAD_SHARE * leadMsOf(current, stockout);
    const wasOut = truth.stockouts.some(
      (other) =>
        keyOf(other) === keyOf(stockout) &&
        other.from < stockout.from &&
        (other.to ?? 0) > neededMs,
    );
    if (stockout.from < fromMs + WARM_UP_MS || stockout.from >= toMs || wasOut) continue;
    count += 1;
    const isForeseen = risks.some(
      (risk) =>
        keyOf(risk) === keyOf(stockout) &&
        Number(risk['opened_at']) <= neededMs &&
        (risk['resolved_at'] === null || Number(risk['resolved_at']) >= neededMs),
    );
    if (isForeseen) foreseenCount += 1;
  }
  expect(count).toBeGreaterThan(30);
  return foreseenCount / count;
}

/** Risks after which nothing ran out within the lead time. */
function unfoundedCount(
  { truth, fromMs, toMs }: StockShopRun,
  current: readonly Row[],
  risks: readonly Row[],
): number {
  return risks.filter((risk) => {
    const openedMs = Number(risk['opened_at']);
    const endMs = Number(risk['resolved_at'] ?? toMs) + leadMsOf(current, risk);
    return (
      openedMs >= fromMs + WARM_UP_MS &&
      !truth.stockouts.some(
        (stockout: StockoutTruth) =>
          keyOf(stockout) === keyOf(risk) && stockout.from >= openedMs && stockout.from <= endMs,
      )
    );
  }).length;
}

/** Share of the true rates inside their 95 % interval; those of phantom stock can not be seen. */
function knownRateShare({ truth }: StockShopRun, current: readonly Row[]): number {
  const phantoms = new Set(truth.phantoms.map((phantom) => keyOf(phantom)));
  const rowOf = new Map(current.map((row) => [keyOf(row), row]));
  const rates = truth.summary.skus.flatMap(({ sku, nodes }) =>
    nodes
      .filter(({ node_id }) => !phantoms.has(keyOf({ sku, node_id })))
      .map(({ node_id, units_per_day: rate }) => ({
        row: rowOf.get(keyOf({ sku, node_id })),
        rate,
      })),
  );
  const knownCount = rates.filter(
    ({ row, rate }) => Number(row?.['rate_low']) <= rate && rate <= Number(row?.['rate_high']),
  ).length;
  return knownCount / rates.length;
}

/** Those that Benjamini and Hochberg's procedure calls, as `weir.stock_phantoms` does. */
function suspectsOf(current: readonly Row[]): readonly string[] {
  const ranked = current
    .filter((row) => row['phantom_p'] !== null && Number(row['available']) > 0)
    .toSorted((a, b) => Number(a['phantom_p']) - Number(b['phantom_p']));
  const last = ranked.findLastIndex(
    (row, index) =>
      Number(row['phantom_p']) <= (FALSE_DISCOVERY_RATE * (index + 1)) / ranked.length,
  );
  return ranked.slice(0, last + 1).map((row) => keyOf(row));
}

function leadMsOf(current: readonly Row[], of: Row | StockoutTruth): number {
  const row = current.find((candidate) => keyOf(candidate) === keyOf(of));
  return Number(row?.['lead_time_days']) * DAY_MS;
}
