import { expect, test } from 'vitest';

import { openSqlShop } from '../../test/sql/sql-shop.ts';

const shop = openSqlShop();

const MIB = 1_024 * 1_024;

/** What the limits may let through, answers in progress and their copies included. */
const GROWTH_BYTES_MAX = 1_536 * MIB;

function nested(depth: number, open: string, inside: string, close: string): string {
  return `SELECT ${open.repeat(depth)}${inside}${close.repeat(depth)}`;
}

/** `a1` doubles `a0`, `a2` doubles `a1` and so on. */
const DOUBLINGS = Array.from(
  { length: 40 },
  (_, index) => `a${index} + a${index} AS a${index + 1}`,
);
const SQUARINGS = Array.from(
  { length: 20 },
  (_, index) => `t${index + 1} AS (SELECT a.x FROM t${index} AS a, t${index} AS b)`,
);

const TOO_MUCH: readonly (readonly [what: string, code: number, statement: string])[] = [
  ['brackets nested very deep', 306, nested(20_000, '(', '1', ')')],
  ['arrays nested very deep', 306, nested(20_000, '[', '1', ']')],
  ['functions nested very deep', 167, nested(5_000, 'abs(', '1', ')')],
  ['subqueries nested very deep', 306, nested(200, '(SELECT * FROM ', 'clicks', ')')],
  ['a very long sum', 167, `SELECT 1${'+1'.repeat(20_000)}`],
  ['a name that doubles forty times', 36, `WITH 1 AS a0, ${DOUBLINGS.join(', ')} SELECT a40`],
  [
    'a table that is squared twenty times',
    36,
    `WITH t0 AS (SELECT 1 AS x), ${SQUARINGS.join(', ')} SELECT * FROM t20`,
  ],
  ['more rows than an answer may have', 396, 'SELECT * FROM numbers(100000000)'],
  ['one long text in every row', 241, `SELECT repeat('x', 1000000) FROM numbers(1000000)`],
  [
    'one text of a dictionary in every row',
    241,
    `SELECT toLowCardinality(repeat('x', 100000)) FROM numbers(1000000)`,
  ],
  [
    'a constant that is stored once and sent in every row',
    396,
    `SELECT repeat('x', 1000) FROM numbers(200000) FORMAT Native`,
  ],
  [
    'a very long name in every row',
    241,
    `SELECT 1 AS ${'a'.repeat(100_000)} FROM numbers(1000000) FORMAT JSONEachRow`,
  ],
  ['a very long array', 241, 'SELECT range(100000000)'],
  [
    'arrays of arrays',
    241,
    'SELECT arrayMap(x -> arrayMap(y -> x + y, range(100000)), range(100000))',
  ],
  ['a group of everything', 241, 'SELECT groupArray(number) FROM numbers(900000000)'],
  ['more rows than may be read', 158, 'SELECT max(number) FROM numbers(100000000000)'],
  [
    'a recursion without an end',
    306,
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r',
  ],
  [
    'a product of many tables',
    159,
    'SELECT count() FROM clicks AS a, clicks AS b, clicks AS c, clicks AS d, clicks AS e, clicks AS f',
  ],
];

test.each(TOO_MUCH)(
  '%s ends with an error, not with the process',
  async (_what, code, statement) => {
    const before = process.memoryUsage.rss();
    const told = await shop.ask(statement, { address: { max_execution_time: '3' } });
    expect(told.headers.get('x-clickhouse-exception-code'), told.text.slice(0, 200)).toBe(
      String(code),
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(GROWTH_BYTES_MAX);
  },
);

test('a statement longer than 128 KiB is refused, in the body as in the address', async () => {
  const statement = `SELECT '${'x'.repeat(128 * 1_024)}'`;
  expect((await shop.ask(statement)).status).toBe(413);
  expect((await shop.ask(statement, { method: 'GET' })).status).toBe(413);
});

test('an error leaves nothing behind for the next statement', async () => {
  const broken = 'SELECT number, intDiv(1, number - 100000) FROM numbers(200000)';
  for (let round = 0; round < 5; round += 1) {
    expect((await shop.ask(broken)).status).toBe(500);
    expect(await shop.rows('SELECT 42')).toEqual([[42]]);
  }
});

test('settings and parameters of one statement are unknown to the next', async () => {
  const address = { session_timezone: 'Asia/Tokyo' };
  expect(
    await shop.rows('SELECT timezone(), {x:Int8}', { address, parameters: { x: '7' } }),
  ).toEqual([['Asia/Tokyo', 7]]);
  expect(await shop.rows('SELECT timezone()')).toEqual([['UTC']]);
  expect((await shop.ask('SELECT {x:Int8}')).text).toContain('Substitution `x` is not set');
});

test('the rest of Weir goes on while a statement computes a scalar subquery', async () => {
  let longestMs = 0;
  let lastMs = performance.now();
  const ticks = setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }, 5);
  const told = await shop.ask(
    'SELECT (SELECT sum(cityHash64(number, number + 1)) FROM numbers(900000000))',
    { address: { max_execution_time: '2' } },
  );
  clearInterval(ticks);
  // On a machine that computes this in time it is an answer.
  expect([200, 408]).toContain(told.status);
  expect(longestMs).toBeLessThan(500);
});

