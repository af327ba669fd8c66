import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { ClickHouse } from '../processors/engine/sink/clickhouse.ts';
import { EngineError } from '../schemas/errors.ts';
import type { Panel } from '../schemas/panel.ts';
import { HOUR_MS, MINUTE_MS } from '../schemas/time.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';
import type { RowsAnswer } from './answers.ts';

const T0 = Date.UTC(2026, 2, 1, 10);

const CHANNELS: Panel = {
  topic: 'channels',
  path: 'channels',
  needs: [],
  live: {
    table: 'channel_1m_rows',
    key: ['window_start', 'channel'],
    sums: [],
    retentionMs: undefined,
    rowsMax: 10,
    windowMs: MINUTE_MS,
  },
  query: {
    views: { minute: 'channel_1m', hour: 'weir.channel_1h' },
    columns: ['window_start', 'channel', 'campaign', 'clicks', 'ratio', 'is_new', 'seen_at'],
    filters: ['channel', 'campaign', 'clicks'],
    timeColumn: 'window_start',
    orderBy: ['window_start', 'channel'],
  },
};

const STOCK: Panel = {
  ...CHANNELS,
  topic: 'stock',
  path: 'stock',
  query: {
    views: { all: 'weir.stock_current' },
    columns: ['available'],
    filters: ['sku'],
    timeColumn: undefined,
    // Not among the columns that are shown.
    orderBy: ['sku'],
  },
};

