import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { RELATIVE_ACCURACY, binOf, quantileOf, valueOfBin } from './cycle-bins.ts';

const anyLengths = fc.array(fc.integer({ min: 2, max: 40 * 86_400_000 }), { minLength: 1 });

test('a length is in the bucket in which the reference implementation has it', () => {
  const { mapping } = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }), (lengthMs) => {
      expect(binOf(lengthMs)).toBe(mapping.key(lengthMs));
    }),
  );
});

test('a quantile is that of the reference implementation', () => {
  fc.assert(
    fc.property(anyLengths, fc.constantFrom(0, 0.5, 0.9, 0.99, 1), (lengths, quantile) => {
      const sketch = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
      for (const lengthMs of lengths) sketch.accept(lengthMs);
      const expected = sketch.getValueAtQuantile(quantile);
      expect((quantileOf(binsOf(lengths), quantile) ?? 0) / expected).toBeCloseTo(1, 9);
    }),
  );
});

test('sketches merge, and what was added can be taken back', () => {
  fc.assert(
    fc.property(anyLengths, anyLengths, (kept, gone) => {
      const bins = binsOf([...kept, ...gone]);
      for (const [bin, count] of binsOf(gone)) bins.set(bin, (bins.get(bin) ?? 0) - count);
      expect(quantileOf(bins, 0.9)).toBe(quantileOf(binsOf(kept), 0.9));
    }),
  );
});

test('the value of a bucket is within one percent of everything in it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 1e12 }), (lengthMs) => {
      const error = Math.abs(valueOfBin(binOf(lengthMs)) / lengthMs - 1);
      expect(error).toBeLessThanOrEqual(RELATIVE_ACCURACY + 1e-12);
    }),
  );
});

test('a length of nothing has a bucket, and a sketch of nothing no quantile', () => {
  expect(binOf(0)).toBe(0);
  expect(binOf(-5)).toBe(0);
  expect(quantileOf([], 0.5)).toBeUndefined();
});

function binsOf(lengths: readonly number[]): Map<number, number> {
  const bins = new Map<number, number>();
  for (const lengthMs of lengths) {
    const bin = binOf(lengthMs);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  return bins;
}