test('the engine takes and stores events while statements run', async () => {
  const slow = shop.ask(
    'SELECT count() FROM clicks AS a, clicks AS b, clicks AS c, clicks AS d, clicks AS e, clicks AS f',
    {
      address: { max_execution_time: '2' },
    },
  );
  const inventory = 'SELECT count() AS n FROM weir.inventory';
  expect(await shop.engine().query(inventory)).toEqual([{ n: 3 }]);
  const { accepted } = await shop.engine().ingest('inventory', [
    {
      event_id: 'count-again',
      occurred_at: Date.UTC(2026, 0, 5, 13),
      source: 'warehouse',
      sku: 'S0',
      kind: 'count',
      node_id: 'north',
      on_hand: 90,
      reserved: 0,
    },
  ]);
  await shop.engine().drain();
  expect([accepted, await shop.engine().query(inventory)]).toEqual([1, [{ n: 4 }]]);
  expect((await slow).status).toBe(408);
});

test('answers of statements that run at the same time do not mix', async () => {
  const answers = await Promise.all(
    Array.from({ length: 24 }, async (_, index) =>
      shop.rows(`SELECT {x:Int32}, count() FROM clicks WHERE {x:Int32} = ${index}`, {
        parameters: { x: String(index) },
      }),
    ),
  );
  expect(answers).toEqual(Array.from({ length: 24 }, (_, index) => [[index, 60]]));
});

test("the engine's own parameters and those of statements do not mix", async () => {
  const [own, asked] = await Promise.all([
    Promise.all(
      Array.from({ length: 60 }, async (_, index) =>
        shop.engine().query('SELECT {x:String} AS x', { x: `engine ${index}` }),
      ),
    ),
    Promise.all(
      Array.from({ length: 40 }, async (_, index) =>
        shop.rows('SELECT {x:String}', { parameters: { x: `statement ${index}` } }),
      ),
    ),
  ]);
  expect(own).toEqual(Array.from({ length: 60 }, (_, index) => [{ x: `engine ${index}` }]));
  expect(asked).toEqual(Array.from({ length: 40 }, (_, index) => [[`statement ${index}`]]));
});

test('statements beyond those that may wait are told to come back', async () => {
  const slow =
    'SELECT count() FROM clicks AS a, clicks AS b, clicks AS c, clicks AS d, clicks AS e';
  const told = await Promise.all(
    Array.from({ length: 60 }, async () =>
      shop.ask(slow, { address: { max_execution_time: '0.05' } }),
    ),
  );
  const busy = told.filter(({ status }) => status === 503);
  expect(busy.length).toBeGreaterThan(0);
  expect(busy[0]?.headers.get('retry-after')).toBe('5');
  expect(busy[0]?.text).toContain('TOO_MANY_SIMULTANEOUS_QUERIES');
});

test('a client that goes away takes its statement with it', async () => {
  const running = `SELECT count() AS n FROM system.processes WHERE query LIKE '%clicks AS f%' AND query NOT LIKE '%processes%'`;
  const controller = new AbortController();
  const asked = fetch(shop.url(), {
    method: 'POST',
    body: 'SELECT count() FROM clicks AS a, clicks AS b, clicks AS c, clicks AS d, clicks AS e, clicks AS f',
    signal: controller.signal,
  });
  await expect.poll(async () => shop.engine().query(running)).toEqual([{ n: 1 }]);
  controller.abort();
  await expect(asked).rejects.toThrow('aborted');
  await expect.poll(async () => shop.engine().query(running)).toEqual([{ n: 0 }]);
});
