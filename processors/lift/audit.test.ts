import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { START_MS, click, clicksOf, order } from '../../test/attribution/events.ts';
import { buildVerdict, createScriptedJudge } from '../../test/doubles/scripted-judge.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { CONFIG, anyLiftEvents } from '../../test/lift/events.ts';
import { RAW_TABLES, insertRows, instantText, storeRawEvents } from '../../test/sql/raw-events.ts';
import { loadConfig } from '../config.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { migrate } from '../engine/sink/migrate.ts';
import { auditedTests } from '../lift-tests.ts';
import { createLift } from './processor.ts';
import { LIFT_COHORTS } from './row.ts';

const AUDIT_SQL = readFileSync(new URL('audit.sql', import.meta.url), 'utf8');
const SEED = Number(process.env['SEED'] ?? 1);

/** The tests of `CONFIG`, as the audit is told of them. */
const AUDITED = auditedTests(
  loadConfig({
    file: undefined,
    environment: {
      WEIR_LIFT_TESTS: JSON.stringify(
        CONFIG.tests.map((each) => ({
          id: each.id,
          channel: each.channel,
          salt: each.salt,
          share: each.share,
          start: each.startMs,
          stop: each.stopMs,
          horizon: each.horizonMs,
          value_minor_max: each.valueMinorMax,
        })),
      ),
    },
  }),
);

const directory = mkdtempSync(join(tmpdir(), 'weir-lift-'));
let clickHouse: ClickHouse;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  await clickHouse.command('CREATE DATABASE weir');
  for (const statement of RAW_TABLES) await clickHouse.command(statement);
  await migrate(clickHouse, createLift(CONFIG).migrations);
});

