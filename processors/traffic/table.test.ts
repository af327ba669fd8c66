import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { CLICK_KINDS } from '../../schemas/events/click.ts';
import { ORDER_STATUSES } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { buildBotsConfig } from '../../test/doubles/bots.ts';
import { buildVerdict } from '../../test/doubles/scripted-judge.ts';
import {
  DAY_ZERO_MS,
  buildClick,
  buildLine,
  buildOrder,
  buildReference,
} from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { createArchive } from '../archive/processor.ts';
import { createBots } from '../bots/processor.ts';
import type { SumsTable, Table, Value } from '../engine/operator/table.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { tsvRow } from '../engine/sink/lines.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { createTraffic } from './processor.ts';
import { CHANNEL_1M, CHANNEL_VISITORS_1D, CHANNEL_VISITORS_1H, REGION_1H } from './row.ts';

const CONFIG = {
  sessionGapMs: 30 * MINUTE_MS,
  withdrawalReachMs: 8 * DAY_MS,
  allowedLatenessMs: DAY_MS,
  returnsKeptMs: 5 * HOUR_MS,
};
/** The watermark of the stand-in for the engine's `weir.progress`: noon of the second day. */
const WATERMARK_MS = DAY_ZERO_MS + 1.5 * DAY_MS;

const processors = [createArchive(), createBots(buildBotsConfig()), createTraffic(CONFIG)];
const tables: readonly Table[] = processors.flatMap((processor) => processor.tables);

let path: string;
let clickHouse: ClickHouse;
let insertCount = 0;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-traffic-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  await clickHouse.command(`CREATE VIEW weir.progress AS SELECT
    fromUnixTimestamp64Milli(toInt64(${WATERMARK_MS}), 'UTC') AS watermark, toInt64(${DAY_MS}) AS allowed_lateness_ms`);
  const identities = new URL('../engine/sink/identities.sql', import.meta.url);
  const files = [identities, ...processors.flatMap((processor) => processor.migrations)];
  for (const file of files) {
    for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
      await clickHouse.command(statement);
    }
  }
});

