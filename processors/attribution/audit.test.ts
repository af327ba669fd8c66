import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { visitorToken } from '../../schemas/ids.ts';
import type { Row } from '../../schemas/panel.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import {
  CONFIG,
  START_MS,
  anyEvents,
  click,
  clicksOf,
  order,
  ordersOf,
} from '../../test/attribution/events.ts';
import { buildBotsConfig } from '../../test/doubles/bots.ts';
import { buildVerdict } from '../../test/doubles/scripted-judge.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { VISITOR_VIEWS } from '../../test/sql/raw-events.ts';
import { createBots } from '../bots/processor.ts';
import { BOT_STANDINGS } from '../bots/row.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { migrate } from '../engine/sink/migrate.ts';
import type { AttributionConfig } from './config.ts';
import { ATTRIBUTION_PANEL } from './panel.ts';
import { createAttribution } from './processor.ts';
import { ATTRIBUTION_1H } from './row.ts';

const AUDIT_SQL = readFileSync(new URL('audit.sql', import.meta.url), 'utf8');

/** The raw events as the audit sees them, and the progress that the views' `state` follows. */
const SURROUNDINGS = [
  `CREATE TABLE weir.clicks (event_id String, occurred_at DateTime64(3, 'UTC'), visitor_id String,
   kind LowCardinality(String), channel LowCardinality(String), campaign Nullable(String),
   topic String, partition UInt16, offset UInt64, ingested_at DateTime64(3, 'UTC'))
   ENGINE = MergeTree ORDER BY event_id`,
  `CREATE TABLE weir.orders (event_id String, occurred_at DateTime64(3, 'UTC'), order_id String,
   status LowCardinality(String), visitor_id String, currency LowCardinality(String),
   topic String, partition UInt16, offset UInt64, ingested_at DateTime64(3, 'UTC'))
   ENGINE = MergeTree ORDER BY event_id`,
  `CREATE TABLE weir.order_lines (event_id String, order_id String, line_id String, sku String,
   quantity Int64, unit_price_minor Int64, unit_cost_minor Nullable(Int64),
   occurred_at DateTime64(3, 'UTC'), status LowCardinality(String))
   ENGINE = MergeTree ORDER BY (event_id, line_id)`,
  `CREATE TABLE weir.progress (watermark DateTime64(3, 'UTC'), allowed_lateness_ms Int64)
   ENGINE = MergeTree ORDER BY watermark`,
  ...VISITOR_VIEWS,
];

/** `SEED` draws other events than the usual ones. */
const SEED = Number(process.env['SEED'] ?? 1);

const directory = mkdtempSync(join(tmpdir(), 'weir-attribution-'));
let clickHouse: ClickHouse;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  await clickHouse.command('CREATE DATABASE weir');
  for (const statement of SURROUNDINGS) await clickHouse.command(statement);
  const processors = [createBots(buildBotsConfig()), createAttribution(CONFIG)];
  const migrations = processors.flatMap((processor) => processor.migrations);
  await migrate(clickHouse, migrations);
});

