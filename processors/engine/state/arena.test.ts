import { expect, test } from 'vitest';

import { Arena } from './arena.ts';

const ROUNDS = 5;
const VALUES = 2_000;
const VALUE_BYTES = 700;

test('values keep their bytes until the release, and their memory is used again', () => {
  const arena = new Arena();
  const memory = new Set<ArrayBufferLike>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const taken = Array.from({ length: VALUES }, (_, index) =>
      arena.take(VALUE_BYTES).fill((round * 7 + index) % 251),
    );
    for (const [index, value] of taken.entries())
      expect(value.every((byte) => byte === (round * 7 + index) % 251)).toBe(true);
    for (const { buffer } of taken) memory.add(buffer);
    arena.release();
  }
  const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThan(2 * VALUES * VALUE_BYTES);
});

test('a value larger than a chunk has memory of its own', () => {
  const arena = new Arena();
  expect(arena.take(1_000_000)).toHaveLength(1_000_000);
});
