import { expect, test } from 'vitest';

import { wilsonInterval } from './wilson.ts';

test('870 of 1,000 lie between 84.7732 and 88.9436 %', () => {
  const interval = wilsonInterval(870, 1_000);
  expect(interval?.low).toBeCloseTo(0.847732, 6);
  expect(interval?.high).toBeCloseTo(0.889436, 6);
});

test('the ends of the interval are the shares from which the observed one is 1.96 deviations away', () => {
  for (const trials of [1, 2, 7, 50, 1_000, 1_000_000]) {
    for (const successes of new Set([0, 1, Math.floor(trials / 3), trials - 1, trials])) {
      const { low = Number.NaN, high = Number.NaN } = wilsonInterval(successes, trials) ?? {};
      const deviations = [low, high].map(
        (end) =>
          (successes / trials - end) ** 2 * trials - 1.959963984540054 ** 2 * end * (1 - end),
      );
      for (const deviation of deviations) expect(Math.abs(deviation)).toBeLessThan(1e-6);
      expect(low).toBeLessThanOrEqual(successes / trials);
      expect(high).toBeGreaterThanOrEqual(successes / trials);
    }
  }
});

test('without trials there is no interval', () => {
  expect(wilsonInterval(0, 0)).toBeUndefined();
});
