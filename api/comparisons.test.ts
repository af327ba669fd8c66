import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { ClickHouse } from '../processors/engine/sink/clickhouse.ts';
import { migrate } from '../processors/engine/sink/migrate.ts';
import { createLift } from '../processors/lift/processor.ts';
import type { LiftComparison } from '../schemas/lift-method.ts';
import { DAY_MS, HOUR_MS } from '../schemas/time.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';
import { CONFIG } from '../test/lift/events.ts';
import { RAW_TABLES, insertRows, instantText } from '../test/sql/raw-events.ts';
import type { ComparisonAnswer } from './comparison-answer.ts';

/** A Sunday, two weeks before and one week after the start. */
const START_MS = Date.UTC(2026, 2, 1);
const DAYS_BEFORE = 14;
const DAYS_AFTER = 8;
const WATERMARK_MS = START_MS + DAYS_AFTER * DAY_MS + 5 * HOUR_MS;

const BASE: LiftComparison = {
  id: 'radio',
  channel: 'radio',
  method: 'pre_post',
  outcome: 'orders',
  start: START_MS,
  stop: undefined,
  before: DAYS_BEFORE * DAY_MS,
  regions: undefined,
};

const directory = mkdtempSync(join(tmpdir(), 'weir-api-comparisons-'));
let clickHouse: ClickHouse;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  await clickHouse.command('CREATE DATABASE weir');
  for (const statement of RAW_TABLES) await clickHouse.command(statement);
  const regions = new URL('../processors/traffic/regions.sql', import.meta.url);
  await migrate(clickHouse, [...createLift(CONFIG).migrations, regions]);
  await insertRows(clickHouse, 'progress', [[instantText(WATERMARK_MS), DAY_MS]]);
});

beforeEach(async () => {
  await clickHouse.command('TRUNCATE TABLE weir.region_1h_rows');
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test('PRE_POST compares whole days of the shop, and is not called incremental', async () => {
  // 10, 12, 10, 12 … before; 15, 17 … after. The hours of the day under way are left out.
  await sell((day) => (day < 0 ? 10 : 15) + 2 * Math.abs(day % 2));
  const [answer] = await compare(BASE);
  expect(answer).toMatchObject({
    comparison: 'radio',
    method: 'PRE_POST',
    state: 'running',
    verdict: 'higher',
    days: { before: DAYS_BEFORE, after: DAYS_AFTER },
    change: { point: expect.closeTo(16 / 11 - 1, 12) },
  });
  expect(answer?.change?.low ?? 0).toBeGreaterThan(0);
  expect(JSON.stringify(answer)).not.toContain('incremental');
  expect(answer?.history.at(-1)?.until).toBe(START_MS + DAYS_AFTER * DAY_MS);
});

test('BASELINE compares each hour with the level of that hour of the week', async () => {
  // Sundays sell 30, other days 10: PRE_POST would find a change where there is none but a second Sunday.
  await sell((day) => (day % 7 === 0 ? 30 : 10) + Math.abs((day * 5) % 3));
  const [answer] = await compare({ ...BASE, method: 'baseline' });
  expect(answer).toMatchObject({ method: 'BASELINE', verdict: 'no change shown' });
  expect(Math.abs(answer?.change?.point ?? 1)).toBeLessThan(0.1);
});

test('GEO_DID compares the regions with the change with all others', async () => {
  // Everything rises by half; the treated region doubles, so it gained a third on the others.
  const controls = Array.from({ length: 20 }, (_control, index) => `R${index}`);
  await sell((day) => (day < 0 ? 10 : 20) + Math.abs(day % 2), 'CJ');
  for (const [index, region] of controls.entries()) {
    await sell((day) => (day < 0 ? 20 + index : 30 + index) + Math.abs(day % 2), region);
  }
  const geo: LiftComparison = { ...BASE, method: 'geo_did', regions: ['CJ'] };
  const answers = await compare(BASE, geo);
  // The more trustworthy method comes first, however they were declared.
  expect(answers.map(({ method }) => method)).toEqual(['GEO_DID', 'PRE_POST']);
  expect(answers[0]).toMatchObject({
    verdict: 'higher',
    control_regions: 20,
    regions: ['CJ'],
    change: { p: 1 / 21 },
  });
  expect(answers[0]?.change?.low ?? 0).toBeGreaterThan(0);
});

test('regions that went apart before the start say nothing', async () => {
  await sell((day) => 40 + day, 'CJ');
  for (let index = 0; index < 20; index += 1)
    await sell((day) => 30 + (Math.abs(day * 7) % 3), `R${index}`);
  const [answer] = await compare({ ...BASE, method: 'geo_did', regions: ['CJ'] });
  expect(answer).toMatchObject({
    verdict: 'void',
    void_reason: 'the regions went apart before the start',
  });
});

test('before a week is over on both sides it is too early to say anything', async () => {
  await sell((day) => 10 + Math.abs(day % 2));
  const [answer] = await compare({ ...BASE, start: START_MS + 3 * DAY_MS });
  expect(answer).toMatchObject({ verdict: 'too early', days: { after: 5 } });
  const [planned] = await compare({ ...BASE, start: START_MS + 30 * DAY_MS });
  expect(planned).toMatchObject({ state: 'planned', verdict: 'too early', change: null });
});

test('days before the shop was first seen are no days without a sale', async () => {
  await sell((day) => 10 + Math.abs(day % 2));
  const [answer] = await compare({ ...BASE, before: 60 * DAY_MS });
  expect(answer?.days.before).toBe(DAYS_BEFORE);
});

/** Orders at noon of every day, by days since the start; the last day is not over. */
async function sell(ordersOf: (day: number) => number, region = ''): Promise<void> {
  const rows = Array.from({ length: DAYS_BEFORE + DAYS_AFTER + 1 }, (_day, index) => {
    const day = index - DAYS_BEFORE;
    const atMs = START_MS + day * DAY_MS + (index === 0 ? 0 : 4 * HOUR_MS);
    return [instantText(atMs), region, 'EUR', ordersOf(day), 1];
  });
  await insertRows(
    clickHouse,
    'region_1h_rows (window_start, region, currency, orders, version)',
    rows,
  );
}

async function compare(
  ...declared: readonly LiftComparison[]
): Promise<readonly ComparisonAnswer[]> {
  const engine = new MemoryEngine(clickHouse);
  engine.setStatus({ watermark: WATERMARK_MS });
  const { app } = openServer({ engine, comparisons: { currency: 'EUR', declared } });
  const answer = await app.inject('/v1/lift');
  expect(answer.statusCode).toBe(200);
  return answer.json<{ comparisons: readonly ComparisonAnswer[] }>().comparisons;
}
