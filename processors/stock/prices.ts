import type { AlertCost } from '../../schemas/alert.ts';
import { PackReader, PackWriter } from '../../schemas/packed.ts';

/** A list price from an instant on. */
export interface Price {
  readonly timeMs: number;
  /** Empty once no other price of its instant can arrive. */
  readonly eventId: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** The prices of a SKU, rising by time, in one string; empty while there are none. */
export type StoredPrices = string;

/** Prices kept per SKU that a stockout or a late event can still ask for. Beyond it the oldest goes. */
const PRICES_MAX = 64;

/** Operators are synchronous, so one of each is enough for all. */
const writer = new PackWriter();
const reader = new PackReader();

/**
 * The prices with another one; of several of one instant the one with the greatest event id holds.
 *
 * @param keep.fromMs of the prices before it only the newest is kept
 * @param keep.horizonMs before it no other price can arrive
 */
export function withPrice(
  stored: StoredPrices,
  price: Price,
  keep: { readonly fromMs: number; readonly horizonMs: number },
): StoredPrices {
  const prices = openPrices(stored);
  const others = prices.filter(({ timeMs }) => timeMs !== price.timeMs);
  const same = prices.find(({ timeMs }) => timeMs === price.timeMs);
  const holds = same !== undefined && same.eventId > price.eventId ? same : price;
  const sorted = others.concat(holds).toSorted((a, b) => a.timeMs - b.timeMs);
  const first = sorted.findLastIndex(({ timeMs }) => timeMs < keep.fromMs);
  for (const { timeMs, eventId, amountMinor, currency } of sorted.slice(
    Math.max(0, first, sorted.length - PRICES_MAX),
  )) {
    writer.number(timeMs);
    writer.text(timeMs < keep.horizonMs ? '' : eventId);
    writer.number(amountMinor);
    writer.text(currency);
  }
  return writer.take();
}

/**
 * The cost of `units` at the price that held at `timeMs`; undefined when there was none yet. A later
 * price says nothing about it: it may come when the result is final.
 */
export function costOf(units: number, stored: StoredPrices, timeMs: number): AlertCost | undefined {
  const prices = openPrices(stored);
  const price = prices.findLast((candidate) => candidate.timeMs <= timeMs);
  if (price === undefined) return undefined;
  return { amountMinor: Math.round(units * price.amountMinor), currency: price.currency };
}

function openPrices(stored: StoredPrices): Price[] {
  const prices: Price[] = [];
  reader.open(stored);
  while (reader.hasMore()) {
    prices.push({
      timeMs: reader.number(),
      eventId: reader.text(),
      amountMinor: reader.number(),
      currency: reader.text(),
    });
  }
  return prices;
}
