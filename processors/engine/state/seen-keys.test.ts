import { expect, test } from 'vitest';

import { SeenKeys } from './seen-keys.ts';

const KEYS = 100_000;

test('a key that was seen is never said to be new, and hardly any new one to be seen', () => {
  const seen = new SeenKeys();
  let taken = 0;
  for (let key = 0; key < KEYS; key += 1) if (seen.see(`s/visitor-1/${key}`)) taken += 1;
  // About n² / (2 × 64 million) of n keys.
  expect(taken).toBeLessThan(200);
  for (let key = 0; key < KEYS; key += 1) {
    if (!seen.see(`s/visitor-1/${key}`)) throw new Error(`${key} was seen`);
  }
});
