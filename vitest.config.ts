import { join } from 'node:path';

import { defineConfig } from 'vitest/config';

import { LongestFirst } from './test/longest-first.ts';

// A test that opens chDB or LMDB on a busy machine with two cores needs more than vitest's 5 s.
const TEST_TIMEOUT_MS = 30_000;

const NEVER = ['**/node_modules/**', 'dashboards/live/dist/**'];

export default defineConfig({
  test: {
    pool: 'forks', // chDB holds one data directory per process, so each test file gets its own.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Stripping types takes half of every start of a process, and tests start hundreds.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/weir') },
    testTimeout: TEST_TIMEOUT_MS,
    // Tests with real processes can be disturbed by a busy machine; a defect fails three times.
    retry: process.env['CI'] === undefined ? 0 : 2,
    hookTimeout: TEST_TIMEOUT_MS,
    projects: [
      {
        extends: true,
        test: {
          name: 'product',
          include: ['**/*.test.ts'],
          exclude: [
            ...NEVER,
            '**/*.faults.test.ts',
            '**/*.integration.test.ts',
            '**/*.browser.test.ts',
          ],
        },
      },
      {
        // Kills, damages and starves real processes, and disturbs a whole day: minutes that not every run needs.
        extends: true,
        test: { name: 'faults', include: ['**/*.faults.test.ts'], exclude: NEVER },
      },
      {
        // Needs a Kafka broker or a ClickHouse server.
        extends: true,
        test: {
          name: 'integration',
          include: ['**/*.integration.test.ts'],
          exclude: NEVER,
          // Brokers share ports and two cores.
          fileParallelism: false,
        },
      },
      {
        // Needs a Chromium; one file at a time, because each starts one.
        extends: true,
        test: {
          name: 'browser',
          include: ['**/*.browser.test.ts'],
          exclude: NEVER,
          fileParallelism: false,
        },
      },
    ],
  },
});