beforeEach(async () => {
  for (const { name } of tables) await clickHouse.command(`TRUNCATE TABLE weir.${name}`);
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

async function insert(
  table: string,
  columns: readonly string[],
  lines: readonly string[],
): Promise<void> {
  insertCount += 1;
  const body = lines.map((line) => `${line}\n`).join('');
  await clickHouse.insert({
    table,
    columns,
    rowCount: lines.length,
    body: Buffer.from(body),
    token: `t${insertCount}`,
  });
}

/** Stores rows of sums as the engine does: key, task and day of correction, sums, version. */
async function insertSums(
  table: SumsTable,
  rows: readonly {
    readonly startMs: number;
    readonly dimensions: readonly string[];
    readonly sums: readonly number[];
    readonly task?: string;
    readonly correctedOnMs?: number;
    readonly version?: number;
  }[],
): Promise<void> {
  await insert(
    table.name,
    ['window_start', ...table.dimensions, 'task', 'corrected_on', ...table.sums, 'version'],
    rows.map((row) =>
      [
        (row.startMs / 1_000).toFixed(3),
        ...row.dimensions,
        row.task ?? 'visitor-0',
        new Date(row.correctedOnMs ?? 0).toISOString().slice(0, 10),
        ...row.sums,
        row.version ?? 1,
      ].join('\t'),
    ),
  );
}

/** Sums of a row of channel_1m_rows, the others zero. */
function minuteSums(named: Partial<Record<(typeof CHANNEL_1M.sums)[number], number>>): number[] {
  return CHANNEL_1M.sums.map((name) => named[name] ?? 0);
}

test('the view shows the newest version of every row and adds up tasks and days of correction', async () => {
  const key = { startMs: DAY_ZERO_MS, dimensions: ['dtc', ''] };
  await insertSums(CHANNEL_1M, [{ ...key, sums: minuteSums({ clicks_gross: 7 }), version: 1 }]);
  await insertSums(CHANNEL_1M, [
    { ...key, sums: minuteSums({ clicks_gross: 8, visitors: 2 }), version: 2 },
    { ...key, sums: minuteSums({ clicks_gross: 3, visitors: 1 }), task: 'visitor-1' },
    {
      ...key,
      sums: minuteSums({ clicks_sivt: 4, visitors: -1 }),
      correctedOnMs: DAY_ZERO_MS + 9 * DAY_MS,
    },
  ]);
  expect(await clickHouse.query('SELECT * FROM weir.channel_1m')).toEqual([
    {
      window_start: '2026-03-02 00:00:00.000',
      channel: 'dtc',
      currency: '',
      impressions: 0,
      clicks_gross: 11,
      clicks_net: 7,
      clicks_givt: 0,
      clicks_sivt: 4,
      visitors: 2,
      sessions: 0,
      add_to_carts: 0,
      orders: 0,
      units: 0,
      revenue_minor: 0,
      margin_minor: 0,
      returns_minor: 0,
      lines_without_cost: 0,
      spend_minor: 0,
      state: 'final',
    },
  ]);
});

test('hours and days add up minutes, and take distinct visitors from their own table', async () => {
  await insertSums(CHANNEL_1M, [
    {
      startMs: DAY_ZERO_MS,
      dimensions: ['dtc', ''],
      sums: minuteSums({ clicks_gross: 2, visitors: 1 }),
    },
    {
      startMs: DAY_ZERO_MS + MINUTE_MS,
      dimensions: ['dtc', ''],
      sums: minuteSums({ clicks_gross: 3, visitors: 1 }),
    },
    {
      startMs: DAY_ZERO_MS,
      dimensions: ['dtc', 'EUR'],
      sums: minuteSums({ orders: 1, revenue_minor: 500 }),
    },
    {
      startMs: DAY_ZERO_MS + HOUR_MS,
      dimensions: ['dtc', ''],
      sums: minuteSums({ clicks_gross: 1, visitors: 1 }),
    },
  ]);
  await insertSums(CHANNEL_VISITORS_1H, [
    { startMs: DAY_ZERO_MS, dimensions: ['dtc'], sums: [1] },
    { startMs: DAY_ZERO_MS + HOUR_MS, dimensions: ['dtc'], sums: [1] },
  ]);
  await insertSums(CHANNEL_VISITORS_1D, [{ startMs: DAY_ZERO_MS, dimensions: ['dtc'], sums: [1] }]);
  const columns = 'window_start, currency, clicks_net, visitors, orders, revenue_minor, state';
  const order = 'ORDER BY window_start, currency';
  expect(await clickHouse.query(`SELECT ${columns} FROM weir.channel_1h ${order}`)).toMatchObject([
    { window_start: '2026-03-02 00:00:00.000', currency: '', clicks_net: 5, visitors: 1 },
    { currency: 'EUR', clicks_net: 0, visitors: 0, orders: 1, revenue_minor: 500 },
    { window_start: '2026-03-02 01:00:00.000', clicks_net: 1, visitors: 1, state: 'final' },
  ]);
  expect(await clickHouse.query(`SELECT ${columns} FROM weir.channel_1d ${order}`)).toMatchObject([
    {
      window_start: '2026-03-02 00:00:00.000',
      currency: '',
      clicks_net: 6,
      visitors: 1,
      state: 'matured',
    },
    { currency: 'EUR', orders: 1, revenue_minor: 500 },
  ]);
});

//              watermark − lateness       watermark
//  ──────────────────┤────────────────────────┤
//   final            │ matured                │ provisional      by the end of the minute
test('a minute is provisional, then matured, then final', async () => {
  const ends = [
    WATERMARK_MS - DAY_MS,
    WATERMARK_MS - DAY_MS + MINUTE_MS,
    WATERMARK_MS,
    WATERMARK_MS + MINUTE_MS,
  ];
  await insertSums(
    CHANNEL_1M,
    ends.map((endMs) => ({
      startMs: endMs - MINUTE_MS,
      dimensions: ['dtc', ''],
      sums: minuteSums({ clicks_gross: 1 }),
    })),
  );
  const rows = await clickHouse.query('SELECT state FROM weir.channel_1m ORDER BY window_start');
  expect(rows.map(({ state }) => state)).toEqual(['final', 'matured', 'matured', 'provisional']);
});

test('a row whose sums have all become zero is not shown', async () => {
  await insertSums(CHANNEL_1M, [
    { startMs: DAY_ZERO_MS, dimensions: ['dtc', ''], sums: minuteSums({}) },
  ]);
  expect(await clickHouse.query('SELECT * FROM weir.channel_1m')).toEqual([]);
});

test('a condition on the time of an hour or day reads only its part of the stored minutes', async () => {
  await clickHouse.command(`INSERT INTO weir.channel_1m_rows (window_start, channel, clicks_gross, version)
    SELECT toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + INTERVAL number MINUTE, 'dtc', 1, 1 FROM numbers(86400)`);
  for (const view of ['channel_1m', 'channel_1h', 'channel_1d']) {
    const plan = await clickHouse.query(`SELECT explain FROM (EXPLAIN indexes = 1
      SELECT * FROM weir.${view} WHERE window_start >= toDateTime64('2026-02-10 00:00:00', 3, 'UTC')
        AND window_start < toDateTime64('2026-02-11 00:00:00', 3, 'UTC'))`);
    const text = plan.map(({ explain }) => String(explain).trim()).join('\n');
    const [, parts = '', total = ''] =
      /Parts: (\d+)\/(\d+)/.exec(text.slice(text.indexOf('channel_1m_rows'))) ?? [];
    expect([view, Number(total) > 1 && Number(parts) < Number(total)]).toEqual([view, true]);
  }
});

/** Runs the operators over `events` and stores what they emit: raw events and sums. */
/** Of two visitors the second day is withdrawn, of one of them no longer. */
const VERDICTS: readonly LawEvent[] = [
  buildVerdict({ event_id: 'b1', visitor_id: visitorToken('v1'), about: DAY_ZERO_MS + DAY_MS }),
  buildVerdict({ event_id: 'b2', visitor_id: visitorToken('v2'), about: DAY_ZERO_MS + DAY_MS }),
  buildVerdict({
    event_id: 'b3',
    visitor_id: visitorToken('v2'),
    about: DAY_ZERO_MS + DAY_MS,
    kind: 'cleared',
    occurred_at: DAY_ZERO_MS + 2 * DAY_MS,
  }),
].map((event) => ({ topic: 'weir.internal.visitor', event }));

async function load(events: readonly LawEvent[]): Promise<void> {
  const run = new Run(processors.flatMap((processor) => processor.operators));
  for (const event of [...events, ...VERDICTS]) run.apply(event);
  let index = 0;
  for (const table of tables) {
    if (table.kind === 'facts') {
      const facts: readonly (readonly Value[])[] = run.output.facts.get(table.name) ?? [];
      const lines = facts.map(
        (values) => `${tsvRow(table.columns, values)}\tweir\t0\t${(index += 1)}\t0`,
      );
      const columns = [
        ...table.columns.map(({ name }) => name),
        'topic',
        'partition',
        'offset',
        'index',
      ];
      if (lines.length > 0) await insert(table.name, columns, lines);
    } else if (table.kind === 'sums') {
      const rows = [...(run.output.sums.get(table.name) ?? [])].map(([key, sums]) => {
        const [startMs = '', ...dimensions] = key.split('|');
        return { startMs: Number(startMs), dimensions, sums };
      });
      if (rows.length > 0) await insertSums(table, rows);
    } else {
      const rows = [...(run.output.rows.get(table.name)?.values() ?? [])];
      const lines = rows.map((values) => `${tsvRow(table.columns, values)}\t1`);
      const columns = [...table.columns.map(({ name }) => name), 'version'];
      if (lines.length > 0) await insert(table.name, columns, lines);
    }
  }
}

const anyTimeMs = fc
  .tuple(fc.nat({ max: 120 }), fc.constantFrom(0, 0, 1, 59_999))
  .map(([step, ms]) => DAY_ZERO_MS + step * 10 * MINUTE_MS + ms);
const anyVisitor = fc.constantFrom('v1', 'v2', 'v3').map(visitorToken);
const anyChannel = fc.constantFrom('dtc', 'amazon', 'retail');
const anyCurrency = fc.constantFrom('EUR', 'EUR', 'GBP');
const anyClick = fc
  .record({
    occurred_at: anyTimeMs,
    visitor_id: anyVisitor,
    channel: anyChannel,
    kind: fc.constantFrom(...CLICK_KINDS),
  })
  .map((fields): LawEvent => ({ topic: 'weir.clicks', event: buildClick(fields) }));
const anyLine = fc.record({
  quantity: fc.integer({ min: 1, max: 3 }),
  unit_price_minor: fc.nat({ max: 900 }),
  unit_cost_minor: fc.option(fc.nat({ max: 900 })),
});
const anyOrder = fc
  .record({
    occurred_at: anyTimeMs,
    visitor_id: anyVisitor,
    sales_channel: anyChannel,
    currency: anyCurrency,
    region: fc.constantFrom(null, 'RO-B', 'RO-CJ'),
    order_id: fc.constantFrom('o1', 'o2', 'o3'),
    status: fc.constantFrom(...ORDER_STATUSES, 'placed', 'returned', 'cancelled'),
    lines: fc
      .array(anyLine, { minLength: 1, maxLength: 3 })
      .map((lines) => lines.map((line, index) => buildLine({ ...line, line_id: String(index) }))),
  })
  .map((fields): LawEvent => ({ topic: 'weir.orders', event: buildOrder(fields) }));
const anySpend = fc
  .record({
    fromMs: anyTimeMs,
    spanMs: fc.integer({ min: 1, max: HOUR_MS }),
    channel: anyChannel,
    currency: anyCurrency,
    amount: fc.nat(),
  })
  .map(({ fromMs, spanMs, channel, currency, amount }): LawEvent => {
    const fields = { channel, currency, amount_minor: amount, from: fromMs, to: fromMs + spanMs };
    return { topic: 'weir.reference', event: buildReference(fields) };
  });
const anyEvents = fc
  .array(
    fc.oneof({ arbitrary: anyClick, weight: 6 }, { arbitrary: anyOrder, weight: 4 }, anySpend),
    {
      minLength: 300,
      maxLength: 300,
    },
  )
  .map((events) =>
    events.map((event, index) => withId(event, `e${String(index).padStart(3, '0')}`)),
  );

function withId(lawEvent: LawEvent, id: string): LawEvent {
  switch (lawEvent.topic) {
    case 'weir.clicks':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id: id } };
    case 'weir.orders':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id: id } };
    case 'weir.reference':
    case 'weir.inventory':
    case 'weir.internal.sku':
    case 'weir.internal.visitor':
    case 'weir.internal.address':
    case 'weir.internal.identity':
      return lawEvent;
  }
}

