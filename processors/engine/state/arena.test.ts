import { expect, test } from 'vitest';

import { Arena } from './arena.ts';

const CHECKPOINTS = 5;
const VALUES = 2_000;
const VALUE_BYTES = 700;

test('values keep their bytes until the checkpoint after theirs is sealed, and its memory is used again', () => {
  const arena = new Arena();
  const memory = new Set<ArrayBufferLike>();
  let sealed: readonly Buffer[] = [];
  for (let checkpoint = 0; checkpoint < CHECKPOINTS; checkpoint += 1) {
    const taken = Array.from({ length: VALUES }, (_, index) =>
      arena.take(VALUE_BYTES).fill((checkpoint * 7 + index) % 251),
    );
    // What an earlier checkpoint still has to write was not touched.
    for (const [index, value] of sealed.entries())
      expect(value.every((byte) => byte === ((checkpoint - 1) * 7 + index) % 251)).toBe(true);
    arena.release();
    arena.seal();
    sealed = taken;
    for (const { buffer } of taken) memory.add(buffer);
  }
  const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThan(3 * VALUES * VALUE_BYTES);
});

test('a value larger than a chunk has memory of its own', () => {
  const arena = new Arena();
  expect(arena.take(1_000_000)).toHaveLength(1_000_000);
});
