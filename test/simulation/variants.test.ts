import { expect, test } from 'vitest';

import { simulate } from './simulate.ts';
import { VARIANTS } from './variants.ts';

/** Seeds that every deliberate defect has to be noticed. */
const VARIANT_SEEDS_MAX = 300;

test('the same seed gives the same trace', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const { traceHash } = await simulate(seed);
    expect((await simulate(seed)).traceHash).toBe(traceHash);
  }
});

test.each(VARIANTS)('the simulation notices when $name', async (variant) => {
  for (let seed = 1; seed <= VARIANT_SEEDS_MAX; seed += 1) {
    const { hasChangelog = false } = variant;
    if ((await simulate(seed, { variant, hasChangelog })).failure !== undefined) return;
  }
  expect.fail(`${VARIANT_SEEDS_MAX} seeds passed although ${variant.name}`);
});
