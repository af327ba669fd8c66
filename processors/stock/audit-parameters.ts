import { HALF_LIFE_MS, HOURS_PER_WEEK } from './week-profile.ts';

/** What audit.sql has to be told about demand: the weights of the 168 hours of a week, 1 on average. */
export function profileParameters(weights: readonly number[]): {
  readonly half_life_ms: number;
  readonly is_flat: boolean;
  readonly profile: readonly string[];
} {
  const isFlat = weights.every((weight) => weight === weights[0]);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return {
    half_life_ms: HALF_LIFE_MS,
    is_flat: isFlat,
    profile: Array.from({ length: HOURS_PER_WEEK }, (_, hour) =>
      String(isFlat ? 1 : (weights[hour % weights.length] ?? 0) / mean),
    ),
  };
}

/** What audit-forecasts.sql recomputes, as it is shown: six decimals, empty where there is none. */
export const STOCK_FORECASTS_SQL = `SELECT sku, node_id, ${[
  ['phantom_p', 'phantom'],
  ['tsb_per_day', 'tsb'],
  ['croston_per_day', 'croston'],
  ['sba_per_day', 'sba'],
  ['wape', 'error'],
]
  .map(([column, name]) => `ifNull(printf('%.6f', ${column}), '') AS ${name}`)
  .join(', ')} FROM weir.stock_current`;
