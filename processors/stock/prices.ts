import type { AlertCost } from '../../schemas/alert.ts';

/** A list price from an instant on. */
export interface Price {
  readonly timeMs: number;
  readonly eventId: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** Prices kept per SKU that late events can still reorder. Beyond it the oldest goes. */
const PRICES_MAX = 64;

/**
 * The prices with another one, rising by time; of several of one instant the one with the greatest
 * event id holds. Of those before `horizonMs` only the newest is kept.
 */
export function withPrice(
  prices: readonly Price[] | null,
  price: Price,
  horizonMs: number,
): readonly Price[] {
  const others = (prices ?? []).filter(({ timeMs }) => timeMs !== price.timeMs);
  const same = prices?.find(({ timeMs }) => timeMs === price.timeMs);
  const holds = same !== undefined && same.eventId > price.eventId ? same : price;
  const sorted = others.concat(holds).toSorted((a, b) => a.timeMs - b.timeMs);
  const settled = sorted.findLastIndex(({ timeMs }) => timeMs < horizonMs);
  return sorted.slice(Math.max(0, settled, sorted.length - PRICES_MAX));
}

/** The cost of `units` at the price that held at `timeMs`, or at the oldest known after it. */
export function costOf(
  units: number,
  prices: readonly Price[] | null,
  timeMs: number,
): AlertCost | undefined {
  const price = prices?.findLast((candidate) => candidate.timeMs <= timeMs) ?? prices?.[0];
  if (price === undefined) return undefined;
  return { amountMinor: Math.round(units * price.amountMinor), currency: price.currency };
}
