import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { NODE_LAWS } from './node-laws.ts';
import { PROCESSOR_LAWS } from './processor-laws.ts';
import { PROCESSORS } from './registered.ts';

/** Lists per processor and law. */
const RUNS = Number(process.env['RUNS'] ?? 100);
/** A node takes many times as long as an operator. */
const NODE_RUNS = Math.ceil(RUNS / 4);

describe.each(PROCESSORS)('$name, as registered', (processor) => {
  test.each(PROCESSOR_LAWS)('$name', ({ property, isOnce }) => {
    const numRuns = isOnce === true ? 1 : RUNS;
    expect(() => fc.assert(property(processor), { numRuns })).not.toThrow();
  });
});

describe('a node with every registered processor', () => {
  test.each(NODE_LAWS)('$name', async ({ property }) => {
    const checked = fc.assert(property({ processors: PROCESSORS }), { numRuns: NODE_RUNS });
    await expect(checked).resolves.toBeUndefined();
  });
});
