import fc from 'fast-check';
import { expect, test } from 'vitest';

import { splitByLargestRemainder } from '../../schemas/money.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { WEIGHTS, decayWeight } from './models.ts';
import { MODELS, type Model } from './row.ts';
import type { Touch } from './touch.ts';

const HALF_LIFE_MS = 7 * DAY_MS;

/** Social, email, organic and direct, 14, 7, 3 and 0 days before the order. */
const PATH = pathOf(['social', 14], ['email', 7], ['organic', 3], ['direct', 0]);

test.each<[Model, number[]]>([
  ['first', [120_00, 0, 0, 0]],
  ['last', [0, 0, 0, 120_00]],
  ['last_non_direct', [0, 0, 120_00, 0]],
  ['linear', [30_00, 30_00, 30_00, 30_00]],
  ['position', [48_00, 12_00, 12_00, 48_00]],
  ['time_decay', [12_03, 24_07, 35_76, 48_14]],
  ['shapley', [30_00, 30_00, 30_00, 30_00]],
])('%s splits 120.00 as the worked example does', (model, credit) => {
  expect(splitByLargestRemainder(120_00, WEIGHTS[model](PATH, HALF_LIFE_MS))).toEqual(credit);
});

test('shapley splits the conversions of the worked example of paths into 7.8333, 10.3333 and 5.8333', () => {
  const credits = { A: 0, B: 0, C: 0 };
  for (const [channels, conversions] of [
    [['A', 'B', 'C'], 10],
    [['A', 'C'], 5],
    [['B'], 5],
    [['A', 'B'], 4],
  ] as const) {
    const weights = WEIGHTS.shapley(
      pathOf(...channels.map((channel, index) => [channel, 9 - index] as const)),
      HALF_LIFE_MS,
    );
    const sum = weights.reduce((all, weight) => all + weight, 0);
    channels.forEach((channel, index) => {
      credits[channel] += (conversions * (weights[index] ?? 0)) / sum;
    });
  }
  expect(credits).toEqual({
    A: expect.closeTo(7.833333333333, 10),
    B: expect.closeTo(10.333333333333, 10),
    C: expect.closeTo(5.833333333333, 10),
  });
});

test('a refund of 30.00 takes 3.00, 6.02, 8.94 and 12.04 from time_decay, 30.00 in all', () => {
  const weights = WEIGHTS.time_decay(PATH, HALF_LIFE_MS);
  const before = splitByLargestRemainder(120_00, weights);
  const after = splitByLargestRemainder(90_00, weights);
  expect(after).toEqual([9_03, 18_05, 26_82, 36_10]);
  expect(after.map((credit, index) => credit - (before[index] ?? 0))).toEqual([
    -3_00, -6_02, -8_94, -12_04,
  ]);
});

test.each<[string, Touch[], Model, number[]]>([
  ['one touch', pathOf(['a', 3]), 'position', [1_000]],
  ['two touches', pathOf(['a', 3], ['b', 0]), 'position', [500, 500]],
  ['three touches', pathOf(['a', 3], ['b', 2], ['c', 0]), 'position', [400, 200, 400]],
  ['direct alone', pathOf(['direct', 3], ['direct', 0]), 'last_non_direct', [0, 1_000]],
  ['direct first', pathOf(['direct', 3], ['a', 0]), 'last_non_direct', [0, 1_000]],
  ['a channel twice', pathOf(['a', 3], ['b', 2], ['a', 0]), 'shapley', [500, 500, 0]],
  ['three equal touches', pathOf(['a', 3], ['b', 2], ['c', 0]), 'linear', [334, 333, 333]],
  ['two years between', pathOf(['a', 730], ['b', 0]), 'time_decay', [0, 1_000]],
  ['two years ago', pathOf(['a', 730]), 'time_decay', [1_000]],
])('%s under %3$s', (_name, path, model, milli) => {
  expect(splitByLargestRemainder(1_000, WEIGHTS[model](path, HALF_LIFE_MS))).toEqual(milli);
});

test('every model gives whole weights, zero or more, with a sum above zero', () => {
  const anyPath = fc
    .array(
      fc.tuple(
        fc.constantFrom('direct', 'a', 'b', 'c'),
        fc.double({ min: 0, max: 800, noNaN: true }),
      ),
      {
        minLength: 1,
        maxLength: 100,
      },
    )
    .map((touches) => pathOf(...touches.toSorted(([, a], [, b]) => b - a)));
  fc.assert(
    fc.property(anyPath, fc.constantFrom(...MODELS), (path, model) => {
      const weights = WEIGHTS[model](path, HALF_LIFE_MS);
      expect(weights).toHaveLength(path.length);
      expect(weights.every((weight) => Number.isSafeInteger(weight) && weight >= 0)).toBe(true);
      expect(Math.max(...weights)).toBeGreaterThan(0);
    }),
  );
});

test('decayed weights are powers of a half to within one part in 10⁹, exact at whole half-lives', () => {
  for (const whole of [0, 1, 2, 10, 32]) expect(decayWeight(whole)).toBe(2 ** (32 - whole));
  expect(decayWeight(33)).toBe(0);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 5, noNaN: true }), (halfLives) => {
      expect(Math.abs(decayWeight(halfLives) / 2 ** 32 - 2 ** -halfLives)).toBeLessThan(1e-9);
    }),
  );
});

/** Touches of the given channels, so many days before the order. */
function pathOf(...touches: readonly (readonly [channel: string, days: number])[]): Touch[] {
  return touches.map(([channel, days], index) => [
    Math.round((1_000 - days) * DAY_MS),
    `t${index}`,
    channel,
    '',
    true,
  ]);
}
