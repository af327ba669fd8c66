import { expect, test } from 'vitest';

import { Random, WeightedChoice, mix32 } from './random.ts';

/** sfc32 as its author writes it, in unbounded integers cut to 32 bits. */
function* oracle(a: bigint, b: bigint, c: bigint): Generator<number, never> {
  let counter = 1n;
  for (;;) {
    const result = BigInt.asUintN(32, a + b + counter);
    counter = BigInt.asUintN(32, counter + 1n);
    a = b ^ (b >> 9n);
    b = BigInt.asUintN(32, c + (c << 3n));
    c = BigInt.asUintN(32, ((c << 21n) | (c >> 11n)) & 0xffffffffn);
    c = BigInt.asUintN(32, c + result);
    yield Number(result);
  }
}

test('the generator is sfc32, seeded by SHA-256 of seed and stream, fifteen rounds warm', () => {
  // sha256('42/visits') begins aa5b2f92 3352b3a6 f4d1cc9c; the words are little-endian.
  const expected = oracle(0x922f5baan, 0xa6b35233n, 0x9cccd1f4n);
  for (let round = 0; round < 15; round += 1) expected.next();
  const random = new Random(42, 'visits');
  const numbers = Array.from({ length: 10_000 }, () => random.next());
  expect(numbers).toEqual(Array.from({ length: 10_000 }, () => expected.next().value));
});

test('streams of one seed differ', () => {
  expect(new Random(1, 'a').next()).not.toBe(new Random(1, 'b').next());
  expect(new Random(1, 'a').next()).not.toBe(new Random(2, 'a').next());
});

test('draws have the means and limits that they promise', () => {
  const random = new Random(3, 'means');
  const count = 100_000;
  const meanOf = (draw: () => number): number => {
    let sum = 0;
    for (let index = 0; index < count; index += 1) sum += draw();
    return sum / count;
  };
  // Four standard errors of each mean.
  expect(Math.abs(meanOf(() => random.unit()) - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / count));
  expect(Math.abs(meanOf(() => random.exponential(7)) - 7)).toBeLessThan(
    (4 * 7) / Math.sqrt(count),
  );
  expect(Math.abs(meanOf(() => (random.chance(0.3) ? 1 : 0)) - 0.3)).toBeLessThan(
    4 * Math.sqrt(0.21 / count),
  );
  const faces = new Set(Array.from({ length: 1_000 }, () => random.below(6)));
  expect([...faces].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a weighted choice follows its weights and never draws a weight of zero', () => {
  const choice = new WeightedChoice([1, 0, 3]);
  expect(choice.shares).toEqual([0.25, 0, 0.75]);
  expect([0, 0.2499, 0.25, 0.9999].map((unit) => choice.pick(unit))).toEqual([0, 0, 2, 2]);
});

test('mixing is the finaliser of MurmurHash3', () => {
  // From the hash's published test vectors of fmix32.
  expect([0, 1, 2].map((value) => mix32(value).toString(16))).toEqual([
    '0',
    '514e28b7',
    '30f4c306',
  ]);
});
