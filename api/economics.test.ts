import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { ClickHouse } from '../processors/engine/sink/clickhouse.ts';
import { migrate } from '../processors/engine/sink/migrate.ts';
import { createLift } from '../processors/lift/processor.ts';
import type { ClickKind } from '../schemas/events/click.ts';
import { visitorToken } from '../schemas/ids.ts';
import { DAY_MS, HOUR_MS } from '../schemas/time.ts';
import { START_MS, click, order } from '../test/attribution/events.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';
import { CONFIG } from '../test/lift/events.ts';
import {
  ECONOMICS_TABLES,
  RAW_TABLES,
  insertRows,
  instantText,
  storeRawEvents,
} from '../test/sql/raw-events.ts';
import type { CartsAnswer } from './carts.ts';
import type { EconomicsAnswer } from './economics-answer.ts';
import type { SegmentsAnswer } from './segments.ts';

const CHANNEL_COLUMNS = [
  'impressions',
  'clicks_gross',
  'clicks_givt',
  'clicks_sivt',
  'sessions',
  'add_to_carts',
  'orders',
  'units',
  'revenue_minor',
  'margin_minor',
  'lines_without_cost',
  'returns_minor',
  'spend_minor',
] as const;

const directory = mkdtempSync(join(tmpdir(), 'weir-api-economics-'));
let clickHouse: ClickHouse;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  for (const statement of [
    'CREATE DATABASE weir',
    ...RAW_TABLES,
    `CREATE TABLE weir.channel_1m_rows (window_start DateTime64(3, 'UTC'), channel String, currency String,
       ${CHANNEL_COLUMNS.map((name) => `${name} Int64`).join(', ')}) ENGINE = ReplacingMergeTree ORDER BY (window_start, channel, currency)`,
    `CREATE TABLE weir.attribution_1h_rows (window_start DateTime64(3, 'UTC'), model String, channel String,
       currency String, conversions_milli Int64, credit_minor Int64) ENGINE = ReplacingMergeTree ORDER BY (window_start, model, channel, currency, credit_minor)`,
    `CREATE TABLE weir.reference (occurred_at DateTime64(3, 'UTC'), event_id String, subject String, kind String,
       metric Nullable(String), channel Nullable(String), value Nullable(Float64), from Nullable(DateTime64(3, 'UTC')),
       to Nullable(DateTime64(3, 'UTC')), rule Nullable(String)) ENGINE = MergeTree ORDER BY occurred_at`,
    ...ECONOMICS_TABLES,
  ]) {
    await clickHouse.command(statement);
  }
  await migrate(clickHouse, createLift(CONFIG).migrations);
});

const TABLES = [
  'clicks',
  'orders',
  'order_lines',
  'channel_1m_rows',
  'attribution_1h_rows',
  'reference',
  'stock_sku_outages',
  'parity_segments',
];

