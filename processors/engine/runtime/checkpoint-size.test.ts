import { expect, test } from 'vitest';

import { waitingFactor } from './checkpoint-size.ts';

test('tasks may change the more the longer a checkpoint takes, twice a whole one at most', () => {
  const factorAt = (elapsedMs: number): number =>
    waitingFactor(1, { elapsedMs, lastDurationMs: 400 });
  expect([0, 200, 400, 800, 9_000].map(factorAt)).toEqual([1, 1.25, 1.5, 2, 2]);
  expect(waitingFactor(1, { elapsedMs: 0, lastDurationMs: 0 })).toBe(2);
});
