import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { DEFAULT_CONFIG } from '../../processors/config.ts';
import { limitsOf, limitsOfPartition } from '../../processors/limits.ts';

const HEAP_MB = 64;
const GIB = 1_024 ** 3;

test('near the limit of the heap events are refused with 503 before memory runs out, and taken again when some is free', () => {
  const told: unknown = JSON.parse(
    execFileSync(
      process.execPath,
      [`--max-old-space-size=${HEAP_MB}`, join(import.meta.dirname, 'short-heap.ts')],
      { encoding: 'utf8' },
    ),
  );
  expect(told).toEqual({
    status: 503,
    code: 'MEMORY_SHORT',
    isNearLimit: true,
    isTakenAgain: true,
  });
});

test('a small heap holds fewer keys and rows in memory, a large one no more than is useful', () => {
  const small = limitsOf(DEFAULT_CONFIG, GIB / 8);
  const usual = limitsOf(DEFAULT_CONFIG, 2 * GIB);
  expect(small.cachedStateBytesMax).toBe(Math.ceil(usual.cachedStateBytesMax / 16));
  expect(small.cachedRowsMax).toBe(Math.ceil(usual.cachedRowsMax / 16));
  expect(limitsOf(DEFAULT_CONFIG, 8 * GIB)).toEqual(usual);
});

test('however many partitions a process has, they keep no more rows for ClickHouse than one engine would', () => {
  const rowsMax = limitsOf(DEFAULT_CONFIG).outboxRowsMax;
  for (const partitions of [1, 4, 32]) {
    const ofEach = limitsOfPartition({ ...DEFAULT_CONFIG, partitions }).outboxRowsMax;
    expect(partitions * ofEach).toBe(rowsMax);
  }
});
