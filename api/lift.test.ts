import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { ClickHouse } from '../processors/engine/sink/clickhouse.ts';
import { migrate } from '../processors/engine/sink/migrate.ts';
import { createLift } from '../processors/lift/processor.ts';
import { DAY_MS, HOUR_MS } from '../schemas/time.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';
import { CONFIG } from '../test/lift/events.ts';
import { RAW_TABLES, insertRows, instantText } from '../test/sql/raw-events.ts';
import type { LiftTestAnswer } from './lift-answer.ts';

const START_MS = Date.UTC(2026, 2, 1);
const WATERMARK_MS = START_MS + 30 * DAY_MS;

const directory = mkdtempSync(join(tmpdir(), 'weir-api-lift-'));
let clickHouse: ClickHouse;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  await clickHouse.command('CREATE DATABASE weir');
  for (const statement of RAW_TABLES) await clickHouse.command(statement);
  await clickHouse.command(`CREATE TABLE weir.channel_1m_rows (window_start DateTime64(3, 'UTC'), channel String,
    currency String, spend_minor Int64) ENGINE = ReplacingMergeTree ORDER BY (window_start, channel, currency)`);
  await migrate(clickHouse, createLift(CONFIG).migrations);
  await insertRows(clickHouse, 'progress', [[instantText(WATERMARK_MS), DAY_MS]]);
});

