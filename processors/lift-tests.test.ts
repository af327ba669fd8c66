import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { DAY_MS } from '../schemas/time.ts';
import { createArchive } from './archive/processor.ts';
import { type Config, loadConfig } from './config.ts';
import { ClickHouse } from './engine/sink/clickhouse.ts';
import { migrate } from './engine/sink/migrate.ts';
import { recordTests, withRecordedTests } from './lift-tests.ts';
import { createLift } from './lift/processor.ts';
import { migrationsOf } from './registry.ts';

const START_MS = Date.UTC(2026, 2, 1);
const TEST = { id: 'search-1', channel: 'search', start: '2026-03-01T00:00:00Z' };

const directory = mkdtempSync(join(tmpdir(), 'weir-lift-tests-'));
let clickHouse: ClickHouse;
let recordedCount = 0;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  const config = configOf([]);
  const lift = createLift({
    tests: [],
    currency: 'EUR',
    withdrawalReachMs: 8 * DAY_MS,
    returnsKeptMs: config.attribution.returns_kept,
    allowedLatenessMs: config.lateness.allowed,
  });
  await migrate(clickHouse, migrationsOf([createArchive(), lift]));
});

beforeEach(async () => {
  for (const table of ['lift_tests_log', 'clicks_log']) {
    await clickHouse.command(`TRUNCATE TABLE weir.${table}`);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test('a declared test is on record with all that decides it, its salt its id by default', async () => {
  await record([{ ...TEST, share: 0.2, horizon: '14d', outcome: 'revenue' }]);
  expect(await clickHouse.query('SELECT * FROM weir.lift_tests')).toEqual([
    {
      test: 'search-1',
      channel: 'search',
      salt: 'search-1',
      holdout_share: 0.2,
      start: '2026-03-01 00:00:00.000',
      stop: null,
      horizon_ms: 14 * DAY_MS,
      cohort_ms: 3_600_000,
      planned_visitors: 5_000,
      outcome: 'revenue',
      value_minor_max: 1_000_000,
      currency: 'EUR',
      state: 'planned',
    },
  ]);
});

test('a start that changes nothing records nothing', async () => {
  await record([TEST]);
  await record([TEST]);
  expect(await changes()).toEqual(['declared']);
});

test('a test may change as it likes until it begins, then only stop; every change stays on record', async () => {
  await record([TEST]);
  await record([{ ...TEST, share: 0.3 }]);
  await clickAt(START_MS + DAY_MS);
  await expect(record([{ ...TEST, share: 0.2 }])).rejects.toThrow(
    expect.objectContaining({
      code: 'LIFT_TEST_CHANGED',
      message: expect.stringContaining('holdout_share of lift test search-1 to stay 0.3, got 0.2'),
    }),
  );
  await record([{ ...TEST, share: 0.3, stop: '2026-04-01T00:00:00Z' }]);
  expect(await changes()).toEqual(['declared', 'changed', 'stopped']);
  const [row] = await clickHouse.query('SELECT holdout_share, stop FROM weir.lift_tests');
  expect(row).toEqual({ holdout_share: 0.3, stop: '2026-04-01 00:00:00.000' });
});

test('a test that is declared after its start begins with the day after the newest click, for good', async () => {
  await clickAt(START_MS + DAY_MS);
  const [first] = (await record([TEST])).lift.tests;
  expect(first?.start).toBe(START_MS + 2 * DAY_MS);
  await clickAt(START_MS + 3 * DAY_MS);
  const [again] = (await record([TEST])).lift.tests;
  expect(again?.start).toBe(START_MS + 2 * DAY_MS);
  const [read] = (await withRecordedTests(clickHouse, configOf([TEST]))).lift.tests;
  expect(read?.start).toBe(START_MS + 2 * DAY_MS);
});

test('a test that is no longer declared goes on as it is on record', async () => {
  const declared = (await record([{ ...TEST, share: 0.2 }])).lift.tests;
  expect((await record([])).lift.tests).toEqual([{ ...declared[0], salt: 'search-1' }]);
  expect(await changes()).toEqual(['declared']);
});

async function record(tests: readonly object[]): Promise<Config> {
  recordedCount += 1;
  return recordTests(clickHouse, configOf(tests), START_MS - DAY_MS + recordedCount);
}

async function changes(): Promise<readonly unknown[]> {
  const rows = await clickHouse.query(
    'SELECT change FROM weir.lift_test_changes ORDER BY recorded_at',
  );
  return rows.map(({ change }) => change);
}

async function clickAt(timeMs: number): Promise<void> {
  await clickHouse.insert({
    table: 'clicks_log',
    columns: ['event_id', 'occurred_at'],
    rowCount: 1,
    body: Buffer.from(`c${timeMs}\t${(timeMs / 1_000).toFixed(3)}\n`),
    token: `click:${timeMs}:${recordedCount}`,
  });
}

function configOf(tests: readonly object[]): Config {
  return loadConfig({
    file: undefined,
    environment: tests.length === 0 ? {} : { WEIR_LIFT_TESTS: JSON.stringify(tests) },
  });
}