let directory: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-api-query-'));
  clickHouse = await ClickHouse.openEmbedded(directory);
  for (const statement of [
    'CREATE DATABASE weir',
    `CREATE TABLE weir.rows (window_start DateTime64(3, 'UTC'), channel LowCardinality(String),
       campaign LowCardinality(Nullable(String)), clicks Int64, ratio Nullable(Float64), is_new Bool,
       seen_at Nullable(DateTime64(3, 'UTC'))) ENGINE = MergeTree ORDER BY (window_start, channel)`,
    `INSERT INTO weir.rows
       SELECT fromUnixTimestamp64Milli(${T0} + number * ${MINUTE_MS}, 'UTC'), channel,
         if(channel = 'dtc', NULL, '=sum("a"),b'), number * 1000000000000, if(number = 0, NULL, number / 4),
         number % 2 = 0, if(number = 0, NULL, fromUnixTimestamp64Milli(${T0} + number, 'UTC'))
       FROM numbers(60) ARRAY JOIN ['amazon', 'dtc'] AS channel`,
    'CREATE VIEW weir.channel_1m AS SELECT * FROM weir.rows',
    `CREATE VIEW weir.channel_1h AS SELECT toDateTime64(toStartOfHour(window_start), 3, 'UTC') AS window_start,
       channel, any(campaign) AS campaign, sum(clicks) AS clicks, NULL::Nullable(Float64) AS ratio,
       true AS is_new, max(seen_at) AS seen_at FROM weir.rows GROUP BY window_start, channel`,
    "CREATE VIEW weir.stock_current AS SELECT 'SKU-' || toString(number) AS sku, number AS available FROM numbers(3)",
  ]) {
    await clickHouse.command(statement);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

function open(): ReturnType<typeof openServer> {
  return openServer({ engine: new MemoryEngine(clickHouse), panels: [CHANNELS, STOCK] });
}

async function read(
  server: ReturnType<typeof openServer>,
  url: string,
): Promise<RowsAnswer & { readonly code?: string; readonly detail?: string }> {
  return (await server.app.inject(url)).json();
}

test('rows come with instants as milliseconds, large integers as numbers and absent values as null', async () => {
  const server = open();
  const answer = await read(server, `/v1/channels?from=${T0}&to=${T0 + 2 * MINUTE_MS}&channel=dtc`);
  expect(answer.rows).toEqual([
    {
      window_start: T0,
      channel: 'dtc',
      campaign: null,
      clicks: 0,
      ratio: null,
      is_new: true,
      seen_at: null,
    },
    {
      window_start: T0 + MINUTE_MS,
      channel: 'dtc',
      campaign: null,
      clicks: 1_000_000_000_000,
      ratio: 0.25,
      is_new: false,
      seen_at: T0 + 1,
    },
  ]);
});

test('from is inclusive and to exclusive, as milliseconds or ISO 8601', async () => {
  const server = open();
  const starts = async (query: string): Promise<readonly unknown[]> =>
    (await read(server, `/v1/channels?channel=dtc&${query}`)).rows.map(
      (row) => row['window_start'],
    );
  const expected = [T0 + MINUTE_MS, T0 + 2 * MINUTE_MS];
  expect(await starts(`from=${T0 + MINUTE_MS}&to=${T0 + 3 * MINUTE_MS}`)).toEqual(expected);
  expect(await starts('from=2026-03-01T10:01:00Z&to=2026-03-01T10:03Z')).toEqual(expected);
  expect(await starts('from=2026-03-01T11:01:00%2B01:00&to=2026-03-01T11:03:00+01:00')).toEqual(
    expected,
  );
  expect(await starts('to=2026-03-01')).toEqual([]);
});

test('an answer is complete once the watermark has reached its end', async () => {
  const server = open();
  const freshness = async (query: string): Promise<readonly unknown[]> => {
    const { watermark, complete } = await read(server, `/v1/${query}`);
    return [watermark, complete];
  };
  const to = T0 + HOUR_MS;
  expect(await freshness(`channels?to=${to}`)).toEqual([null, false]);
  server.engine.setStatus({ watermark: to - 1 });
  expect(await freshness(`channels?to=${to}`)).toEqual([to - 1, false]);
  server.engine.setStatus({ watermark: to });
  expect(await freshness(`channels?to=${to}`)).toEqual([to, true]);
  expect(await freshness('channels')).toEqual([to, false]);
  expect(await freshness('stock')).toEqual([to, true]);
});

test('pages follow each other without a gap or a repeat, in either direction', async () => {
  const server = open();
  for (const order of ['asc', 'desc']) {
    const seen: string[] = [];
    let cursor: string | null = '';
    let pages = 0;
    while (cursor !== null) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const answer = await read(server, `/v1/channels?limit=7&order=${order}${next}`);
      expect(answer.rows.length).toBeGreaterThan(0);
      seen.push(
        ...answer.rows.map((row) => `${String(row['window_start'])} ${String(row['channel'])}`),
      );
      cursor = answer.next_cursor;
      pages += 1;
    }
    expect(pages).toBe(Math.ceil(120 / 7));
    expect(new Set(seen).size).toBe(120);
    expect(seen).toEqual(order === 'asc' ? seen.toSorted() : seen.toSorted().toReversed());
  }
  const stock = await read(server, '/v1/stock?limit=2');
  expect(stock.rows).toEqual([{ available: 0 }, { available: 1 }]);
  expect((await read(server, `/v1/stock?limit=2&cursor=${stock.next_cursor}`)).rows).toEqual([
    { available: 2 },
  ]);
});

test('a cursor continues its own question only', async () => {
  const server = open();
  const { next_cursor: cursor } = await read(server, '/v1/channels?limit=1&channel=dtc');
  const codes = [];
  for (const url of [
    `/v1/channels?limit=1&channel=amazon&cursor=${cursor}`,
    `/v1/channels?limit=1&channel=dtc&grain=hour&cursor=${cursor}`,
    `/v1/stock?cursor=${cursor}`,
    '/v1/channels?cursor=x',
    `/v1/channels?cursor=${Buffer.from('[1,2,3,4]').toString('base64url')}`,
  ]) {
    codes.push((await read(server, url)).code);
  }
  expect(codes).toEqual(Array.from(codes, () => 'CURSOR_INVALID'));
  expect(
    (await read(server, `/v1/channels?limit=5&channel=dtc&cursor=${cursor}`)).rows,
  ).toHaveLength(5);
});