beforeEach(async () => {
  for (const table of ['lift_cohorts_rows', 'lift_tests_log', 'channel_1m_rows']) {
    await clickHouse.command(`TRUNCATE TABLE weir.${table}`);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test('the worked example of definitions.md: the interval, its p, and no verdict yet', async () => {
  await declare('search-1', 'search');
  await count('search-1', { arm: 'holdout', visitors: 10_000, converters: 300 });
  await count('search-1', { arm: 'treated', visitors: 90_000, converters: 3_105 });
  const [answer] = await read();
  expect(answer).toMatchObject({
    test: 'search-1',
    channel: 'search',
    method: 'RANDOMISED',
    state: 'running',
    visitors: { treated: 90_000, holdout: 10_000, provisional: 0, excluded: 0 },
    verdict: 'no difference yet',
    void_reason: null,
    evidence: { sufficient: true, converters_treated: 3_105, converters_holdout: 300 },
    sample_ratio: { chi_square: 0, p: 1, alarming: false },
  });
  const converted = answer?.outcomes.find(({ outcome }) => outcome === 'converted');
  expect(converted?.difference.low).toBeCloseTo(-0.00154341, 8);
  expect(converted?.difference.high).toBeCloseTo(0.01054341, 8);
  expect(converted?.p).toBeCloseTo(0.588169, 6);
  expect(converted?.relative?.point).toBeCloseTo(0.15, 12);
  expect(converted?.relative?.standard_error).toBeCloseTo(0.0684639673, 10);
  expect(converted?.plain.p).toBeCloseTo(0.01298, 5);
  // Φ((.25 − .15)/.0684639673) − Φ(0), by scipy.stats.norm.
  expect(answer?.band.chance).toBeCloseTo(0.427940443, 8);
  expect(answer?.history.at(-1)).toMatchObject({ visitors: 100_000, point: expect.closeTo(0.15) });
});

test('a clear difference wins; the same the other way round loses', async () => {
  for (const [id, converters] of [
    ['up', 4_500],
    ['down', 1_800],
  ] as const) {
    await declare(id, id);
    await count(id, { arm: 'holdout', visitors: 10_000, converters: 300 });
    await count(id, { arm: 'treated', visitors: 90_000, converters });
  }
  const answers = await read();
  expect(answers.map(({ test: id, verdict }) => [id, verdict])).toEqual([
    ['down', 'losing'],
    ['up', 'winning'],
  ]);
  expect(answers.map(({ days_to_decision: days }) => days)).toEqual([0, 0]);
});

test('a test among many is called only when its evidence bears all of them', async () => {
  await declare('edge', 'edge');
  await count('edge', { arm: 'holdout', visitors: 10_000, converters: 300 });
  // E = 24.4: enough for one test at 1/α = 20, not for the first of two at 40.
  await count('edge', { arm: 'treated', visitors: 90_000, converters: 3_255 });
  expect((await read())[0]?.verdict).toBe('winning');
  await declare('flat', 'flat');
  await count('flat', { arm: 'holdout', visitors: 10_000, converters: 300 });
  await count('flat', { arm: 'treated', visitors: 90_000, converters: 2_700 });
  expect((await read()).map(({ verdict }) => verdict)).toEqual([
    'no difference yet',
    'no difference yet',
  ]);
});

test('visitors whose horizon is not over are in no verdict', async () => {
  await declare('search-1', 'search');
  const late = { startMs: WATERMARK_MS - DAY_MS };
  await count('search-1', { arm: 'holdout', visitors: 10_000, converters: 300, ...late });
  await count('search-1', { arm: 'treated', visitors: 90_000, converters: 4_500, ...late });
  const [answer] = await read();
  expect(answer).toMatchObject({
    visitors: { treated: 0, holdout: 0, provisional: 100_000, excluded: 0 },
    verdict: 'no difference yet',
    evidence: { sufficient: false },
    outcomes: [],
    history: [],
  });
});

test('without 25 converters in each arm nothing is said', async () => {
  await declare('search-1', 'search');
  await count('search-1', { arm: 'holdout', visitors: 1_000, converters: 24 });
  await count('search-1', { arm: 'treated', visitors: 9_000, converters: 2_000 });
  const [answer] = await read();
  expect(answer?.verdict).toBe('no difference yet');
  expect(answer?.evidence.sufficient).toBe(false);
  expect(answer?.band.chance).toBeNull();
});

test('arms of the wrong size void the test, whatever its difference', async () => {
  await declare('search-1', 'search');
  await count('search-1', { arm: 'holdout', visitors: 9_000, converters: 270 });
  await count('search-1', { arm: 'treated', visitors: 91_000, converters: 4_500 });
  const [answer] = await read();
  expect(answer).toMatchObject({
    verdict: 'void',
    void_reason: 'sample ratio mismatch',
    sample_ratio: { alarming: true },
  });
  expect(answer?.sample_ratio.chi_square).toBeCloseTo(111.111111, 5);
});

test('a bot filter that removes more from one arm voids the test', async () => {
  await declare('search-1', 'search');
  await count('search-1', { arm: 'holdout', visitors: 10_000, converters: 300, filtered: 100 });
  await count('search-1', { arm: 'treated', visitors: 90_000, converters: 4_500, filtered: 900 });
  expect((await read())[0]?.verdict).toBe('winning');
  await count('search-1', {
    arm: 'treated',
    visitors: 0,
    converters: 0,
    filtered: 400,
    startMs: START_MS + HOUR_MS,
  });
  const [answer] = await read();
  expect(answer).toMatchObject({
    verdict: 'void',
    void_reason: 'filter sample ratio mismatch',
    filter_ratio: { alarming: true },
    sample_ratio: { alarming: false },
  });
  // (100 − 140)²/140 + (1,300 − 1,260)²/1,260.
  expect(answer?.filter_ratio.chi_square).toBeCloseTo(12.6984127, 6);
});

test('visitors who were seen in both arms stand beside the others, in no other number', async () => {
  await declare('search-1', 'search');
  await count('search-1', { arm: 'holdout', visitors: 10_000, converters: 300, excluded: 4 });
  await count('search-1', { arm: 'treated', visitors: 90_000, converters: 3_105, excluded: 33 });
  expect((await read())[0]?.visitors).toEqual({
    treated: 90_000,
    holdout: 10_000,
    provisional: 0,
    excluded: 37,
  });
});

test('what the channel brought is set against what it cost', async () => {
  await declare('search-1', 'search');
  const amounts = { revenue_minor: 900_000, margin_minor: 300_000 };
  await count('search-1', { arm: 'holdout', visitors: 10_000, converters: 300, ...amounts });
  await count('search-1', {
    arm: 'treated',
    visitors: 90_000,
    converters: 4_500,
    revenue_minor: 13_500_000,
    margin_minor: 4_500_000,
  });
  await insertRows(clickHouse, 'channel_1m_rows', [
    [instantText(START_MS), 'search', 'EUR', 600_000],
    [instantText(START_MS - 1), 'search', 'EUR', 7],
    [instantText(START_MS), 'search', 'RON', 7],
    [instantText(START_MS), 'email', 'EUR', 7],
  ]);
  const incremental = (await read())[0]?.incremental;
  // 90,000 × (.05 − .03) conversions, 90,000 × (50 − 30) minor units of margin.
  expect(incremental?.conversions?.point).toBeCloseTo(1_800, 9);
  expect(incremental?.margin_minor?.point).toBeCloseTo(1_800_000, 6);
  expect(incremental?.spend_minor).toBe(600_000);
  expect(incremental?.iroas?.point).toBeCloseTo(3, 12);
  expect(incremental?.iroas_revenue?.point).toBeCloseTo(9, 12);
  expect(incremental?.icpa_minor).toBeCloseTo(333.3333333, 6);
});

test('the interval over time has at most 60 points and ends with all matured visitors', async () => {
  await declare('search-1', 'search');
  for (let hour = 0; hour < 200; hour += 1) {
    const startMs = START_MS + hour * HOUR_MS;
    await count('search-1', { arm: 'holdout', visitors: 1_000, converters: 30, startMs });
    await count('search-1', { arm: 'treated', visitors: 9_000, converters: 300, startMs });
  }
  const history = (await read())[0]?.history ?? [];
  expect(history.length).toBeGreaterThan(40);
  expect(history.length).toBeLessThanOrEqual(61);
  expect(history.at(-1)?.visitors).toBe(2_000_000);
  const widths = history.map(({ low, high }) => high - low);
  expect(widths).toEqual(widths.toSorted((a, b) => b - a));
});

test('tests can be asked for by id and by channel', async () => {
  await declare('a', 'search');
  await declare('b', 'email');
  expect((await read('?channel=email')).map(({ test: id }) => id)).toEqual(['b']);
  expect((await read('?test=a')).map(({ test: id }) => id)).toEqual(['a']);
  expect(await read('?test=a&channel=email')).toEqual([]);
});

test('without a test there is nothing to say', async () => {
  expect(await read()).toEqual([]);
});

test('a visitor is told its arm in every test', async () => {
  const engine = new MemoryEngine();
  engine.assigning = (visitorId) => [
    { test: 'search-1', channel: visitorId, arm: 'holdout', start: START_MS, stop: null },
  ];
  const { app } = openServer({ engine });
  const answer = await app.inject('/v1/assignments?visitor_id=v1');
  expect(answer.json()).toMatchObject({
    assignments: [{ test: 'search-1', channel: 'v1', arm: 'holdout', start: START_MS, stop: null }],
  });
  expect((await app.inject('/v1/assignments')).statusCode).toBe(400);
  expect((await app.inject(`/v1/assignments?visitor_id=${'v'.repeat(65)}`)).statusCode).toBe(400);
});

async function read(query = ''): Promise<readonly LiftTestAnswer[]> {
  const { app } = openServer({ engine: new MemoryEngine(clickHouse) });
  const answer = await app.inject(`/v1/lift${query}`);
  expect(answer.statusCode).toBe(200);
  const { tests } = answer.json<{ tests: readonly LiftTestAnswer[] }>();
  return tests;
}

async function declare(id: string, channel: string): Promise<void> {
  await insertRows(clickHouse, 'lift_tests_log', [
    [
      instantText(START_MS),
      'declared',
      id,
      channel,
      id,
      0.1,
      instantText(START_MS),
      null,
      7 * DAY_MS,
      HOUR_MS,
      5_000,
      'converted',
      1_000_000,
      'EUR',
    ],
  ]);
}

async function count(
  id: string,
  sums: {
    readonly arm: string;
    readonly visitors: number;
    readonly converters: number;
    readonly revenue_minor?: number;
    readonly margin_minor?: number;
    readonly filtered?: number;
    readonly excluded?: number;
    readonly startMs?: number;
  },
): Promise<void> {
  const { arm, visitors, converters, revenue_minor: revenue = 0, margin_minor: margin = 0 } = sums;
  // Every converter ordered the same, so that the squares follow.
  const perConverter = converters === 0 ? 0 : revenue / converters;
  const marginEach = converters === 0 ? 0 : margin / converters;
  await insertRows(
    clickHouse,
    `lift_cohorts_rows (window_start, test, channel, arm, stratum, visitors, converters, orders, orders_squared,
       revenue_minor, revenue_squared_low, revenue_by_orders, margin_minor, margin_squared_low, filtered, excluded, version)`,
    [
      [
        instantText(sums.startMs ?? START_MS),
        id,
        id,
        arm,
        'new',
        visitors,
        converters,
        converters,
        converters,
        revenue,
        perConverter ** 2 * converters,
        revenue,
        margin,
        marginEach ** 2 * converters,
        sums.filtered ?? 0,
        sums.excluded ?? 0,
        1,
      ],
    ],
  );
}
