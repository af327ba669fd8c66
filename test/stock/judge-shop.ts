import type { RowsTable } from '../../processors/engine/operator/table.ts';
import { STOCK_CURRENT, STOCK_INCIDENTS } from '../../processors/stock/row.ts';
import type { Row } from '../../schemas/panel.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { type StockShopRun, placeOf } from './shop-run.ts';

/** How right the stock processor was about a shop whose truth is known. Counts. */
export interface Judgement {
  /** SKU-days in which incidents were judged: a SKU counts once, at however many nodes it is. */
  readonly skuDays: number;
  /** Stockouts of what had been in stock for long enough to be warned of. */
  readonly stockouts: number;
  /** Of these, those that were AT_RISK a share of the lead time before. */
  readonly foreseen: number;
  /** Of these, those of which an incident was open then. */
  readonly told: number;
  /** Incidents of kind at_risk that are over, and those of them during which nothing ran out. */
  readonly risks: number;
  readonly falseRisks: number;
  /** Rates of demand, and those whose true value is inside the interval. */
  readonly rates: number;
  readonly knownRates: number;
  readonly phantoms: number;
  /** SKUs × nodes that are called phantom stock, and the true ones among them. */
  readonly suspects: number;
  readonly foundPhantoms: number;
}

/** Nothing is judged before: what an item sells has to be seen first. */
const WARM_UP_MS = DAY_MS;
/** A warning is of use when it comes this share of the lead time before the stockout. */
const LEAD_SHARE = 0.2;
const FALSE_DISCOVERY_RATE = 0.1;

/** Compares what was shown of the shop with what was true. */
export function judgeShop(shop: StockShopRun): Judgement {
  const current = rowsOf(shop, STOCK_CURRENT);
  const suspects = suspectsOf(current);
  const phantoms = new Set(shop.truth.phantoms.map((phantom) => placeOf(phantom)));
  const days = (shop.toMs - shop.fromMs - WARM_UP_MS) / DAY_MS;
  return {
    skuDays: shop.truth.summary.skus.length * days,
    ...warningsOf(shop, current),
    ...ratesOf(shop, current, phantoms),
    phantoms: phantoms.size,
    suspects: suspects.length,
    foundPhantoms: suspects.filter((place) => phantoms.has(place)).length,
  };
}

function warningsOf(
  { truth, fromMs, toMs, states, ...shop }: StockShopRun,
  current: readonly Row[],
): Pick<Judgement, 'stockouts' | 'foreseen' | 'told' | 'risks' | 'falseRisks'> {
  const leadMsOf = new Map(
    current.map((row) => [placeOf(row), Number(row['lead_time_days']) * DAY_MS]),
  );
  const judgedMs = fromMs + WARM_UP_MS;
  const risks = rowsOf(shop, STOCK_INCIDENTS)
    .filter((row) => row['kind'] === 'at_risk' && row['withdrawn'] === false)
    .map((row) => ({
      place: placeOf(row),
      openedMs: Number(row['opened_at']),
      resolvedMs: row['resolved_at'] === null ? toMs : Number(row['resolved_at']),
    }));
  const outs = truth.stockouts.map((stockout) => ({
    place: placeOf(stockout),
    fromMs: stockout.from,
    toMs: stockout.to ?? Number.POSITIVE_INFINITY,
  }));
  let stockouts = 0;
  let foreseen = 0;
  let told = 0;
  for (const out of outs) {
    const neededMs = out.fromMs - LEAD_SHARE * (leadMsOf.get(out.place) ?? 0);
    const wasOut = outs.some(
      (other) => other.place === out.place && other.fromMs < out.fromMs && other.toMs > neededMs,
    );
    if (out.fromMs < judgedMs || out.fromMs >= toMs || wasOut) continue;
    stockouts += 1;
    const shown = states.get(out.place)?.findLast((state) => state.fromMs <= neededMs);
    if (shown?.state === 'AT_RISK') foreseen += 1;
    const isTold = risks.some(
      ({ place, openedMs, resolvedMs }) =>
        place === out.place && openedMs <= neededMs && resolvedMs >= neededMs,
    );
    if (isTold) told += 1;
  }
  const over = risks.filter(
    ({ openedMs, resolvedMs }) => openedMs >= judgedMs && resolvedMs < toMs,
  );
  const falseRisks = over.filter(
    ({ place, openedMs, resolvedMs }) =>
      !outs.some(
        (out) => out.place === place && out.fromMs >= openedMs && out.fromMs <= resolvedMs,
      ),
  ).length;
  return { stockouts, foreseen, told, risks: over.length, falseRisks };
}

/** Rates of phantom stock cannot be seen. */
function ratesOf(
  { truth }: StockShopRun,
  current: readonly Row[],
  phantoms: ReadonlySet<string>,
): Pick<Judgement, 'rates' | 'knownRates'> {
  const rowOf = new Map(current.map((row) => [placeOf(row), row]));
  const rates = truth.summary.skus.flatMap(({ sku, nodes }) =>
    nodes.map(({ node_id, units_per_day: rate }) => ({ place: placeOf({ sku, node_id }), rate })),
  );
  const judged = rates.filter(({ place }) => !phantoms.has(place));
  const known = judged.filter(({ place, rate }) => {
    const row = rowOf.get(place);
    return Number(row?.['rate_low']) <= rate && rate <= Number(row?.['rate_high']);
  });
  return { rates: judged.length, knownRates: known.length };
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
  return ranked.slice(0, last + 1).map((row) => placeOf(row));
}

function rowsOf({ run }: Pick<StockShopRun, 'run'>, table: RowsTable): readonly Row[] {
  const rows = [...(run.output.rows.get(table.name)?.values() ?? [])];
  return rows.map((values) =>
    Object.fromEntries(table.columns.map(({ name }, index) => [name, values[index] ?? null])),
  );
}
