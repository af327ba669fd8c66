import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { BaseSequencer, type TestSpecification, type Vitest } from 'vitest/node';

import { assert } from '../schemas/errors.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * Files that take ten seconds and more, the longest first. A fresh clone knows no durations, and vitest
 * then begins with the largest files: one worker would end up with a minute of simulation by itself.
 */
const LONG_FILES = [
  'test/simulation/simulation.test.ts',
  'processors/replay.test.ts',
  'test/integration/bad-input.test.ts',
  'test/laws/registered.test.ts',
  'test/integration/refused-start.test.ts',
  'processors/background-audit.test.ts',
  'test/integration/bot-verdicts.test.ts',
  'test/integration/real-files.test.ts',
  'test/simulation/takeover.test.ts',
  'test/lift/shop-truth.test.ts',
  'api/sql/limits.test.ts',
  'test/integration/many-keys.test.ts',
  'test/simulation/variants.test.ts',
  'bench/shop/shop.test.ts',
  'test/clickhouse/server-client.test.ts',
  'test/integration/verdict-audit.test.ts',
  'processors/stock/table.test.ts',
  'api/lift.test.ts',
].map((path) => join(ROOT, path));

/** Runs the files that take longest first, so that both workers are busy to the end. */
export class LongestFirst extends BaseSequencer {
  constructor(vitest: Vitest) {
    super(vitest);
    for (const path of LONG_FILES) assert(existsSync(path), `${path} must be a test`);
  }

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort.call(this, files);
    return sorted.toSorted((left, right) => rankOf(left) - rankOf(right));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG_FILES.indexOf(moduleId);
  return rank < 0 ? LONG_FILES.length : rank;
}
