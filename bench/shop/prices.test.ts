import { expect, test } from 'vitest';

import { MINUTE_MS } from '../../schemas/time.ts';
import { readBack } from './read-back.ts';
import { Shop } from './shop.ts';

const shop = new Shop({ seed: 5, durationMs: 40 * MINUTE_MS, dayLengthMs: 5 * MINUTE_MS });
// Clicks are nine lines of ten, and nothing here is about them.
const text = [...shop.next(Number.MAX_SAFE_INTEGER), ...shop.finish()]
  .filter((event) => event.type !== 'click')
  .map((event) => event.line)
  .join('');
const truth = shop.truth();
const { orders, inventory, reference } = readBack(text);

/** The newest value of a key at or before an instant. */
class Timeline {
  readonly #values = new Map<string, { readonly timeMs: number; readonly value: number }[]>();

  set(key: string, timeMs: number, value: number): void {
    this.#values.set(key, [...(this.#values.get(key) ?? []), { timeMs, value }]);
  }

  at(key: string, timeMs: number): number | undefined {
    return this.#values
      .get(key)
      ?.toSorted((a, b) => a.timeMs - b.timeMs)
      .findLast((entry) => entry.timeMs <= timeMs)?.value;
  }
}

const prices = new Timeline();
for (const { kind, sku, channel, occurred_at: timeMs, price_minor: priceMinor } of inventory) {
  if (kind === 'price') prices.set(`${sku} ${channel}`, timeMs, priceMinor ?? Number.NaN);
}
const rates = new Timeline();
for (const { kind, quote, occurred_at: timeMs, rate } of reference) {
  if (kind === 'fx') rates.set(quote ?? '', timeMs, rate ?? Number.NaN);
}

test('an order is charged at the price in force on its channel', () => {
  const placed = orders.filter((order) => order.status === 'placed');
  expect(placed.length).toBeGreaterThan(500);
  const wrong = placed.filter((order) =>
    order.lines.some((line) => {
      const key = `${line.sku} ${order.sales_channel}`;
      // An order that waited for its stock is written up to some milliseconds after it was priced.
      const possible = [order.occurred_at, order.occurred_at - 5].map((timeMs) =>
        prices.at(key, timeMs),
      );
      return !possible.includes(line.unit_price_minor);
    }),
  );
  expect(wrong).toEqual([]);
});

test('every SKU has a price on every channel from the start, at parity', () => {
  for (const { sku } of truth.summary.skus) {
    const referenceMinor = prices.at(`${sku} dtc`, truth.summary.from) ?? Number.NaN;
    for (const channel of ['amazon', 'messaging']) {
      expect(prices.at(`${sku} ${channel}`, truth.summary.from)).toBe(referenceMinor);
    }
    const rate = rates.at('RON', truth.summary.from) ?? Number.NaN;
    expect(prices.at(`${sku} retail`, truth.summary.from)).toBe(Math.round(referenceMinor * rate));
  }
});

test('the truth has every change of a price with the gap that it leaves, and every change of a rate', () => {
  const changed = inventory.filter(
    (event) => event.kind === 'price' && event.occurred_at > truth.summary.from,
  );
  expect(truth.prices.length).toBe(changed.length);
  expect(new Set(truth.prices.map(({ cause }) => cause))).toEqual(
    new Set(['reference', 'drift', 'restored']),
  );
  for (const {
    sku,
    channel,
    occurred_at: timeMs,
    price_minor: priceMinor,
    currency,
    fx,
    gap,
    cause,
  } of truth.prices) {
    expect(prices.at(`${sku} ${channel}`, timeMs)).toBe(priceMinor);
    const rate = currency === 'EUR' ? 1 : (rates.at(currency, timeMs) ?? Number.NaN);
    expect(fx).toBe(rate);
    const referenceMinor = prices.at(`${sku} dtc`, timeMs) ?? Number.NaN;
    expect(gap).toBeCloseTo(priceMinor / (rate * referenceMinor) - 1, 9);
    // A price that drifts may end up at most 15 % below or 8 % above; the others are at parity.
    expect(Math.abs(gap)).toBeLessThan(cause === 'drift' ? 0.151 : 0.001);
  }
  const fxChanges = reference.filter(
    (event) => event.kind === 'fx' && event.occurred_at > truth.summary.from,
  );
  expect(truth.fx.map(({ occurred_at: timeMs, rate }) => [timeMs, rate])).toEqual(
    fxChanges
      .map((event) => [event.occurred_at, event.rate])
      .toSorted(([a], [b]) => Number(a) - Number(b)),
  );
  expect(truth.fx.length).toBeGreaterThan(40);
});
