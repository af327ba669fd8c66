import { type Static, Type } from '@sinclair/typebox';

import type { Row } from '../schemas/panel.ts';
import { PLAIN_ERRORS, wilsonInterval } from '../statistics/proportion.ts';
import { ratioOf } from '../statistics/two-samples.ts';

const Bounded = Type.Object(
  { point: Type.Number(), low: Type.Number(), high: Type.Number() },
  { description: 'A share or mean with its 95 % interval' },
);

/** A value with its 95 % interval, null where there is nothing to say. */
export const BoundedOrNull = Type.Union([Bounded, Type.Null()]);
export type BoundedOrNull = Static<typeof BoundedOrNull>;

/** The number in a column of a row, 0 where there is none. */
export function numberIn(row: Row | undefined, name: string): number {
  return Number(row?.[name] ?? 0);
}

/** The share of one column in another, with Wilson's interval; null of nothing. */
export function boundedShare(row: Row | undefined, part: string, whole: string): BoundedOrNull {
  return wilsonInterval(numberIn(row, part), numberIn(row, whole)) ?? null;
}

/**
 * Revenue per order with the delta method's interval over customers, from their sums y, yy, d, dd and yd;
 * null for fewer than two of them.
 *
 * @param count column with the number of customers
 */
export function boundedOrderValue(row: Row | undefined, count: string): BoundedOrNull {
  const customers = numberIn(row, count);
  if (customers < 2) return null;
  const { mean, variance } = ratioOf({
    value: { count: customers, sum: numberIn(row, 'y'), sumOfSquares: numberIn(row, 'yy') },
    base: { count: customers, sum: numberIn(row, 'd'), sumOfSquares: numberIn(row, 'dd') },
    sumOfProducts: numberIn(row, 'yd'),
  });
  const half = PLAIN_ERRORS * Math.sqrt(Math.max(0, variance) / customers);
  return { point: mean, low: mean - half, high: mean + half };
}