beforeEach(async () => {
  for (const table of TABLES) await clickHouse.command(`TRUNCATE TABLE weir.${table}`);
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test('the worked example of the channel mix: deviations in points and χ²', async () => {
  for (const [channel, orders] of [
    ['dtc', 4_200],
    ['amazon', 2_350],
    ['messaging', 1_400],
    ['retail', 2_050],
  ] as const) {
    await channelRow(channel, 'EUR', { orders });
  }
  const { sales, mix } = await read();
  expect(mix?.chi_square).toBeCloseTo(26.916667, 6);
  expect(sales.map(({ channel, deviation_points: points }) => [channel, points])).toEqual([
    ['amazon', expect.closeTo(-1.5, 9)],
    ['dtc', expect.closeTo(2, 9)],
    ['messaging', expect.closeTo(-1, 9)],
    ['retail', expect.closeTo(0.5, 9)],
  ]);
});

test('targets of reference events hold in place of the default, while they are valid', async () => {
  await channelRow('dtc', 'EUR', { orders: 60 });
  await channelRow('shop', 'EUR', { orders: 40 });
  const from = instantText(START_MS);
  await insertRows(clickHouse, 'reference (occurred_at, kind, metric, channel, value, from, to)', [
    [from, 'target', 'channel_mix_percent', 'dtc', 50, from, null],
    [from, 'target', 'channel_mix_percent', 'shop', 50, from, null],
    [from, 'target', 'channel_mix_percent', 'amazon', 90, from, instantText(START_MS + HOUR_MS)],
  ]);
  const { sales, mix } = await read();
  expect(mix?.chi_square).toBeCloseTo(4, 9);
  expect(sales.map(({ target_share: share }) => share)).toEqual([0.5, 0.5]);
});

test('attributed cost and return stand beside the incremental ones, in one currency', async () => {
  await channelRow('search', '', {
    clicks_gross: 90,
    clicks_givt: 4,
    clicks_sivt: 6,
    sessions: 50,
  });
  await channelRow('search', 'EUR', { spend_minor: 1_000 });
  await channelRow('search', 'RON', { spend_minor: 7 });
  await channelRow('direct', '', { clicks_gross: 9 });
  const start = instantText(START_MS);
  await insertRows(clickHouse, 'attribution_1h_rows', [
    [start, 'last_non_direct', 'search', 'EUR', 3_000, 6_000],
    [start, 'last_non_direct', 'search', 'EUR', 1_000, 2_000],
    [start, 'linear', 'search', 'EUR', 500, 1_000],
    [start, 'last_non_direct', 'search', 'RON', 9_000, 9_000],
  ]);
  const { marketing } = await read();
  expect(marketing).toMatchObject([
    {
      channel: 'direct',
      clicks_net: 9,
      spend_minor: 0,
      attributed: { cpa_minor: null, roas: null },
    },
    {
      channel: 'search',
      clicks_gross: 90,
      clicks_net: 80,
      conversion_rate: 0.08,
      spend_minor: 1_000,
      attributed: { conversions: 4, credit_minor: 8_000, cpa_minor: 250, roas: 8 },
      incremental: null,
    },
  ]);
  expect((await read('&model=linear')).marketing[1]?.attributed.cpa_minor).toBe(2_000);
});

test('the order value carries the interval of a ratio over customers', async () => {
  await channelRow('dtc', 'EUR', { orders: 8 });
  const customers = [[60, 60], [75, 75, 75, 75], [80], [55]];
  await storeRawEvents(
    clickHouse,
    customers.flatMap((prices, customer) =>
      prices.map((price, index) =>
        order({
          event_id: `o${customer}-${index}`,
          order_id: `o${customer}-${index}`,
          visitor_id: visitorToken(`v${customer}`),
          occurred_at: START_MS + HOUR_MS,
          prices: [price],
        }),
      ),
    ),
  );
  const value = (await read()).sales[0]?.order_value_minor;
  // numpy: mean 69.375, delta-method variance 98.1119791667 over 4 customers.
  expect(value?.point).toBeCloseTo(69.375, 9);
  expect(((value?.high ?? 0) - (value?.low ?? 0)) / 2).toBeCloseTo(9.706867772, 8);
});

test('customers are counted by the month of their first order, and who came back within 90 days', async () => {
  const placed = (id: string, customer: string, days: number) =>
    order({
      event_id: id,
      order_id: id,
      visitor_id: visitorToken(customer),
      occurred_at: START_MS + days * DAY_MS,
      prices: [100],
    });
  await storeRawEvents(clickHouse, [
    placed('a1', 'a', 0),
    placed('a2', 'a', 90),
    placed('b1', 'b', 1),
    placed('b2', 'b', 92),
    placed('c1', 'c', 2),
    order({
      event_id: 'c2',
      order_id: 'c2',
      visitor_id: visitorToken('c'),
      occurred_at: START_MS + 3 * DAY_MS,
      prices: [1],
    }),
    order({
      event_id: 'c3',
      order_id: 'c2',
      visitor_id: visitorToken('c'),
      occurred_at: START_MS + 4 * DAY_MS,
      status: 'cancelled',
    }),
    placed('d1', 'd', 40),
  ]);
  const { cohorts } = await read('', START_MS + 125 * DAY_MS);
  expect(cohorts).toMatchObject([
    { month: START_MS, customers: 3, repurchase: { point: 1 / 3 }, provisional: false },
    { month: Date.UTC(2026, 3, 1), customers: 1, repurchase: { point: 0 }, provisional: true },
  ]);
});

test('retention of a sales channel is the share of its customers who ordered there again', async () => {
  const placed = (id: string, customer: string, days: number, sales_channel = 'dtc') =>
    order({
      event_id: id,
      order_id: id,
      visitor_id: visitorToken(customer),
      occurred_at: START_MS + days * DAY_MS,
      sales_channel,
      prices: [100],
    });
  await channelRow('dtc', 'EUR', { orders: 3 });
  await channelRow('amazon', 'EUR', { orders: 1 });
  const gone = { order_id: 'd1', visitor_id: visitorToken('d'), status: 'cancelled' } as const;
  await storeRawEvents(clickHouse, [
    placed('a1', 'a', -0.5),
    placed('a2', 'a', 0.5),
    placed('b1', 'b', -0.5),
    placed('b2', 'b', 0.5, 'amazon'),
    // Too long ago, and cancelled: neither was a customer of the day before.
    placed('c1', 'c', -1.5),
    placed('c2', 'c', 0.5),
    placed('d1', 'd', -0.5),
    order({ ...gone, event_id: 'd2', occurred_at: START_MS }),
  ]);
  const { sales } = await read();
  expect(sales.map(({ channel, retention }) => [channel, retention?.point])).toEqual([
    ['amazon', undefined],
    ['dtc', 0.5],
  ]);
});

test('a cart without an order within a day is abandoned, one that still has time is pending', async () => {
  await channelRow('search', '', { clicks_gross: 4 });
  const cart = (id: string, hours: number) =>
    click({
      event_id: id,
      visitor_id: visitorToken(id),
      kind: 'add_to_cart',
      occurred_at: START_MS + hours * HOUR_MS,
    });
  await storeRawEvents(clickHouse, [
    cart('a', 1),
    cart('b', 1),
    cart('late', 1),
    cart('pending', 20),
    order({
      event_id: 'oa',
      order_id: 'oa',
      visitor_id: visitorToken('a'),
      occurred_at: START_MS + 2 * HOUR_MS,
      prices: [1],
    }),
    order({
      event_id: 'ol',
      order_id: 'ol',
      visitor_id: visitorToken('late'),
      occurred_at: START_MS + 25 * HOUR_MS,
      prices: [1],
    }),
  ]);
  const { channels } = await ask<CartsAnswer>('/carts', '', START_MS + 26 * HOUR_MS);
  expect(channels).toMatchObject([
    { channel: 'search', carts: 3, abandoned: { point: 2 / 3 }, pending: 1 },
  ]);
});

//        out of stock       sold for less elsewhere
//        ├─────────┤        ├──────────┤
//  0 h   2 h  3 h  4 h      6 h  7 h   8 h    9 h
test('a cart knows whether its product was out of stock, and sold for less or more elsewhere, at that moment', async () => {
  const at = (hours: number): string => instantText(START_MS + hours * HOUR_MS);
  await insertRows(clickHouse, 'stock_sku_outages', [['mug', at(2), at(4)]]);
  await insertRows(clickHouse, 'parity_segments', [
    ['mug', at(0), at(12), 'PARITY'],
    ['mug', at(6), at(8), 'UNDER'],
    ['mug', at(7.5), at(9.5), 'OVER'],
  ]);
  await storeRawEvents(
    clickHouse,
    [3, 7, 9, 10].map((hours) =>
      click({
        event_id: `c${hours}`,
        visitor_id: visitorToken(`v${hours}`),
        kind: 'add_to_cart',
        sku: 'mug',
        occurred_at: START_MS + hours * HOUR_MS,
      }),
    ),
  );
  const { rows, stock, parity } = await ask<CartsAnswer>('/carts');
  expect(rows.map(({ stock: held, parity: price, carts }) => [held, price, carts])).toEqual([
    ['in_stock', 'over', 1],
    ['in_stock', 'parity', 1],
    ['in_stock', 'under', 1],
    ['out', 'parity', 1],
  ]);
  expect(stock.map(({ stock: held, carts }) => [held, carts])).toEqual([
    ['in_stock', 3],
    ['out', 1],
  ]);
  expect(parity.map(({ parity: price, carts }) => [price, carts])).toEqual([
    ['over', 1],
    ['parity', 2],
    ['under', 1],
  ]);
});

test('a visitor is in the first segment whose rule fits; rules are events, and the newest of a subject holds', async () => {
  const did = (visitor: string, ...kinds: readonly ClickKind[]) =>
    kinds.map((kind, index) =>
      click({
        event_id: `${visitor}-${index}`,
        visitor_id: visitorToken(visitor),
        kind,
        campaign: kind === 'click' ? 'sale' : null,
        occurred_at: START_MS + HOUR_MS + index,
      }),
    );
  const bought = (visitor: string, promo: string | null) =>
    order({
      event_id: `o-${visitor}`,
      order_id: visitor,
      visitor_id: visitorToken(visitor),
      promo_id: promo,
      occurred_at: START_MS + 2 * HOUR_MS,
      prices: [1_000],
    });
  await storeRawEvents(clickHouse, [
    ...did('looker', 'page_view'),
    ...did('comer', 'click', 'page_view'),
    ...did('buyer', 'click', 'checkout'),
    bought('buyer', null),
    ...did('saver', 'checkout'),
    bought('saver', 'spring'),
  ]);
  const sizes = async () => {
    const { segments, rules_ignored } = await ask<SegmentsAnswer>('/segments');
    return [...segments.map(({ segment, visitors }) => [segment, visitors]), rules_ignored];
  };
  expect(await sizes()).toEqual([
    ['other', 1],
    ['event-driven', 1],
    ['high-intent', 1],
    ['price-sensitive', 1],
    0,
  ]);
  const rule = (subject: string, at: number, json: string) => [
    instantText(START_MS + at),
    `${subject}-${at}`,
    subject,
    'rule',
    json,
  ];
  await insertRows(clickHouse, 'reference (occurred_at, event_id, subject, kind, rule)', [
    rule('segment/1', 1, '{"segment":"buyers","when":{"orders":9}}'),
    rule('segment/1', 2, '{"segment":"buyers","when":{"orders":1,"checkouts":1}}'),
    rule('segment/1', 2 * DAY_MS, '{"segment":"later","when":{"clicks":1}}'),
    rule('segment/2', 1, '{"segment":"nobody","when":{"shoe_size":43}}'),
  ]);
  expect(await sizes()).toEqual([['other', 2], ['buyers', 2], 1]);
});

test('a range that is empty or too long is refused', async () => {
  const { app } = openServer({ engine: new MemoryEngine(clickHouse) });
  for (const path of ['', '/carts', '/segments']) {
    for (const query of ['from=2000&to=1000', `from=0&to=${93 * DAY_MS}`]) {
      expect((await app.inject(`/v1/economics${path}?${query}`)).statusCode).toBe(400);
    }
  }
});

async function channelRow(
  channel: string,
  currency: string,
  sums: Partial<Record<(typeof CHANNEL_COLUMNS)[number], number>>,
): Promise<void> {
  await insertRows(clickHouse, 'channel_1m_rows', [
    [
      instantText(START_MS + HOUR_MS),
      channel,
      currency,
      ...CHANNEL_COLUMNS.map((name) => sums[name] ?? 0),
    ],
  ]);
}

function read(query = '', watermark?: number): Promise<EconomicsAnswer> {
  return ask<EconomicsAnswer>('', query, watermark);
}

/** The answer about the first day. */
async function ask<Answer>(
  path: string,
  query = '',
  watermark = START_MS + 10 * DAY_MS,
): Promise<Answer> {
  const engine = new MemoryEngine(clickHouse);
  engine.setStatus({ watermark });
  const { app } = openServer({ engine });
  const range = `from=${START_MS}&to=${START_MS + DAY_MS}`;
  const answer = await app.inject(`/v1/economics${path}?${range}${query}`);
  expect(answer.statusCode).toBe(200);
  return answer.json<Answer>();
}