const AUDITED = [
  {
    view: 'channel_1m',
    key: 'window_start, channel, currency',
    values: ['clicks_net', ...CHANNEL_1M.sums],
    sql: readFileSync(new URL('audit.sql', import.meta.url), 'utf8'),
    rowsMin: 50,
  },
  {
    view: 'region_1h',
    key: 'window_start, region, currency',
    values: REGION_1H.sums,
    sql: readFileSync(new URL('audit-regions.sql', import.meta.url), 'utf8'),
    // A few order ids with long pauses are few orders.
    rowsMin: 2,
  },
];
const IN_RANGE =
  "window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}";

test.each([1, 2, 3])(
  'the tables equal the SQL that recomputes them from the raw events (batch %i)',
  async (seed) => {
    const [events = []] = fc.sample(anyEvents, { seed, numRuns: 1 });
    await load(events);
    for (const [fromMs, toMs] of [
      [DAY_ZERO_MS - DAY_MS, DAY_ZERO_MS + 3 * DAY_MS],
      [DAY_ZERO_MS + 3 * HOUR_MS, DAY_ZERO_MS + 11 * HOUR_MS],
    ] as const) {
      const parameters = {
        from: (fromMs / 1_000).toFixed(3),
        to: (toMs / 1_000).toFixed(3),
        gap_ms: CONFIG.sessionGapMs,
        returns_kept_ms: CONFIG.returnsKeptMs,
      };
      for (const { view, key, values, sql, rowsMin } of AUDITED) {
        const columns = [key, ...values].join(', ');
        const live = await clickHouse.query(
          `SELECT ${columns} FROM weir.${view} WHERE ${IN_RANGE} ORDER BY ${key}`,
          parameters,
        );
        const isSold = values.map((name) => `${name} != 0`).join(' OR ');
        const recomputed = await clickHouse.query(
          `SELECT ${columns} FROM (${sql}) WHERE ${isSold} ORDER BY ${key}`,
          parameters,
        );
        expect(live.length).toBeGreaterThan(rowsMin);
        expect(recomputed).toEqual(live);
      }
    }
  },
);

test('hours and days have the distinct visitors that the raw clicks have', async () => {
  const [events = []] = fc.sample(anyEvents, { seed: 7, numRuns: 1 });
  await load(events);
  for (const [view, start] of [
    ['channel_1h', 'toStartOfHour'],
    ['channel_1d', 'toStartOfDay'],
  ]) {
    const live =
      await clickHouse.query(`SELECT toString(toDateTime(window_start, 'UTC')) AS start, channel, visitors
      FROM weir.${view} WHERE visitors != 0 ORDER BY start, channel`);
    expect(live.length).toBeGreaterThan(0);
    expect(
      await clickHouse.query(`SELECT toString(${start}(occurred_at)) AS start, channel, uniqExact(visitor_id) AS visitors
        FROM weir.clicks WHERE kind NOT IN ('impression', 'beacon') GROUP BY start, channel ORDER BY start, channel`),
    ).toEqual(live);
  }
});
