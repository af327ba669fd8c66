import type { StockRow } from '../live/rows.ts';

/** A SKU × node in stock whose pause in sales is too long to be chance. */
export interface Phantom {
  readonly row: StockRow;
  /** Chance of such a pause, 0 to 1. */
  readonly chance: number;
}

/** Share of false ones among those that are called, as `weir.stock_phantoms` has it. */
const FALSE_DISCOVERY_RATE = 0.1;

/**
 * What is probably not on the shelf although it is counted, what sells fastest first.
 *
 * @see Benjamini, Hochberg: Controlling the false discovery rate, JRSS B 57, 1995
 */
export function phantomsOf(rows: Iterable<StockRow>): readonly Phantom[] {
  const ranked: Phantom[] = [];
  for (const row of rows) {
    const { phantom_p: chance, available = 0 } = row;
    if (chance !== undefined && available > 0) ranked.push({ row, chance });
  }
  ranked.sort((a, b) => a.chance - b.chance);
  const last = ranked.findLastIndex(
    ({ chance }, index) => chance <= (FALSE_DISCOVERY_RATE * (index + 1)) / ranked.length,
  );
  return ranked
    .slice(0, last + 1)
    .toSorted((a, b) => (b.row.rate_per_day ?? 0) - (a.row.rate_per_day ?? 0));
}