beforeEach(async () => {
  for (const table of [
    'clicks',
    'orders',
    'order_lines',
    'attribution_1h_rows',
    'bot_standings_rows',
    'progress',
  ]) {
    await clickHouse.command(`TRUNCATE TABLE weir.${table}`);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test('the audit recomputes every row of the operator from the raw events alone', async () => {
  // One batch of many visitors: a list of the generator is one pair of them.
  const lists = fc.sample(anyEvents, { numRuns: 300, seed: SEED });
  const events = lists.flatMap((list, index) => list.map((event) => renamed(event, index)));
  await store(events);
  expect(await recomputed(CONFIG)).toEqual(rowsOf(run(events, CONFIG)));
});

test('touches and orders of days that are withdrawn give no credit to the audit either', async () => {
  const lists = fc.sample(anyEvents, { numRuns: 200, seed: SEED });
  const events = lists.flatMap((list, index) => list.map((event) => renamed(event, index)));
  const visitors = [...new Set(ordersOf(events).map((event) => event.visitor_id))];
  const verdicts = visitors.map((visitor_id, index): LawEvent => {
    const about = START_MS + (index % 3) * DAY_MS;
    return {
      topic: 'weir.internal.visitor',
      event: buildVerdict({ event_id: `b${index}`, visitor_id, about }),
    };
  });
  const judge = createBots(buildBotsConfig()).operators;
  const current = new Run([...judge, ...createAttribution(CONFIG).operators]);
  for (const event of [...events, ...verdicts]) current.apply(event);
  await store(events);
  await insert(
    'bot_standings_rows (visitor_token, from_at, until_at, tier, reason, withdrawn, version)',
    [...(current.output.rows.get(BOT_STANDINGS.name)?.values() ?? [])].map((values) => [
      String(values[0]),
      instantOf(Number(values[1])),
      instantOf(Number(values[2])),
      Number(values[3]),
      String(values[4]),
      0,
      1,
    ]),
  );
  const rows = await recomputed(CONFIG);
  expect(rows).toEqual(rowsOf(current));
  const spared = Object.keys(rows).length;
  expect(spared).toBeGreaterThan(0);
  expect(spared).toBeLessThan(Object.keys(rowsOf(run(events, CONFIG))).length);
});

test('the audit follows every setting', async () => {
  const config: AttributionConfig = {
    ...CONFIG,
    lookbackMs: durationMs(DAY_MS),
    halfLifeMs: durationMs(HOUR_MS),
    sessionGapMs: durationMs(15 * MINUTE_MS),
    returnsKeptMs: durationMs(7 * DAY_MS),
    models: ['time_decay', 'last'],
  };
  const lists = fc.sample(anyEvents, { numRuns: 200, seed: SEED });
  const events = lists.flatMap((list, index) => list.map((event) => renamed(event, index)));
  await store(events);
  expect(await recomputed(config)).toEqual(rowsOf(run(events, config)));
});

test('paths of three touches at most are the newest three to the audit too', async () => {
  const config = { ...CONFIG, touchesMax: 3 };
  const events = [
    ...Array.from({ length: 5 }, (_, index) =>
      click({
        event_id: `c${index}`,
        occurred_at: START_MS + index * HOUR_MS,
        channel: `ch${index}`,
      }),
    ),
    order({ event_id: 'p', occurred_at: START_MS + 5 * HOUR_MS, prices: [1_000] }),
  ];
  await store(events);
  const rows = await recomputed(config);
  expect(rows).toEqual(rowsOf(run(events, config)));
  expect(Object.keys(rows).some((key) => key.includes('|ch1|'))).toBe(false);
});

test('ages of any length decay to the same credit in the audit', async () => {
  const anyAge = fc.integer({ min: 0, max: 30 * DAY_MS });
  const visitors = fc.sample(fc.tuple(anyAge, anyAge, anyAge, fc.nat({ max: 1_000_000_000 })), {
    numRuns: 1_000,
    seed: SEED,
  });
  const placedMs = START_MS + 31 * DAY_MS;
  const events = visitors.flatMap(([first, second, third, price], index) =>
    [
      ...[first, second, third].map((ageMs, touch) =>
        click({
          event_id: `c${touch}`,
          occurred_at: placedMs - ageMs,
          channel: `ch${touch}`,
          campaign: `visitor ${index}`,
        }),
      ),
      order({ event_id: 'p', occurred_at: placedMs, prices: [price] }),
    ].map((event) => renamed(event, index)),
  );
  await store(events);
  expect(await recomputed(CONFIG)).toEqual(rowsOf(run(events, CONFIG)));
});

test('the audit of a range holds the hours of the range and no other', async () => {
  const events = [0, 1, 2, 3].map((index) =>
    order({
      event_id: `p${index}`,
      order_id: `o${index}`,
      occurred_at: START_MS + index * HOUR_MS,
      prices: [100],
    }),
  );
  await store(events);
  const rows = await recomputed(
    { ...CONFIG, models: ['last'] },
    { fromMs: START_MS + HOUR_MS, toMs: START_MS + 3 * HOUR_MS },
  );
  expect(Object.keys(rows).toSorted()).toEqual([
    `${START_MS + HOUR_MS}|last|unattributed||EUR`,
    `${START_MS + 2 * HOUR_MS}|last|unattributed||EUR`,
  ]);
});

test('the views add tasks and correction days up, hide what has been withdrawn, and know the state', async () => {
  const start = instantOf(START_MS);
  await insert('attribution_1h_rows', [
    // window, model, channel, campaign, currency, task, corrected_on, milli, minor, version
    [start, 'last', 'search', '', 'EUR', 'visitor-0', '1970-01-01', 1_000, 500, 1],
    [start, 'last', 'search', '', 'EUR', 'visitor-0', '1970-01-01', 2_000, 900, 2],
    [start, 'last', 'search', '', 'EUR', 'visitor-0', '2026-03-09', -500, -200, 3],
    [start, 'last', 'search', '', 'EUR', 'visitor-1', '1970-01-01', 1_000, 50, 1],
    [start, 'last', 'email', '', 'EUR', 'visitor-1', '1970-01-01', 0, 0, 1],
    [
      instantOf(START_MS + HOUR_MS),
      'last',
      'search',
      '',
      'EUR',
      'visitor-1',
      '1970-01-01',
      0,
      7,
      1,
    ],
  ]);
  const read = async (view: string): Promise<readonly Row[]> =>
    clickHouse.query(
      `SELECT toUnixTimestamp64Milli(window_start) - ${START_MS} AS offset, * EXCEPT (window_start)
       FROM weir.${view} ORDER BY window_start`,
    );
  const common = { model: 'last', channel: 'search', campaign: '', currency: 'EUR' };
  const first = { ...common, offset: 0, conversions: 2.5, conversions_milli: 2_500 };
  const second = { ...common, offset: HOUR_MS, conversions: 0, conversions_milli: 0 };
  expect(await read('attribution_1h')).toEqual([
    { ...first, credit_minor: 750, state: 'provisional' },
    { ...second, credit_minor: 7, state: 'provisional' },
  ]);
  const endMs = START_MS + HOUR_MS;
  await insert('progress', [[instantOf(endMs), HOUR_MS]]);
  expect(await read('attribution_1h')).toEqual([
    { ...first, credit_minor: 750, state: 'matured' },
    { ...second, credit_minor: 7, state: 'provisional' },
  ]);
  await insert('progress', [[instantOf(endMs + HOUR_MS), HOUR_MS]]);
  expect(await read('attribution_1h')).toEqual([
    { ...first, credit_minor: 750, state: 'final' },
    { ...second, credit_minor: 7, state: 'matured' },
  ]);
  expect(await read('attribution_1d')).toEqual([
    { ...first, credit_minor: 757, state: 'provisional' },
  ]);
});

test('both views have the columns that the panel shows, in its order', async () => {
  for (const view of Object.values(ATTRIBUTION_PANEL.query.views)) {
    const columns = await clickHouse.query(
      'SELECT name FROM system.columns WHERE database = {database:String} AND table = {view:String} ORDER BY position',
      { database: 'weir', view },
    );
    expect(columns.map((row) => row['name'])).toEqual(ATTRIBUTION_PANEL.query.columns);
  }
});

function run(events: readonly LawEvent[], config: AttributionConfig): Run {
  const current = new Run(createAttribution(config).operators);
  for (const event of events) current.apply(event);
  return current;
}

/** What the operator has emitted, in the form of `recomputed`. */
function rowsOf({ output }: Run): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(output.nonZeroSums(ATTRIBUTION_1H)).map(([key, sums]) => [
      key,
      [sums['conversions_milli'] ?? 0, sums['credit_minor'] ?? 0],
    ]),
  );
}

async function recomputed(
  config: AttributionConfig,
  range = { fromMs: 0, toMs: START_MS + 365 * DAY_MS },
): Promise<Readonly<Record<string, unknown>>> {
  const rows = await clickHouse.query(
    `SELECT toUnixTimestamp64Milli(window_start) AS window_ms, * FROM (${AUDIT_SQL})`,
    {
      from: instantOf(range.fromMs),
      to: instantOf(range.toMs),
      gap_ms: config.sessionGapMs,
      returns_kept_ms: config.returnsKeptMs,
      lookback_ms: config.lookbackMs,
      half_life_ms: config.halfLifeMs,
      touches_max: config.touchesMax,
      models: [...config.models],
    },
  );
  return Object.fromEntries(
    rows.map((row) => [
      ['window_ms', ...ATTRIBUTION_1H.dimensions].map((column) => row[column]).join('|'),
      [row['conversions_milli'], row['credit_minor']],
    ]),
  );
}

async function store(events: readonly LawEvent[]): Promise<void> {
  await insert(
    'clicks (event_id, occurred_at, visitor_id, kind, channel, campaign)',
    clicksOf(events).map((event) => [
      event.event_id,
      instantOf(event.occurred_at),
      event.visitor_id,
      event.kind,
      event.channel,
      event.campaign,
    ]),
  );
  await insert(
    'orders (event_id, occurred_at, order_id, status, visitor_id, currency)',
    ordersOf(events).map((event) => [
      event.event_id,
      instantOf(event.occurred_at),
      event.order_id,
      event.status,
      event.visitor_id,
      event.currency,
    ]),
  );
  await insert(
    'order_lines (event_id, order_id, line_id, quantity, unit_price_minor)',
    ordersOf(events).flatMap((event) =>
      event.lines.map((line) => [
        event.event_id,
        event.order_id,
        line.line_id,
        line.quantity,
        line.unit_price_minor,
      ]),
    ),
  );
}

/** Inserts literal values: numbers, and text without quotes or backslashes. */
async function insert(
  target: string,
  rows: readonly (readonly (string | number | null)[])[],
): Promise<void> {
  if (rows.length === 0) return;
  const literal = (value: string | number | null): string =>
    typeof value === 'string' ? `'${value}'` : String(value ?? 'NULL');
  const values = rows.map((row) => `(${row.map(literal).join(', ')})`);
  await clickHouse.command(`INSERT INTO weir.${target} VALUES ${values.join(', ')}`);
}

function instantOf(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('T', ' ').replace('Z', '');
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
