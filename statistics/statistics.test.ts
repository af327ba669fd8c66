import { expect, test } from 'vitest';

import { adjustedDifference } from './adjusted.ts';
import { mixOf } from './channel-mix.ts';
import { alwaysValid, alwaysValidRatio, callByEValues, sharpness } from './confidence-sequence.ts';
import {
  chiSquareTail,
  normalCdf,
  studentTwoSidedP,
  studentTwoSidedQuantile,
} from './distributions.ts';
import { lnUpperGamma } from './incomplete-gamma.ts';
import { wilsonInterval } from './proportion.ts';
import { lnGamma } from './saddle-point.ts';
import { sampleRatio } from './sample-ratio.ts';
import {
  type OutcomeSums,
  differenceOf,
  meanOf,
  plainInterval,
  proportionOf,
  ratioOf,
  relativeOf,
} from './two-samples.ts';

/** |actual − expected| ÷ |expected|. */
function relativeError(actual: number, expected: number): number {
  return Math.abs(actual - expected) / Math.max(1e-300, Math.abs(expected));
}

function sumsOf(values: readonly number[]): OutcomeSums {
  return {
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    sumOfSquares: values.reduce((sum, value) => sum + value * value, 0),
  };
}

function productsOf(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

/** The worked example of definitions.md §1. */
const TREATED = proportionOf(90_000, 3_105);
const CONTROL = proportionOf(10_000, 300);

// The references are 40-digit computations with mpmath, and scipy's where it says so.
test.each([
  [0.1, 2.25271265173421],
  [0.5, 0.5723649429247],
  [2.5, 0.284682870472919],
  [10, 12.8018274800815],
  [123.4, 469.336097442191],
  [1e5, 1051287.70897366],
])('ln Γ(%f) is right', (x, expected) =>
  expect(relativeError(lnGamma(x), expected)).toBeLessThan(1e-12),
);

test.each([
  [0.5, 0.2, 0.527089256865538],
  [0.5, 5, 0.00156540225800255],
  [1.5, 3, 0.111610225094713],
  [5, 20, 1.69447439300674e-5],
  [50, 40, 0.929664933340605],
])('the upper incomplete gamma ratio of %f at %f is right', (a, x, expected) =>
  expect(relativeError(Math.exp(lnUpperGamma(a, x)), expected)).toBeLessThan(1e-11),
);

test.each([
  [-8, 6.22096057427178e-16],
  [-1.96, 0.0249978951482204],
  [-0.3, 0.382088577811047],
  [0, 0.5],
  [0.3, 0.617911422188953],
  [4, 0.999968328758167],
])('Φ(%f) is right', (x, expected) =>
  expect(relativeError(normalCdf(x), expected)).toBeLessThan(1e-12),
);

test.each([
  [0.5, 3, 0.651447964848151],
  [2.2, 7.5, 0.0611994659061161],
  [2.4846, 11_000.3, 0.0129844659157684],
  [40, 12, 3.85122958077203e-14],
])("Student's t of %f with %f degrees has the right p", (t, degrees, expected) =>
  expect(relativeError(studentTwoSidedP(t, degrees), expected)).toBeLessThan(1e-10),
);

test.each([
  [0.05, 3, 3.18244630528371],
  [0.01, 30.5, 2.74696706370474],
  [0.05, 1e5, 1.959_987_707_534_61],
  [0.001, 7, 5.40788252086173],
])("Student's t exceeds its quantile for %f with %f degrees that often", (p, degrees, expected) =>
  expect(relativeError(studentTwoSidedQuantile(p, degrees), expected)).toBeLessThan(1e-9),
);

test.each([
  [3.84, 1, 0.0500435212487051],
  [20, 3, 0.000169742435552826],
  [0.5, 10, 0.999993388289439],
])('χ² of %f with %i degrees has the right tail', (statistic, degrees, expected) =>
  expect(relativeError(chiSquareTail(statistic, degrees), expected)).toBeLessThan(1e-11),
);

test('the worked example: difference, relative difference and the plain interval', () => {
  const difference = differenceOf(TREATED, CONTROL);
  expect(relativeError(difference.point, 0.0045)).toBeLessThan(1e-9);
  expect(relativeError(difference.standardError, 0.001_811_106_9)).toBeLessThan(3e-8);
  const relative = relativeOf(TREATED, CONTROL);
  expect(relativeError(relative.point, 0.15)).toBeLessThan(1e-9);
  expect(relativeError(relative.standardError, 0.068_463_967_3)).toBeLessThan(1e-9);
  const plain = plainInterval(TREATED, CONTROL, 0.05);
  expect(relativeError(plain.low, 0.000_949_96)).toBeLessThan(5e-6);
  expect(relativeError(plain.high, 0.008_050_04)).toBeLessThan(5e-7);
  expect(relativeError(plain.p, 0.012_98)).toBeLessThan(4e-4);
});

test('the worked example: the confidence sequence and its p', () => {
  expect(relativeError(sharpness(5_000, 0.05), 0.039_840_066_8)).toBeLessThan(1e-9);
  const sequence = alwaysValid(differenceOf(TREATED, CONTROL), {
    count: 100_000,
    plannedCount: 5_000,
    alpha: 0.05,
  });
  expect(relativeError(sequence.low, -0.001_543_405_823_613_9)).toBeLessThan(1e-9);
  expect(relativeError(sequence.high, 0.010_543_405_823_614)).toBeLessThan(1e-9);
  expect(relativeError(sequence.p, 0.588_168_623_300_83)).toBeLessThan(1e-9);
});

test('a second example: another N*, another alpha, an interval that excludes zero', () => {
  const difference = differenceOf(proportionOf(20_000, 700), proportionOf(20_000, 600));
  const sequence = alwaysValid(difference, { count: 40_000, plannedCount: 20_000, alpha: 0.1 });
  expect(relativeError(difference.standardError, 0.001_773_062_322_649_7)).toBeLessThan(1e-9);
  expect(relativeError(sequence.low, 5.133_366_300_302_6e-5)).toBeLessThan(1e-9);
  expect(relativeError(sequence.high, 0.009_948_666_336_997)).toBeLessThan(1e-9);
  expect(relativeError(sequence.p, 0.092_748_587_826_739)).toBeLessThan(1e-9);
});

test('the interval excludes zero exactly when p is below alpha', () => {
  for (let converters = 2_600; converters < 3_400; converters += 7) {
    const difference = differenceOf(proportionOf(100_000, converters), CONTROL);
    for (const alpha of [0.01, 0.05, 0.2]) {
      const { low, high, p } = alwaysValid(difference, {
        count: 110_000,
        plannedCount: 5_000,
        alpha,
      });
      expect(low > 0 || high < 0).toBe(p < alpha);
    }
  }
});

test('the interval of the ratio excludes zero exactly when that of the difference does, and holds the point', () => {
  for (let converters = 2_000; converters < 4_400; converters += 7) {
    const treated = proportionOf(90_000, converters);
    const options = { plannedCount: 5_000, alpha: 0.05 };
    const ratio = alwaysValidRatio(treated, CONTROL, options);
    const difference = alwaysValid(differenceOf(treated, CONTROL), { ...options, count: 100_000 });
    if (ratio === undefined) throw new RangeError('the control converts');
    expect(ratio.low > 0).toBe(difference.low > 0);
    expect(ratio.high < 0).toBe(difference.high < 0);
    expect(ratio.low < ratio.point && ratio.point < ratio.high).toBe(true);
  }
});

test('each end of the interval of the ratio is where the sequence of the contrast ends', () => {
  const options = { plannedCount: 5_000, alpha: 0.05 };
  const ratio = alwaysValidRatio(TREATED, CONTROL, options);
  for (const end of [ratio?.low ?? 0, ratio?.high ?? 0]) {
    const scaled = {
      ...CONTROL,
      mean: CONTROL.mean * (1 + end),
      variance: CONTROL.variance * (1 + end) ** 2,
    };
    const { low, high } = alwaysValid(differenceOf(TREATED, scaled), {
      ...options,
      count: 100_000,
    });
    expect(Math.min(Math.abs(low), Math.abs(high))).toBeLessThan(1e-14);
  }
});

test('while the control’s mean cannot be told from zero any ratio is possible', () => {
  const control = proportionOf(1_000, 3);
  expect(alwaysValidRatio(TREATED, control, { plannedCount: 5_000, alpha: 0.05 })).toBeUndefined();
});

test("the plain interval of a few amounts is scipy's Welch interval", () => {
  const a = meanOf(sumsOf([12, 0, 7, 33, 5, 18, 0, 2]));
  const b = meanOf(sumsOf([3, 9, 0, 1, 14]));
  const { low, high, p } = plainInterval(a, b, 0.05);
  expect(relativeError(low, -6.35371537928138)).toBeLessThan(1e-9);
  expect(relativeError(high, 14.8037153792814)).toBeLessThan(1e-9);
  expect(relativeError(p, 0.39764972619464)).toBeLessThan(1e-9);
});

test('the ratio of revenue to orders carries the variance of both', () => {
  const revenue = [120, 0, 300, 80, 0, 55];
  const orders = [2, 0, 4, 1, 0, 1];
  const ratio = ratioOf({
    value: sumsOf(revenue),
    base: sumsOf(orders),
    sumOfProducts: productsOf(revenue, orders),
  });
  expect(relativeError(ratio.mean, 69.375)).toBeLessThan(1e-9);
  expect(relativeError(ratio.variance, 132.451_171_875)).toBeLessThan(1e-9);
});

test('the worked example of CUPED: θ, the adjusted difference and its smaller error', () => {
  const control = { x: [0, 10, 20, 0, 35, 5, 0, 50], y: [0, 12, 18, 0, 30, 0, 5, 55] };
  const treated = { x: [0, 0, 25, 40, 10, 5, 60, 0], y: [5, 0, 30, 52, 8, 15, 70, 0] };
  const [ofTreated, ofControl] = [treated, control].map(({ x, y }) => ({
    outcome: sumsOf(y),
    before: sumsOf(x),
    sumOfProducts: productsOf(x, y),
  }));
  if (ofTreated === undefined || ofControl === undefined) throw new RangeError('two arms');
  const plain = differenceOf(meanOf(ofTreated.outcome), meanOf(ofControl.outcome));
  expect(relativeError(plain.point, 7.5)).toBeLessThan(1e-9);
  expect(relativeError(plain.standardError, 11.484_461_6)).toBeLessThan(5e-9);
  const adjusted = adjustedDifference(ofTreated, ofControl);
  expect(relativeError(adjusted.theta, 1.102_928_870)).toBeLessThan(1e-9);
  expect(relativeError(adjusted.point, 4.742_677_82)).toBeLessThan(2e-9);
  expect(relativeError(adjusted.standardError, 2.124_377_1)).toBeLessThan(3e-8);
});

test('without anything known before the test nothing is adjusted', () => {
  const arm = { outcome: sumsOf([1, 2, 3]), before: sumsOf([0, 0, 0]), sumOfProducts: 0 };
  const other = { outcome: sumsOf([2, 4, 9]), before: sumsOf([0, 0, 0]), sumOfProducts: 0 };
  const plain = differenceOf(meanOf(other.outcome), meanOf(arm.outcome));
  expect(adjustedDifference(other, arm)).toEqual({ theta: 0, ...plain });
});

test('the worked example of the sample ratio: no alert by χ², none by the peek-safe form', () => {
  const ratio = sampleRatio([
    { count: 10_300, weight: 10 },
    { count: 89_700, weight: 90 },
  ]);
  expect(relativeError(ratio.chiSquare, 10)).toBeLessThan(1e-9);
  expect(relativeError(ratio.p, 0.001_565_402_258)).toBeLessThan(1e-9);
  expect(relativeError(ratio.peekSafeP, 0.228_682_224_066)).toBeLessThan(1e-11);
});

test('the peek-safe form keeps its digits for millions of visitors', () => {
  // 40 digits, by mpmath.
  for (const [counts, weights, expected] of [
    [[1_005_000, 2_990_000, 3_005_000], [1, 3, 3], 2.373_458_054_553_744e-10],
    [[600, 400], [1, 1], 3.749_941_828_647_242e-8],
  ] as const) {
    const arms = counts.map((count, index) => ({ count, weight: weights[index] ?? 0 }));
    expect(relativeError(sampleRatio(arms).peekSafeP, expected)).toBeLessThan(1e-9);
  }
});

test('lopsided arms are found; arms without weight are left out', () => {
  const lopsided = sampleRatio([
    { count: 600, weight: 1 },
    { count: 400, weight: 1 },
    { count: 7, weight: 0 },
  ]);
  expect(relativeError(lopsided.chiSquare, 40)).toBeLessThan(1e-9);
  expect(relativeError(lopsided.p, 2.539_628_589_47e-10)).toBeLessThan(1e-9);
  expect(relativeError(lopsided.peekSafeP, 3.749_941_828_65e-8)).toBeLessThan(1e-8);
  const three = sampleRatio([330, 345, 300].map((count) => ({ count, weight: 1 })));
  expect(relativeError(three.p, 0.198_814_188_738)).toBeLessThan(1e-9);
  expect(three.peekSafeP).toBe(1);
});

test('e-BH calls the largest k whose k-th e-value reaches m / (k·alpha)', () => {
  const call = (...values: number[]) => callByEValues(values.map(Math.log), 0.05);
  // One test of one: E ≥ 20.
  expect(call(19.9)).toEqual([false]);
  expect(call(20.1)).toEqual([true]);
  // Three: 60, 30, 20. 25 and 35 reach no rank of their own; 61 does; 31 then has rank two.
  expect(call(25, 61, 1)).toEqual([false, true, false]);
  expect(call(31, 61, 1)).toEqual([true, true, false]);
  expect(call(31, 35, 1)).toEqual([true, true, false]);
  expect(call(21, 22, 23)).toEqual([true, true, true]);
  expect(call(59, 1, 1)).toEqual([false, false, false]);
});

test('the worked example of a share on time: Wilson’s interval', () => {
  const interval = wilsonInterval(870, 1_000);
  expect(interval?.low).toBeCloseTo(0.847732, 6);
  expect(interval?.high).toBeCloseTo(0.889436, 6);
  expect(wilsonInterval(0, 5)?.low).toBe(0);
  expect(wilsonInterval(0, 0)).toBeUndefined();
});

test('Wilson’s interval is right to nine digits for few and for very many trials', () => {
  // Solved with 60 decimal digits.
  const exact = [
    [0, 1, 0, 0.7934506856228],
    [1, 1, 0.2065493143772, 1],
    [1, 3, 0.0614919447204, 0.792340399198],
    [5, 10, 0.2365930905126, 0.7634069094874],
    [870, 1_000, 0.8477319733455, 0.8894362253752],
    [1, 1_000_000, 1.765245767454e-7, 5.664911804311e-6],
    [999_999, 1_000_000, 0.9999943350882, 0.9999998234754],
    [3, 1e9, 1.020270728877e-9, 8.821188054012e-9],
    [1, 1e12, 1.765245549352e-13, 5.664934265737e-12],
    [5e11, 1e12, 0.499999020018, 0.500000979982],
  ] as const;
  for (const [successes, trials, low, high] of exact) {
    const interval = wilsonInterval(successes, trials);
    expect(relativeError(interval?.low ?? NaN, low)).toBeLessThan(1e-9);
    expect(relativeError(interval?.high ?? NaN, high)).toBeLessThan(1e-9);
  }
});

test('the worked example of the channel mix: χ² and deviations in points', () => {
  const mix = mixOf(
    [4_200, 2_350, 1_400, 2_050].map((count, index) => ({
      channel: String(index),
      count,
      target: [40, 25, 15, 20][index] ?? 0,
    })),
  );
  expect(relativeError(mix?.chiSquare ?? 0, 26.9166666666667)).toBeLessThan(1e-9);
  expect(mix?.parts.map(({ deviationPoints }) => Math.round(deviationPoints * 1e9) / 1e9)).toEqual([
    2, -1.5, -1, 0.5,
  ]);
  // scipy.stats.chi2.sf(26.9166666666667, 3).
  expect(relativeError(mix?.p ?? 0, 6.12899995124987e-6)).toBeLessThan(1e-9);
});
