import { expect, test } from 'vitest';

import { waitingFactor } from './pace.ts';

test('tasks may change the more the longer a checkpoint takes, up to a bound', () => {
  const factorsOf = (dueFactor: number): number[] =>
    [0, 0.5, 1, 2, 3, 90].map((elapsedRatio) => waitingFactor(dueFactor, elapsedRatio));
  expect(factorsOf(1)).toEqual([0.75, 1.125, 1.5, 2.25, 3, 3]);
  expect(factorsOf(4)).toEqual([1.5, 2.25, 3, 4.5, 6, 6]);
});
