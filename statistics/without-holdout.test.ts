import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  type SlotValue,
  baseline,
  geoDifference,
  prePost,
  trendBefore,
} from './without-holdout.ts';

// References: Simpson's rule over the density of t, bisection for the ends, erfc for the normal.
const REFERENCE_ERROR = 1e-9;

/** |actual ÷ expected − 1| of each pair, the largest. */
function errorOf(...pairs: readonly (readonly [number | undefined, number])[]): number {
  return Math.max(
    ...pairs.map(([actual, expected]) => Math.abs((actual ?? Number.NaN) / expected - 1)),
  );
}

test('PRE_POST is the mean after by the mean before, with Welch’s p and the changes that it does not exclude', () => {
  const change = prePost([10, 12, 8, 10], [15, 13, 14, 14]);
  expect(
    errorOf(
      [change?.point, 0.4],
      [change?.p, 0.009516082776595665],
      [change?.interval?.low, 0.1299106394877254],
      [change?.interval?.high, 0.8105916235419597],
    ),
  ).toBeLessThan(REFERENCE_ERROR);
});

test('PRE_POST says nothing of a single day, of days without a sale before, or where nothing varies', () => {
  expect(prePost([10], [12, 13])).toBeUndefined();
  expect(prePost([0, 0], [12, 13])).toBeUndefined();
  expect(prePost([10, 10], [12, 12])).toBeUndefined();
});

test('PRE_POST has no interval while the mean before cannot be told from zero', () => {
  const change = prePost([0, 0, 9], [5, 6, 7]);
  expect(change?.point).toBeCloseTo(1, 12);
  expect(change?.interval).toBeUndefined();
});

/** Two hours of the week, over four weeks. */
const BEFORE = slots([10, 12, 9, 11], [20, 18, 22, 20]);

test('BASELINE compares with levels that were smoothed by .3 until the start', () => {
  // Levels 10.384 and 20.126, squared errors 2.72992 and 3.38932.
  const week = baseline(BEFORE, slots([14], [24]));
  expect(
    errorOf(
      [week?.point, 38 / 30.51 - 1],
      [week?.p, 0.0024630759553826748],
      [(week?.interval?.high ?? 0) - (week?.point ?? 0), 0.1589112437570663],
    ),
  ).toBeLessThan(REFERENCE_ERROR);
});

test('the error of a frozen level counts in full in every week that it serves', () => {
  const weeks = baseline(BEFORE, slots([14, 13], [24, 25]));
  expect(
    errorOf(
      [weeks?.point, 0.24549328089151112],
      [weeks?.p, 6.524296893698747e-5],
      [(weeks?.interval?.high ?? 0) - (weeks?.point ?? 0), 0.12050041680691484],
    ),
  ).toBeLessThan(REFERENCE_ERROR);
});

test('BASELINE needs two observations of every hour that it compares', () => {
  expect(baseline(slots([10], [20, 21]), slots([14], [24]))).toBeUndefined();
  expect(baseline(BEFORE, [{ slot: 7, value: 1 }])).toBeUndefined();
});

/** Twenty control regions that sold about what they had sold before. */
const CONTROLS = [3, -2, 1, -4, 5, 0, 2, -1, 4, -3, 6, -5, 7, -6, 8, -7, 9, -8, 10, -9].map(
  (gain, index) => ({ before: 100 + index, after: 100 + index + gain }),
);

test('GEO_DID is the ratio of ratios, with its p among the placebos and the effects that it does not exclude', () => {
  const change = geoDifference({ before: 500, after: 650 }, CONTROLS);
  // The largest placebo is 0.0847457627118644.
  expect(
    errorOf(
      [change?.point, 0.2940909090909092],
      [change?.p, 1 / 21],
      [change?.interval?.low, 0.19299005681818193],
      [change?.interval?.high, 0.4139141414141414],
    ),
  ).toBeLessThan(REFERENCE_ERROR);
});

test('GEO_DID excludes nothing with fewer than nineteen control regions', () => {
  const treated = { before: 500, after: 5_000 };
  expect(geoDifference(treated, CONTROLS.slice(0, 18))).toMatchObject({
    p: 1 / 19,
    interval: undefined,
  });
  expect(geoDifference(treated, CONTROLS.slice(0, 19))?.interval).toBeDefined();
  expect(geoDifference({ before: 0, after: 1 }, CONTROLS)).toBeUndefined();
});

const anyRegion = fc.record({
  before: fc.integer({ min: 100, max: 180 }),
  after: fc.integer({ min: 100, max: 180 }),
});

test('an effect lies inside the interval of GEO_DID exactly when its test does not exclude it', () => {
  const property = fc.property(
    anyRegion,
    fc.array(anyRegion, { minLength: 19, maxLength: 60 }),
    fc.double({ min: -0.9, max: 4, noNaN: true }),
    (treated, controls, effect) => {
      const interval = geoDifference(treated, controls)?.interval;
      const left = { ...treated, after: treated.after / (1 + effect) };
      const p = geoDifference(left, controls)?.p ?? 0;
      // Where the largest placebo is a doubling or more, nothing can be excluded above.
      fc.pre(interval !== undefined);
      return (effect >= interval.low && effect <= interval.high) === p > 0.05;
    },
  );
  expect(() => fc.assert(property)).not.toThrow();
});

test('an interval leaves out "no change" exactly when p is at most .05', () => {
  const anyDays = fc.array(fc.integer({ min: 50, max: 150 }), { minLength: 3, maxLength: 12 });
  const property = fc.property(anyDays, anyDays, (before, after) => {
    const change = prePost(before, after);
    fc.pre(change?.interval !== undefined);
    const { low, high } = change.interval;
    return (low <= 0 && high >= 0) === change.p > 0.05;
  });
  expect(() => fc.assert(property)).not.toThrow();
});

test('a trend before the start is the slope of the logarithm of treated by control', () => {
  const trend = trendBefore(
    [
      [10, 20],
      [11, 20],
      [13, 21],
      [12, 20],
      [15, 22],
    ].map(([treated = 0, control = 0], day) => ({ day, treated, control })),
  );
  expect(
    errorOf([trend?.perDay, 0.07073212335973086], [trend?.p, 0.01422615318608182]),
  ).toBeLessThan(REFERENCE_ERROR);
  expect(trendBefore([])).toBeUndefined();
});

/** Weeks of two hours, in order of time. */
function slots(...hours: readonly (readonly number[])[]): readonly SlotValue[] {
  const weeks = Math.max(...hours.map((hour) => hour.length));
  return Array.from({ length: weeks }, (_week, week) =>
    hours.flatMap((hour, slot) => {
      const value = hour[week];
      return value === undefined ? [] : [{ slot, value }];
    }),
  ).flat();
}
