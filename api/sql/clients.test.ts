import {
  type ClickHouseClient,
  ClickHouseError,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client';
import { expect, onTestFinished, test } from 'vitest';

import { CLICKS, openSqlShop } from '../../test/sql/sql-shop.ts';
import { startSql } from './main.ts';
import { APPLIED_SETTINGS, LIMIT_SETTINGS } from './settings.ts';

const shop = openSqlShop();

/** The client of ClickHouse's makers, as its documentation opens it. */
function client(options: Parameters<typeof createClient>[0] = {}): ClickHouseClient {
  const opened = createClient({
    url: shop.url(),
    log: { level: ClickHouseLogLevel.OFF },
    ...options,
  });
  onTestFinished(() => opened.close());
  return opened;
}

/** What `curl` would print. */
async function textOf(address: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`${shop.url()}${address}`, init);
  return response.text();
}

const BY_CHANNEL = [
  { channel: 'amazon', clicks: 20 },
  { channel: 'dtc', clicks: 20 },
  { channel: 'email', clicks: 20 },
];
const QUERY = 'SELECT channel, count() AS clicks FROM clicks GROUP BY channel ORDER BY channel';

test('the client finds the server alive, by ping and by a statement', async () => {
  expect(await client().ping()).toEqual({ success: true });
  expect(await client().ping({ select: true })).toEqual({ success: true });
});

