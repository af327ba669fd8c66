import { expect, test } from 'vitest';

import { CLICKS, ORDERS, START_MS, openSqlShop } from '../../test/sql/sql-shop.ts';

const shop = openSqlShop();

type Click = (typeof CLICKS)[number];

/** A name of a channel, a visitor or another group, and how often `pick` gives it. */
function counts(items: readonly Click[], pick: (click: Click) => string): [string, number][] {
  const found = new Map<string, number>();
  for (const item of items) found.set(pick(item), (found.get(pick(item)) ?? 0) + 1);
  return [...found].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

const valueOf = (order: (typeof ORDERS)[number]): number =>
  order.lines.reduce((sum, line) => sum + line.quantity * line.unit_price_minor, 0);

const VALUES = ORDERS.map((order) => valueOf(order));
const TOTAL = VALUES.reduce((sum, value) => sum + value, 0);
const CHANNEL_COUNTS = counts(CLICKS, ({ channel }) => channel);
const NOON = '2026-01-05 12:00:00';

/** What an analyst asks, and the rows that come back. */
const QUERIES: readonly (readonly [what: string, statement: string, rows: unknown])[] = [
  ['counts', 'SELECT count() FROM clicks', [[60]]],
  ['a database in front', 'SELECT count() FROM weir.clicks', [[60]]],
  [
    'groups',
    'SELECT channel, count() FROM clicks GROUP BY channel ORDER BY channel',
    CHANNEL_COUNTS,
  ],
  [
    'groups by position and an alias in WHERE',
    `SELECT channel AS c, COUNT(*) AS n FROM clicks WHERE c != 'dtc' GROUP BY 1 ORDER BY 1`,
    CHANNEL_COUNTS.filter(([channel]) => channel !== 'dtc'),
  ],
  [
    'conditional aggregates',
    `SELECT countIf(kind = 'click'), sumIf(1, kind = 'add_to_cart'), count() FILTER (WHERE sku IS NOT NULL) FROM clicks`,
    [[15, 15, 15]],
  ],
  [
    'distinct visitors',
    'SELECT uniqExact(visitor_id), count(DISTINCT channel) FROM clicks',
    [[6, 3]],
  ],
  [
    'tokens in place of visitor ids',
    `SELECT countIf(visitor_id LIKE 'visitor-%') FROM clicks`,
    [[0]],
  ],
  [
    'HAVING',
    'SELECT channel FROM clicks GROUP BY channel HAVING countIf(campaign IS NULL) > 0 ORDER BY channel',
    [['amazon'], ['dtc'], ['email']],
  ],
  [
    'dates and hours',
    'SELECT toStartOfHour(occurred_at) AS hour, count() FROM clicks GROUP BY hour ORDER BY hour',
    [
      [NOON, 30],
      ['2026-01-05 13:00:00', 30],
    ],
  ],
  [
    'intervals',
    `SELECT toStartOfInterval(occurred_at, INTERVAL 30 MINUTE) AS slot, count() FROM clicks GROUP BY slot ORDER BY slot LIMIT 2`,
    [
      [NOON, 15],
      ['2026-01-05 12:30:00', 15],
    ],
  ],
  [
    'a range of time',
    `SELECT count() FROM clicks WHERE occurred_at >= toDateTime64('${NOON}', 3, 'UTC') AND occurred_at < toDateTime64('${NOON}', 3, 'UTC') + INTERVAL 1 HOUR`,
    [[30]],
  ],
  [
    'BETWEEN, IN and NOT IN',
    `SELECT count() FROM clicks WHERE occurred_at BETWEEN '${NOON}' AND '2026-01-05 12:10:00' AND channel IN ('email', 'dtc') AND kind NOT IN ('beacon')`,
    [[4]],
  ],
  [
    'LIKE',
    `SELECT countIf(channel LIKE 'am%'), countIf(channel ILIKE 'EM%') FROM clicks`,
    [[20, 20]],
  ],
  [
    'regular expressions',
    `SELECT countIf(match(event_id, '^click-[0-9]$')), any(extract(event_id, '([a-z]+)-')), any(replaceRegexpOne(event_id, '-.*', '')) FROM clicks`,
    [[10, 'click', 'click']],
  ],
  [
    'sums of money over lines',
    `SELECT sum(quantity * unit_price_minor) FROM order_lines WHERE status = 'placed'`,
    [[TOTAL]],
  ],
  [
    'a join',
    `SELECT o.sales_channel, sum(l.quantity * l.unit_price_minor) FROM orders AS o INNER JOIN order_lines AS l ON l.event_id = o.event_id WHERE o.status = 'placed' GROUP BY o.sales_channel ORDER BY o.sales_channel`,
    [
      ['amazon', (VALUES[6] ?? 0) + (VALUES[7] ?? 0)],
      ['dtc', TOTAL - (VALUES[6] ?? 0) - (VALUES[7] ?? 0)],
    ],
  ],
  [
    'a left join with USING',
    `SELECT count(), countIf(l.sku = '') FROM orders AS o LEFT JOIN order_lines AS l USING (event_id)`,
    [[ORDERS.reduce((sum, { lines }) => sum + lines.length, 0) + 3, 1]],
  ],
  [
    'a comma join and a condition',
    `SELECT count() FROM orders AS o, order_lines AS l WHERE o.event_id = l.event_id AND o.status = 'returned'`,
    [[2]],
  ],
  [
    'a semi join and an anti join',
    `SELECT (SELECT count() FROM orders AS o LEFT SEMI JOIN order_lines AS l ON o.event_id = l.event_id), (SELECT count() FROM orders AS o LEFT ANTI JOIN order_lines AS l ON o.event_id = l.event_id)`,
    [[9, 1]],
  ],
  [
    'the last click before each order, by ASOF JOIN',
    `SELECT o.order_id, dateDiff('minute', c.occurred_at, o.occurred_at) FROM orders AS o ASOF LEFT JOIN clicks AS c ON c.visitor_id = o.visitor_id AND c.occurred_at <= o.occurred_at WHERE o.order_id IN ('O0', 'O2') AND o.status = 'placed' ORDER BY o.order_id`,
    [
      ['O0', 5],
      ['O2', 9],
    ],
  ],
  [
    'IN with a subquery',
    `SELECT count() FROM clicks WHERE visitor_id IN (SELECT visitor_id FROM orders WHERE sales_channel = 'amazon')`,
    [[20]],
  ],
  [
    'IN with a view',
    `SELECT 1 WHERE ('x', 'y') NOT IN (SELECT sku, node_id FROM stock_current)`,
    [[1]],
  ],
  ['EXISTS', `SELECT 1 WHERE EXISTS (SELECT 1 FROM orders WHERE status = 'cancelled')`, [[1]]],
  ['a scalar subquery', 'SELECT count() / (SELECT count() FROM orders) FROM clicks', [[6]]],
  [
    'common table expressions',
    `WITH buyers AS (SELECT visitor_id, count() AS orders FROM orders WHERE status = 'placed' GROUP BY visitor_id), many AS (SELECT * FROM buyers WHERE orders > 1) SELECT (SELECT count() FROM buyers), (SELECT count() FROM many)`,
    [[6, 2]],
  ],
  [
    'a value with a name',
    `WITH 100 AS cents, sum(quantity * unit_price_minor) AS value SELECT value / cents FROM order_lines WHERE order_id = 'O0' AND status = 'placed'`,
    [[10]],
  ],
  [
    'a recursive common table expression',
    'WITH RECURSIVE steps AS (SELECT 1 AS n UNION ALL SELECT n * 2 FROM steps WHERE n < 64) SELECT sum(n) FROM steps',
    [[127]],
  ],
  [
    'a common table expression that is stored meanwhile',
    'WITH few AS MATERIALIZED (SELECT 1 AS n) SELECT n FROM few',
    [[1]],
  ],
  [
    'a common table expression in IN',
    `WITH few AS (SELECT event_id FROM clicks ORDER BY occurred_at LIMIT 3) SELECT count() FROM clicks WHERE event_id IN few`,
    [[3]],
  ],
  [
    'UNION ALL',
    `SELECT * FROM (SELECT 'clicks' AS what, count() AS n FROM clicks UNION ALL SELECT 'orders', count() FROM orders) ORDER BY what`,
    [
      ['clicks', 60],
      ['orders', 10],
    ],
  ],
  [
    'UNION DISTINCT',
    'SELECT count() FROM (SELECT 1 UNION DISTINCT SELECT 1 UNION DISTINCT SELECT 2)',
    [[2]],
  ],
  [
    'INTERSECT and EXCEPT',
    `SELECT count() FROM ((SELECT DISTINCT visitor_id FROM clicks) EXCEPT (SELECT visitor_id FROM orders WHERE sales_channel = 'dtc'))`,
    [[0]],
  ],
  [
    'window functions',
    `SELECT order_id, row_number() OVER (ORDER BY occurred_at), sum(1) OVER (ORDER BY occurred_at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), lagInFrame(order_id) OVER (ORDER BY occurred_at) FROM orders WHERE status = 'placed' ORDER BY occurred_at LIMIT 2`,
    [
      ['O0', 1, 1, ''],
      ['O1', 2, 2, 'O0'],
    ],
  ],
  [
    'a named window and shares',
    `SELECT DISTINCT channel, count() OVER w / count() OVER () AS share FROM clicks WINDOW w AS (PARTITION BY channel) ORDER BY channel`,
    [
      ['amazon', 1 / 3],
      ['dtc', 1 / 3],
      ['email', 1 / 3],
    ],
  ],
  [
    'QUALIFY',
    `SELECT channel, event_id FROM clicks QUALIFY row_number() OVER (PARTITION BY channel ORDER BY occurred_at) = 1 ORDER BY channel`,
    [
      ['amazon', 'click-1'],
      ['dtc', 'click-2'],
      ['email', 'click-0'],
    ],
  ],
  [
    'quantiles',
    `SELECT quantileExact(0.5)(value), quantilesExact(0.25, 0.75)(value), median(value) > 0 FROM (SELECT order_id, sum(quantity * unit_price_minor) AS value FROM order_lines WHERE status = 'placed' GROUP BY order_id)`,
    [
      [
        VALUES.toSorted((one, other) => one - other)[4],
        [2, 6].map((index) => VALUES.toSorted((one, other) => one - other)[index]),
        1,
      ],
    ],
  ],
  [
    'arrays and lambdas',
    `SELECT arraySort(groupUniqArray(channel)) AS names, arrayMap(name -> upper(name), names), arrayFilter((name, length) -> length = 3, names, arrayMap(length, names)) FROM clicks`,
    [[['amazon', 'dtc', 'email'], ['AMAZON', 'DTC', 'EMAIL'], ['dtc']]],
  ],
  [
    'ARRAY JOIN',
    `SELECT piece, count() FROM (SELECT splitByChar('-', event_id) AS pieces FROM clicks) ARRAY JOIN pieces AS piece WHERE piece = 'click' GROUP BY piece`,
    [['click', 60]],
  ],
  [
    'arrays by index, tuples and maps',
    `SELECT [3, 4][1], (1, 'a').2, map('k', 5)['k'], tupleElement((7, 8), 2), arraySum(range(5))`,
    [[3, 'a', 5, 8, 10]],
  ],
  [
    'argMax and argMin',
    'SELECT argMax(event_id, occurred_at), argMin(event_id, occurred_at) FROM clicks',
    [['click-59', 'click-0']],
  ],
  [
    'a funnel',
    `SELECT level, count() FROM (SELECT visitor_id, windowFunnel(7200)(toDateTime(occurred_at), kind = 'click', kind = 'page_view', kind = 'product_view') AS level FROM clicks GROUP BY visitor_id) GROUP BY level ORDER BY level`,
    [
      [0, 3],
      [1, 3],
    ],
  ],
  [
    'conditions',
    `SELECT CASE WHEN channel = 'dtc' THEN 'own' ELSE 'other' END AS place, if(count() > 20, 'many', 'few'), multiIf(count() = 20, 'a', 'b') FROM clicks GROUP BY place ORDER BY place`,
    [
      ['other', 'many', 'b'],
      ['own', 'few', 'a'],
    ],
  ],
  [
    'CASE with a value, and a cast',
    `SELECT CASE kind WHEN 'click' THEN 1 ELSE 0 END AS is_click, count()::String, CAST(1 AS Nullable(Float64)) FROM clicks GROUP BY is_click ORDER BY is_click`,
    [
      [0, '45', 1],
      [1, '15', 1],
    ],
  ],
  [
    'ROLLUP',
    'SELECT channel, count() FROM clicks GROUP BY ROLLUP(channel) ORDER BY channel',
    [['', 60], ...CHANNEL_COUNTS],
  ],
  [
    'GROUPING SETS',
    'SELECT grouping(channel) AS is_channel, count() FROM clicks GROUP BY GROUPING SETS ((channel), (kind)) ORDER BY is_channel, channel, kind',
    [
      [0, 20],
      [0, 20],
      [0, 20],
      [1, 15],
      [1, 15],
      [1, 15],
      [1, 15],
    ],
  ],
  [
    'LIMIT BY and OFFSET',
    'SELECT channel, event_id FROM clicks ORDER BY channel, occurred_at LIMIT 1 BY channel LIMIT 2 OFFSET 1',
    [
      ['dtc', 'click-2'],
      ['email', 'click-0'],
    ],
  ],
  [
    'missing hours filled in',
    `SELECT toHour(occurred_at) AS hour, count() AS clicks FROM weir.clicks GROUP BY hour ORDER BY hour WITH FILL FROM 11 TO 15`,
    [
      [11, 0],
      [12, 30],
      [13, 30],
      [14, 0],
    ],
  ],
  [
    'numbers joined to results',
    `SELECT n.number + 12 AS hour, countIf(c.event_id != '') FROM numbers(3) AS n LEFT JOIN clicks AS c ON toHour(c.occurred_at) = n.number + 12 GROUP BY hour ORDER BY hour`,
    [
      [12, 30],
      [13, 30],
      [14, 0],
    ],
  ],
  [
    'all columns but some, and columns by pattern',
    `SELECT * EXCEPT (visitor_id, ingested_at, partition, offset, occurred_at, agent, network, prefetch, pointer, arm), COLUMNS('^kind$') FROM clicks WHERE event_id = 'click-0' FORMAT JSONCompactEachRow`,
    [
      [
        'click-0',
        'web',
        null,
        null,
        'click',
        'email',
        'spring',
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        'click',
      ],
    ],
  ],
  [
    'a column in place of another',
    `SELECT channel, n.1 FROM (SELECT * REPLACE (upper(channel) AS channel), (1, 2) AS n FROM clicks WHERE event_id = 'click-1')`,
    [['AMAZON', 1]],
  ],
  [
    'names with spaces, quotes and other letters',
    `SELECT sum(quantity) AS "Units sold", count() AS \`Größe (€)\` FROM order_lines WHERE \`status\` = 'returned'`,
    [[3, 2]],
  ],
  [
    'the minutes of a channel',
    `SELECT sum(clicks_net), sum(orders), sum(revenue_minor) FROM channel_1m`,
    [[CLICKS.length, ORDERS.length, TOTAL]],
  ],
  [
    'the hours of a channel as they are shown',
    `SELECT window_start, clicks_net FROM channel_1h WHERE channel = 'email' AND currency = '' ORDER BY window_start`,
    [
      [`${NOON}.000`, 10],
      ['2026-01-05 13:00:00.000', 10],
    ],
  ],
  [
    'credit adds up to the conversions',
    `SELECT model, sum(credit_minor) = (SELECT sum(credit_minor) FROM attribution_1h WHERE model = 'last') FROM attribution_1h WHERE model IN ('first', 'linear') GROUP BY model ORDER BY model`,
    [
      ['first', 1],
      ['linear', 1],
    ],
  ],
  [
    'stock',
    "SELECT sku, state FROM stock_current WHERE node_id = 'north' ORDER BY sku",
    [
      ['S0', 'IN_STOCK'],
      ['S1', 'IN_STOCK'],
      ['S2', 'IN_STOCK'],
    ],
  ],
  [
    'texts with special characters',
    String.raw`SELECT 'it''s', 'tab\tline\n', 'a\\b', length('a;b -- c /* d */')`,
    [["it's", 'tab\tline\n', 'a\\b', 16]],
  ],
  [
    'texts in a heredoc and in a list',
    String.raw`SELECT $$it's$$, 'a' IN ('a\nb', 'a'), 'SETTINGS readonly = 0'`,
    [["it's", 1, 'SETTINGS readonly = 0']],
  ],
  ['a comment', 'SELECT /* one */ 1 -- two\n + 1 # three', [[2]]],
  ['a semicolon at the end', 'SELECT 1;\n', [[1]]],
  ['FROM first', 'FROM clicks SELECT count()', [[60]]],
  [
    'JSON',
    `SELECT JSONExtractInt('{"a": {"b": 3}}', 'a', 'b'), toJSONString(map('a', 1))`,
    [[3, '{"a":1}']],
  ],
  [
    'dates as words',
    `SELECT formatDateTime(toDateTime('${NOON}'), '%Y-%m'), dateDiff('day', toDate('2026-01-01'), toDate('2026-01-05')), toDayOfWeek(DATE '2026-01-05')`,
    [['2026-01', 4, 1]],
  ],
  [
    'day and time in UTC',
    'SELECT timezone(), min(occurred_at), toUnixTimestamp64Milli(min(occurred_at)) FROM clicks',
    [['UTC', `${NOON}.000`, START_MS]],
  ],
  [
    'the tables there are',
    `SELECT count() > 10, countIf(name = 'clicks'), countIf(name LIKE '%_log') FROM system.tables`,
    [[1, 1, 0]],
  ],
  [
    'the columns of a table, with what they mean',
    `SELECT type, comment FROM system.columns WHERE database = 'weir' AND table = 'clicks' AND name = 'visitor_id'`,
    [['String', 'Token of the visitor, never the raw id']],
  ],
  [
    'the columns of all tables, and none is left unexplained',
    `SELECT count() > 300, groupArrayIf(concat(table, '.', name), comment = '') FROM system.columns WHERE database = 'weir'`,
    [[1, []]],
  ],
];

test.each(QUERIES)('a statement may use %s', async (_what, statement, rows) => {
  expect(await shop.rows(statement)).toEqual(rows);
});

test('parameters are values and nothing else', async () => {
  const parameters = {
    channel: 'amazon',
    since: NOON,
    names: "['amazon','dtc']",
    text: "it's \\t {x:Int8}; DROP TABLE weir.clicks_log",
    many: '2',
  };
  expect(
    await shop.rows(
      'SELECT count() FROM clicks WHERE channel = {channel:String} AND occurred_at >= {since:DateTime64(3)} AND channel IN {names:Array(String)}',
      { parameters },
    ),
  ).toEqual([[20]]);
  expect(
    await shop.rows('SELECT {text:String}, {missing:Nullable(String)} FROM numbers({many:UInt8})', {
      parameters: { ...parameters, missing: String.raw`\N` },
    }),
  ).toEqual(
    Array.from({ length: 2 }, () => ["it's \t {x:Int8}; DROP TABLE weir.clicks_log", null]),
  );
});

test('a parameter that is missing or does not fit its type is named', async () => {
  const missing = await shop.ask('SELECT {number:Int8}');
  expect([missing.status, missing.text]).toEqual([
    400,
    expect.stringContaining('Substitution `number` is not set'),
  ]);
  const wrong = await shop.ask('SELECT {number:Int8}', { parameters: { number: 'many' } });
  expect([wrong.status, wrong.headers.get('x-clickhouse-exception-code')]).toEqual([400, '457']);
});

test('statements about tables show the public ones alone', async () => {
  const views = await shop.rows('SHOW TABLES');
  expect(views).toContainEqual(['channel_1m']);
  expect(views).not.toContainEqual(['dead_letters']);
  expect(views).not.toContainEqual(['clicks_log']);
  expect(await shop.rows(`SHOW TABLES FROM weir LIKE 'attribution_1%'`)).toEqual([
    ['attribution_1d'],
    ['attribution_1h'],
  ]);
  expect(await shop.rows('SHOW DATABASES')).toEqual([['weir']]);
  expect(await shop.rows('EXISTS TABLE weir.clicks')).toEqual([[1]]);
  expect(await shop.rows('EXISTS TABLE weir.clicks_log')).toEqual([[0]]);
  expect(await shop.rows('DESCRIBE TABLE orders')).toContainEqual(
    expect.arrayContaining(['currency', 'LowCardinality(String)']),
  );
});

test('no column of a public view has the name of a function that is refused', async () => {
  const names = await shop.rows(
    `SELECT arrayStringConcat(groupUniqArray(concat('\`', name, '\`')), ', ') FROM system.columns WHERE table NOT IN ('dead_letters')`,
  );
  const told = await shop.ask(`SELECT ${String(names)} FROM clicks`);
  expect(told.text).not.toContain('FUNCTION_NOT_ALLOWED');
});
