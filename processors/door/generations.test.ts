import fc from 'fast-check';
import { expect, test } from 'vitest';

import { GenerationMap } from './generations.ts';

test('it never holds more than it may and always the newest half of that', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 20 }),
      fc.array(fc.nat(30), { maxLength: 200 }),
      (sizeMax, keys) => {
        const map = new GenerationMap<number>(sizeMax);
        const newest: number[] = [];
        for (const key of keys) {
          map.set(String(key), key);
          newest.unshift(key);
          expect(map.size).toBeLessThanOrEqual(sizeMax);
        }
        for (const key of [...new Set(newest)].slice(0, sizeMax >> 1)) {
          expect(map.get(String(key))).toBe(key);
        }
      },
    ),
  );
});

test('what is read stays while what is not read goes', () => {
  const map = new GenerationMap<true>(4);
  map.set('used', true);
  for (let index = 0; index < 100; index += 1) {
    map.set(`other-${index}`, true);
    expect(map.get('used')).toBe(true);
  }
  expect(map.get('other-0')).toBeUndefined();
});

test('a deleted entry is gone from both generations', () => {
  const map = new GenerationMap<true>(4);
  for (const key of ['a', 'b', 'c']) map.set(key, true);
  map.delete('a');
  map.delete('c');
  expect(map.get('a')).toBeUndefined();
  expect(map.get('c')).toBeUndefined();
  expect(map.size).toBe(1);
});