test('the client reads rows as JSON, with names, types and their number', async () => {
  const result = await client({ database: 'weir' }).query({
    query: QUERY,
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  expect(await result.json()).toMatchObject({
    meta: [
      { name: 'channel', type: 'LowCardinality(String)' },
      { name: 'clicks', type: 'UInt64' },
    ],
    data: BY_CHANNEL,
    rows: 3,
  });
});

test('the client reads rows one by one, as texts and as columns', async () => {
  const lines = await client().query({
    query: QUERY,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  expect(await lines.json()).toEqual(BY_CHANNEL);
  const csv = await client().query({ query: QUERY, format: 'CSVWithNames' });
  expect(await csv.text()).toBe('"channel","clicks"\n"amazon",20\n"dtc",20\n"email",20\n');
  const tsv = await client().query({ query: QUERY, format: 'TabSeparated' });
  expect(await tsv.text()).toBe('amazon\t20\ndtc\t20\nemail\t20\n');
  const compact = await client().query({ query: QUERY, format: 'JSONCompact' });
  expect(await compact.json()).toMatchObject({ rows: 3, meta: [{ name: 'channel' }, {}] });
});

test('the client streams an answer of many blocks', async () => {
  const result = await client().query({
    query: 'SELECT number FROM numbers(200000)',
    format: 'JSONEachRow',
  });
  let count = 0;
  for await (const rows of result.stream<{ number: string }>()) count += rows.length;
  expect(count).toBe(200_000);
});

test('the client binds parameters of every kind', async () => {
  const result = await client().query({
    query: `SELECT {text:String} AS text, {number:Int64} AS number, {list:Array(String)} AS list, {at:DateTime64(3)} AS at, {none:Nullable(String)} AS none, {flag:Bool} AS flag`,
    format: 'JSONEachRow',
    query_params: {
      text: `it's a "test" \\ with\ttab and\nline; DROP TABLE x`,
      number: -5,
      list: ['a', "b'c", 'd\\e'],
      at: new Date(Date.UTC(2026, 0, 5, 12, 0, 0, 250)),
      none: null,
      flag: true,
    },
  });
  expect(await result.json()).toEqual([
    {
      text: `it's a "test" \\ with\ttab and\nline; DROP TABLE x`,
      number: expect.toSatisfy((number: unknown) => Number(number) === -5),
      list: ['a', "b'c", 'd\\e'],
      at: '2026-01-05 12:00:00.250',
      none: null,
      flag: true,
    },
  ]);
});

test('the client sees an error with its number, its name and its text', async () => {
  const wrong = client().query({ query: 'SELECT nothing FROM clicks' });
  await expect(wrong).rejects.toBeInstanceOf(ClickHouseError);
  await expect(wrong).rejects.toMatchObject({ code: '47', type: 'UNKNOWN_IDENTIFIER' });
  const refused = client().insert({ table: 'clicks_log', values: [{ event_id: 'x' }] });
  await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^(62|164)$/) });
  const command = client().command({ query: 'DROP TABLE weir.clicks_log' });
  await expect(command).rejects.toMatchObject({ code: '164', type: 'READONLY' });
});

test('the client may name a session, a query and a user', async () => {
  const result = await client({
    username: 'analyst',
    password: 'anything',
    session_id: 's-1',
    request_timeout: 5_000,
  }).query({ query: 'SELECT 1 AS one', format: 'JSONEachRow', query_id: 'q-1' });
  expect([result.query_id, await result.json()]).toEqual(['q-1', [{ one: 1 }]]);
});

test('a plain HTTP client asks in the address, in the body or in both', async () => {
  const post = (body: string): RequestInit => ({ method: 'POST', body });
  expect(await textOf('/ping')).toBe('Ok.\n');
  expect(await textOf('/')).toBe('Ok.\n');
  expect(await textOf('/?query=SELECT%20count()%20FROM%20clicks')).toBe('60\n');
  expect(await textOf('/', post('SELECT count() FROM weir.clicks'))).toBe('60\n');
  expect(await textOf('/?query=SELECT%20count()', post('FROM clicks'))).toBe('60\n');
  const byKind = 'SELECT count() AS n FROM clicks WHERE kind = {kind:String}';
  expect(await textOf('/?param_kind=click&default_format=JSONEachRow', post(byKind))).toMatch(
    /^\{"n":"?15"?\}\n$/,
  );
  const headers = { 'X-ClickHouse-Format': 'CSV' };
  expect(await textOf('/', { ...post(`SELECT 1, 'a'`), headers })).toBe('1,"a"\n');
  expect(await textOf('/?query=SELECT%201%20FORMAT%20Pretty')).toContain('┃ 1 ┃');
});

test('an answer says its type, its format and its size', async () => {
  const told = await shop.ask('SELECT event_id FROM clicks FORMAT JSONEachRow', {
    address: { query_id: 'mine' },
  });
  expect(Object.fromEntries(told.headers)).toMatchObject({
    'content-type': 'application/x-ndjson; charset=UTF-8',
    'x-clickhouse-format': 'JSONEachRow',
    'x-clickhouse-query-id': 'mine',
    'x-clickhouse-timezone': 'UTC',
    'content-length': String(Buffer.byteLength(told.text)),
  });
  const summary: unknown = JSON.parse(told.headers.get('x-clickhouse-summary') ?? '');
  expect(summary).toMatchObject({ result_rows: String(CLICKS.length) });
});

test('every setting that a request may send is one of the engine', async () => {
  const known = await shop.rows('SELECT name FROM system.settings');
  const names = [...APPLIED_SETTINGS, ...LIMIT_SETTINGS].map((name) => [name]);
  expect(known).toEqual(expect.arrayContaining(names));
});

test('a client that asks for the first rows gets the first block that has them, and no error', async () => {
  const address = { max_result_rows: '3', result_overflow_mode: 'break' };
  const rows = await shop.rows('SELECT number FROM numbers(1000000)', { address });
  expect(rows).toHaveLength(65_409);
  // Without a limit of its own the answer would end at ours, and nobody would know.
  const silent = await shop.ask('SELECT * FROM numbers(9000000)', {
    address: { result_overflow_mode: 'break' },
  });
  expect(silent.headers.get('x-clickhouse-exception-code')).toBe('396');
});

test('other methods and other addresses are refused in the same form', async () => {
  const put = await fetch(shop.url(), { method: 'PUT', body: 'SELECT 1' });
  expect([put.status, await put.text()]).toEqual([405, expect.stringMatching(/^Code: 1\. /)]);
  const other = await fetch(`${shop.url()}/play?query=SELECT+1`);
  expect([other.status, await other.text()]).toEqual([400, expect.stringMatching(/^Code: 36\. /)]);
});

test('a port that is taken is named, with the setting to change', async () => {
  const port = Number(new URL(shop.url()).port);
  const { sql } = shop.engine();
  await expect(startSql({ sql, host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'HTTP_PORT_IN_USE',
    message: expect.stringContaining('clickhouse.sql_port'),
  });
});

const GREETING = 'SELECT displayName(), version(), revision(), timezone()';

test('the greeting of the client for Go is answered in the form of its revision, with a name that tells nothing of the machine', async () => {
  const address = '/?default_format=Native&client_protocol_version=54485';
  const response = await fetch(`${shop.url()}${address}`, { method: 'POST', body: GREETING });
  const bytes = Buffer.from(await response.arrayBuffer());
  const [row] = await shop.engine().query('SELECT version() AS version');
  const version = String(row?.['version']);
  const text = (value: string): readonly number[] => [value.length, ...Buffer.from(value)];
  const block = [
    [1, 0, 2, 255, 255, 255, 255, 0],
    [4, 1],
    [...text('displayName()'), ...text('String'), 0, ...text('weir')],
    [...text('version()'), ...text('String'), 0, ...text(version)],
    [...text('revision()'), ...text('UInt32'), 0, 0, 0, 0, 0],
    [...text('timezone()'), ...text('String'), 0, ...text('UTC')],
  ];
  expect([...bytes]).toEqual(block.flat());
  expect(response.headers.get('content-length')).toBe(String(bytes.length));
});

test('anyone else who asks for the name of the machine is refused, in whatever form', async () => {
  expect(await textOf('/', { method: 'POST', body: GREETING })).toContain('Function displayName');
  const native = '/?default_format=Native&client_protocol_version=0';
  expect(await textOf(native, { method: 'POST', body: GREETING })).toContain('displayName');
});
