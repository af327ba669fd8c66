import { expect, test } from 'vitest';

import { GammaQuantiles } from './gamma-quantiles.ts';
import { lnBetaRatio, lnNegativeBinomialTail } from './incomplete-beta.ts';
import { gammaQuantile, lnLowerGamma, lnUpperGamma } from './incomplete-gamma.ts';
import { GAMMA_QUANTILES, GAMMA_TAILS, NEGATIVE_BINOMIAL_TAILS } from './reference-values.ts';

/** Relative error of exp(actual) against exp(expected). */
function errorOfLogarithm(actual: number, expected: number): number {
  return Math.abs(Math.expm1(actual - expected));
}

test.each(GAMMA_TAILS)('the tails of Gamma(%f) at %f are right to 1e-9', (a, x, lower, upper) => {
  expect(errorOfLogarithm(lnLowerGamma(a, x), lower)).toBeLessThan(1e-9);
  expect(errorOfLogarithm(lnUpperGamma(a, x), upper)).toBeLessThan(1e-9);
});

test.each(GAMMA_QUANTILES)('the quantile of Gamma(%f) at %f is right to 1e-9', (a, p, expected) => {
  expect(Math.abs(gammaQuantile(a, p) / expected - 1)).toBeLessThan(1e-9);
});

test.each([0.025, 0.5, 0.975])(
  'interpolated quantiles at %f are those that are computed',
  (chance) => {
    const quantiles = new GammaQuantiles(chance);
    for (let exponent = -6; exponent < 20; exponent += 0.171) {
      const shape = 2 ** exponent;
      const exact = gammaQuantile(shape, chance);
      expect(Math.abs(quantiles.at(shape) / exact - 1)).toBeLessThan(1e-11);
    }
    expect(quantiles.at(4)).toBeCloseTo(gammaQuantile(4, chance), 12);
  },
);

test.each(NEGATIVE_BINOMIAL_TAILS)(
  'P(X ≥ count) for Gamma(%f, %f), horizon %f, count %f is right to 1e-9',
  (shape, exposure, horizon, count, expected) => {
    const actual = lnNegativeBinomialTail({ shape, exposure }, horizon, count);
    expect(errorOfLogarithm(actual, expected)).toBeLessThan(1e-9);
  },
);

test('the reference values cover tiny and huge arguments and chances', () => {
  const shapes = NEGATIVE_BINOMIAL_TAILS.map(([shape]) => shape);
  expect([Math.min(...shapes), Math.max(...shapes)]).toEqual([0.001, 5_000]);
  expect(Math.min(...NEGATIVE_BINOMIAL_TAILS.map((row) => row[4]))).toBeLessThan(-15);
  expect(Math.min(...GAMMA_TAILS.map((row) => row[2]))).toBeLessThan(-400);
  expect(Math.max(...GAMMA_TAILS.map(([a]) => a))).toBe(100_000);
});

test('the ends of the range are exact', () => {
  expect(lnLowerGamma(2, 0)).toBe(Number.NEGATIVE_INFINITY);
  expect(lnUpperGamma(2, 0)).toBe(0);
  expect(lnBetaRatio({ a: 2, b: 3 }, { x: 0, y: 1 })).toBe(Number.NEGATIVE_INFINITY);
  expect(lnBetaRatio({ a: 2, b: 3 }, { x: 1, y: 0 })).toBe(0);
  expect(lnNegativeBinomialTail({ shape: 3, exposure: 1 }, 5, 0)).toBe(0);
  expect(lnNegativeBinomialTail({ shape: 0, exposure: 1 }, 5, 1)).toBe(Number.NEGATIVE_INFINITY);
  expect(gammaQuantile(0.001, 1e-10)).toBe(0);
});

test('I_x(a, b) and I_y(b, a) add up to one', () => {
  for (const [a, b, x] of [
    [0.3, 7, 0.04],
    [90, 36, 0.7],
    [5_000, 4_000, 0.55],
  ] as const) {
    const lower = Math.exp(lnBetaRatio({ a, b }, { x, y: 1 - x }));
    const upper = Math.exp(lnBetaRatio({ a: b, b: a }, { x: 1 - x, y: x }));
    expect(lower + upper).toBeCloseTo(1, 12);
  }
});