test('the grain chooses the view', async () => {
  const server = open();
  expect((await read(server, '/v1/channels?grain=hour')).rows).toMatchObject([
    { window_start: T0, channel: 'amazon', clicks: 1_770_000_000_000_000 },
    { window_start: T0, channel: 'dtc', clicks: 1_770_000_000_000_000 },
  ]);
});

test('values of filters are bound, whatever they hold', async () => {
  const server = open();
  const count = async (query: string): Promise<number> =>
    (await read(server, `/v1/channels?${query}`)).rows.length;
  expect(await count('channel=dtc&channel=amazon')).toBe(120);
  expect(await count(`channel=${encodeURIComponent("dtc') OR ('1' = '1")}`)).toBe(0);
  expect(await count(`channel=${encodeURIComponent("\\'; DROP TABLE weir.rows; --")}`)).toBe(0);
  expect(await count(`campaign=${encodeURIComponent('=sum("a"),b')}`)).toBe(60);
  expect(await count('clicks=3000000000000')).toBe(2);
  expect(await count('channel=')).toBe(0);
  expect(await count('channel=d%00tc')).toBe(0);
  expect(await count('channel=dtc')).toBe(60);
});

test.for([
  ['price=1', 'price'],
  ['grain=day', 'grain'],
  ['grain=week', 'grain'],
  ['limit=0', 'limit'],
  ['limit=10001', 'limit'],
  ['limit=x', 'limit'],
  ['order=up', 'order'],
  ['from=yesterday', 'from'],
  ['from=2026-03-01T10:00:00', 'from'],
  ['from=2026-02-31T25:00Z', 'from'],
  ['from=2&to=2', 'from'],
  ['from=1&from=2', 'from'],
  ['__proto__=1', '__proto__'],
  [`channel=${'x'.repeat(257)}`, 'channel'],
])('the query %s is refused', async ([query, named]) => {
  const answer = await open().app.inject(`/v1/channels?${query}`);
  expect([answer.statusCode, answer.json()]).toMatchObject([400, { code: 'QUERY_INVALID' }]);
  expect(answer.json<{ detail: string }>().detail).toContain(named);
});

test('CSV holds the same rows, quoted, with formulas disarmed and freshness in headers', async () => {
  const server = open();
  server.engine.setStatus({ watermark: T0 });
  const answer = await server.app.inject({
    url: `/v1/channels?limit=3&to=${T0}&from=0`,
    headers: { accept: 'text/csv' },
  });
  expect(answer.body).toBe('window_start,channel,campaign,clicks,ratio,is_new,seen_at\r\n');
  const two = await server.app.inject({
    url: '/v1/channels?limit=2',
    headers: { accept: 'text/html;q=0.1, text/csv, application/json;q=0.5' },
  });
  expect(two.headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8; header=present',
    'weir-watermark': String(T0),
    'weir-complete': 'false',
    vary: 'accept',
  });
  expect(two.headers['weir-next-cursor']).toBeTypeOf('string');
  expect(two.body).toBe(
    'window_start,channel,campaign,clicks,ratio,is_new,seen_at\r\n' +
      `${T0},amazon,"'=sum(""a""),b",0,,true,\r\n` +
      `${T0},dtc,,0,,true,\r\n`,
  );
  const neither = await server.app.inject({
    url: '/v1/channels',
    headers: { accept: 'image/png' },
  });
  expect([neither.statusCode, neither.json()]).toMatchObject([406, { code: 'NOT_ACCEPTABLE' }]);
});

test('while ClickHouse is away, reads are 503 and say nothing of the statement', async () => {
  const server = open();
  server.engine.failing = new EngineError({
    code: 'CLICKHOUSE_UNAVAILABLE',
    kind: 'transient',
    message: 'Expected ClickHouse to run SELECT secret',
  });
  const answer = await server.app.inject('/v1/channels');
  expect([answer.statusCode, answer.json()]).toMatchObject([
    503,
    { code: 'CLICKHOUSE_UNAVAILABLE' },
  ]);
  expect(answer.headers['retry-after']).toBeDefined();
  expect(answer.body).not.toContain('SELECT');
});