beforeEach(async () => {
  for (const table of [
    'clicks',
    'orders',
    'order_lines',
    'lift_cohorts_rows',
    'progress',
    'bot_standings',
  ]) {
    await clickHouse.command(`TRUNCATE TABLE weir.${table}`);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test('the audit recomputes every row of the operator from the raw events alone', async () => {
  const lists = fc.sample(anyLiftEvents, { numRuns: 300, seed: SEED });
  const events = lists.flatMap((list, index) => list.map((event) => renamed(event, index)));
  await storeRawEvents(clickHouse, events);
  const rows = await recomputed(0, START_MS + 365 * DAY_MS);
  expect(rows).toEqual(rowsOf(run(events)));
  const isExcluded = (values: readonly string[]): boolean => values.at(-1) !== '0';
  expect(Object.values(rows).some(isExcluded)).toBe(true);
});

test('what is withdrawn from a visitor is not there for the audit either', async () => {
  const lists = fc.sample(anyLiftEvents, { numRuns: 200, seed: SEED + 1 });
  const events = lists.flatMap((list, index) => list.map((event) => renamed(event, index)));
  await storeRawEvents(clickHouse, events);
  const judged = new Run([createScriptedJudge(), ...createLift(CONFIG).operators]);
  const visitors = [...new Set(clicksOf(events).map(({ visitor_id: id }) => id))];
  const held = visitors.filter((_, index) => index % 2 === 0);
  for (const [index, visitor_id] of held.entries()) {
    const about = START_MS + (index % 3) * DAY_MS;
    const kind = index % 5 === 0 ? 'confirmed' : 'marked';
    judged.apply({
      topic: 'weir.internal.visitor',
      event: buildVerdict({ event_id: `b${index}`, visitor_id, about, kind, revision: index }),
    });
    const untilMs = kind === 'confirmed' ? START_MS + 10_000 * DAY_MS : about + DAY_MS;
    await insertRows(clickHouse, 'bot_standings', [
      [visitor_id, instantText(about), instantText(untilMs), 2, 'test'],
    ]);
  }
  for (const event of events) judged.apply(event);
  const rows = await recomputed(0, START_MS + 365 * DAY_MS);
  expect(rows).toEqual(rowsOf(judged));
  expect(Object.values(rows).some((values) => values.at(-2) !== '0')).toBe(true);
});

test('the audit of a range holds the cohorts of the range and no other', async () => {
  const events = [0, 1, 2, 3].map((hours) =>
    click({
      event_id: `c${hours}`,
      occurred_at: START_MS + hours * HOUR_MS,
      visitor_id: visitorToken(`v${hours}`),
    }),
  );
  await storeRawEvents(clickHouse, events);
  const rows = await recomputed(START_MS + HOUR_MS, START_MS + 3 * HOUR_MS);
  const starts = Object.keys(rows).map((key) => Number(key.split('|')[0]) - START_MS);
  expect(new Set(starts)).toEqual(new Set([HOUR_MS, 2 * HOUR_MS]));
});

//  cohort        horizon 7 d                lateness 1 d
//  ├──┤──────────────────────────────────┤──────────────┤
//        provisional                        matured        final
test('a cohort is matured when its last visitor’s horizon is over, and final a lateness later', async () => {
  await insertRows(clickHouse, 'lift_tests_log', [
    [
      instantText(START_MS),
      'declared',
      'search-1',
      'search',
      'salt',
      0.5,
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
  await insertRows(
    clickHouse,
    'lift_cohorts_rows (window_start, test, channel, arm, stratum, task, corrected_on, visitors, converters, revenue_squared_high, revenue_squared_low, version)',
    [
      [
        instantText(START_MS),
        'search-1',
        'search',
        'holdout',
        'new',
        'visitor-0',
        '1970-01-01',
        5,
        1,
        3,
        4,
        1,
      ],
      [
        instantText(START_MS),
        'search-1',
        'search',
        'holdout',
        'new',
        'visitor-1',
        '1970-01-01',
        7,
        2,
        0,
        1,
        1,
      ],
      [
        instantText(START_MS),
        'search-1',
        'search',
        'holdout',
        'new',
        'visitor-1',
        '2026-03-20',
        -1,
        -1,
        0,
        -1,
        2,
      ],
    ],
  );
  const read = async (watermarkMs: number): Promise<unknown> => {
    await clickHouse.command('TRUNCATE TABLE weir.progress');
    await insertRows(clickHouse, 'progress', [[instantText(watermarkMs), DAY_MS]]);
    const [row] = await clickHouse.query(
      'SELECT visitors, converters, revenue_squared, state FROM weir.lift_cohorts',
    );
    const [day] = await clickHouse.query('SELECT visitors, matured FROM weir.lift_daily');
    return { ...row, day };
  };
  const row = { visitors: 11, converters: 2, revenue_squared: 3 * 2 ** 26 + 4 };
  const endMs = START_MS + HOUR_MS + 7 * DAY_MS;
  expect(await read(endMs - 1)).toEqual({
    ...row,
    state: 'provisional',
    day: { visitors: 11, matured: false },
  });
  const matured = { ...row, day: { visitors: 11, matured: true } };
  expect(await read(endMs)).toEqual({ ...matured, state: 'matured' });
  expect(await read(endMs + DAY_MS)).toEqual({ ...matured, state: 'final' });
});

function run(events: readonly LawEvent[]): Run {
  const current = new Run(createLift(CONFIG).operators);
  for (const event of events) current.apply(event);
  return current;
}

/** The sums as the views show them: a square is one number. */
const VALUES = LIFT_COHORTS.sums
  .filter((name) => !name.endsWith('_low'))
  .map((name) => name.replace(/_high$/, ''));

function rowsOf({ output }: Run): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(output.nonZeroSums(LIFT_COHORTS)).map(([key, sums]) => [
      key,
      VALUES.map((name) => {
        const whole = BigInt(sums[name] ?? 0);
        const high = BigInt(sums[`${name}_high`] ?? 0);
        const low = BigInt(sums[`${name}_low`] ?? 0);
        return String(whole + high * 2n ** 26n + low);
      }),
    ]),
  );
}

async function recomputed(
  fromMs: number,
  toMs: number,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const rows = await clickHouse.query(
    `SELECT toUnixTimestamp64Milli(window_start) AS window_ms, test, channel, arm, stratum,
       ${VALUES.map((name) => `toString(${name}) AS ${name}`).join(', ')} FROM (${AUDIT_SQL})`,
    {
      ...AUDITED,
      from: instantText(fromMs),
      to: instantText(toMs),
      currency: CONFIG.currency,
      returns_kept_ms: CONFIG.returnsKeptMs,
    },
  );
  return Object.fromEntries(
    rows.map((row) => [
      ['window_ms', ...LIFT_COHORTS.dimensions].map((column) => row[column]).join('|'),
      VALUES.map((name) => String(row[name])),
    ]),
  );
}

/** The same event of other visitors: ids are unique over all of them. */
function renamed({ topic, event }: LawEvent, index: number): LawEvent {
  const event_id = `${event.event_id}-${index}`;
  if (topic === 'weir.clicks') {
    return click({ ...event, event_id, visitor_id: visitorToken(`${event.visitor_id}-${index}`) });
  }
  if (topic === 'weir.orders') {
    return order({ ...event, event_id, visitor_id: visitorToken(`${event.visitor_id}-${index}`) });
  }
  throw new RangeError(`no such event in these tests: ${topic}`);
}
