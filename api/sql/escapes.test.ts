import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { openSqlShop } from '../../test/sql/sql-shop.ts';
import { readCatalog } from './catalog.ts';
import { checkQuery } from './check.ts';
import { parseSyntaxTree } from './syntax-tree.ts';

const shop = openSqlShop();

/** A file that no statement may read, and a directory in which none may write. */
const SECRET = 'the-secret-of-this-machine';
const DIRECTORY = mkdtempSync(join(tmpdir(), 'weir-escape-'));
const FILE = join(DIRECTORY, 'secret.txt');
const WRITTEN = join(DIRECTORY, 'written.csv');
writeFileSync(FILE, SECRET);
afterAll(() => rmSync(DIRECTORY, { recursive: true }));

const READ = `file('${FILE}')`;
const LINES = `file('${FILE}', 'LineAsString')`;

const SYNTAX = 62;
const NOT_A_READ = 164;
const FUNCTION = 446;
const ACCESS = 497;
const CLAUSE = 620;
const FORMAT = 73;

/** Ways out, by what guards against them, and the code that each is refused with. */
const ESCAPES: Readonly<Record<string, readonly (readonly [code: number, statement: string])[]>> = {
  'scalar functions that read files, wherever they stand': [
    [FUNCTION, `SELECT ${READ}`],
    [FUNCTION, `SELECT FILE('${FILE}')`],
    [FUNCTION, `SELECT \`file\`('${FILE}')`],
    [FUNCTION, `SELECT "file"('${FILE}')`],
    [FUNCTION, `SELECT file /* */ ('${FILE}')`],
    [FUNCTION, `SELECT file\n(\n'${FILE}'\n)`],
    [FUNCTION, `SELECT sum(length(${READ}))`],
    [FUNCTION, `SELECT (SELECT ${READ})`],
    [FUNCTION, `WITH (SELECT ${READ}) AS x SELECT x`],
    [FUNCTION, `SELECT CASE WHEN 1 THEN ${READ} END`],
    [FUNCTION, `SELECT * REPLACE (${READ} AS event_id) FROM clicks`],
    [FUNCTION, `SELECT 1 FROM clicks AS a JOIN clicks AS b ON a.event_id = ${READ}`],
    [FUNCTION, `SELECT 1 FROM clicks ARRAY JOIN [${READ}] AS x`],
    [FUNCTION, `SELECT 1 FROM clicks PREWHERE ${READ} = ''`],
    [FUNCTION, `SELECT 1 FROM clicks WHERE ${READ} = ''`],
    [FUNCTION, `SELECT 1 FROM clicks GROUP BY ${READ}`],
    [FUNCTION, `SELECT 1 FROM clicks GROUP BY GROUPING SETS ((${READ}))`],
    [FUNCTION, `SELECT 1 HAVING ${READ} = ''`],
    [FUNCTION, `SELECT 1 AS x QUALIFY ${READ} = ''`],
    [FUNCTION, `SELECT 1 ORDER BY ${READ}`],
    [FUNCTION, `SELECT number FROM numbers(2) ORDER BY number WITH FILL TO length(${READ})`],
    [
      FUNCTION,
      `SELECT number AS n FROM numbers(2) ORDER BY n WITH FILL INTERPOLATE (n AS length(${READ}))`,
    ],
    [FUNCTION, `SELECT 1 FROM clicks LIMIT length(${READ})`],
    [FUNCTION, `SELECT 1 FROM clicks LIMIT 1 BY ${READ}`],
    [FUNCTION, `SELECT sum(1) OVER (PARTITION BY ${READ}) FROM clicks`],
    [FUNCTION, `SELECT sum(1) OVER w FROM clicks WINDOW w AS (ORDER BY ${READ})`],
    [FUNCTION, `SELECT number FROM numbers(length(${READ}))`],
    [FUNCTION, `SELECT 1 UNION ALL SELECT length(${READ})`],
    [FUNCTION, `SELECT 1 EXCEPT SELECT length(${READ})`],
    [FUNCTION, `SELECT 1 WHERE 'x' IN ${READ}`],
    [FUNCTION, `VALUES (${READ})`],
  ],
  'functions that are called by their name alone': [
    [FUNCTION, `SELECT arrayMap(file, ['${FILE}'])`],
    [FUNCTION, `SELECT arrayMap(\`file\`, ['${FILE}'])`],
    [FUNCTION, `SELECT arrayFilter(file, ['${FILE}'])`],
    [FUNCTION, `SELECT arrayMap(x -> file(x), ['${FILE}'])`],
    [FUNCTION, `WITH file AS f SELECT arrayMap(f, ['${FILE}'])`],
    [FUNCTION, `WITH x -> file(x) AS f SELECT f('${FILE}')`],
    [FUNCTION, `SELECT arrayMap(sleep, [3])`],
    [CLAUSE, `SELECT * APPLY file FROM (SELECT '${FILE}' AS x)`],
    [CLAUSE, `SELECT * APPLY(x -> file(x)) FROM (SELECT '${FILE}' AS x)`],
    [CLAUSE, `SELECT COLUMNS('x') APPLY(file) FROM (SELECT '${FILE}' AS x)`],
  ],
  'table functions, wherever they stand': [
    [FUNCTION, `SELECT * FROM ${LINES}`],
    [FUNCTION, `SELECT * FROM (SELECT * FROM ${LINES})`],
    [FUNCTION, `WITH t AS (SELECT * FROM ${LINES}) SELECT * FROM t`],
    [FUNCTION, `SELECT 1 FROM clicks JOIN ${LINES} AS f ON 1`],
    [FUNCTION, `SELECT 1 WHERE 'x' IN (SELECT * FROM ${LINES})`],
    [FUNCTION, `SELECT 1 WHERE EXISTS (SELECT 1 FROM ${LINES})`],
    [FUNCTION, `SELECT 'x' UNION ALL SELECT line FROM ${LINES}`],
    [FUNCTION, `SELECT * FROM view(SELECT * FROM ${LINES})`],
    [FUNCTION, 'SELECT * FROM view(SELECT * FROM weir.clicks_log)'],
    [FUNCTION, `SELECT * FROM url('http://127.0.0.1:8080/', 'LineAsString')`],
    [FUNCTION, `SELECT * FROM s3('http://127.0.0.1/b/x', 'CSV')`],
    [FUNCTION, `SELECT * FROM remote('127.0.0.1:9000', system.one)`],
    [FUNCTION, `SELECT * FROM remoteSecure('127.0.0.1', system.one)`],
    [FUNCTION, `SELECT * FROM cluster('default', system.one)`],
    [FUNCTION, `SELECT * FROM executable('id', 'TSV', 'x String')`],
    [FUNCTION, `SELECT * FROM input('x String')`],
    [FUNCTION, `SELECT * FROM mysql('127.0.0.1:3306', 'a', 'b', 'c', 'd')`],
    [FUNCTION, `SELECT * FROM postgresql('127.0.0.1:5432', 'a', 'b', 'c', 'd')`],
    [FUNCTION, `SELECT * FROM sqlite('${FILE}', 't')`],
    [FUNCTION, `SELECT * FROM merge('weir', '.*')`],
    [FUNCTION, `SELECT * FROM loop(weir.clicks_log)`],
    [FUNCTION, `SELECT * FROM dictionary('d')`],
    [FUNCTION, `SELECT * FROM eval('SELECT 1')`],
    [FUNCTION, `SELECT * FROM filesystem('${DIRECTORY}')`],
    [FUNCTION, `SELECT * FROM format(CSV, 'a')`],
    [FUNCTION, `SELECT * FROM values('x String', ('a'))`],
    [FUNCTION, `SELECT * FROM mergeTreeIndex(weir, clicks_log)`],
    [FUNCTION, `SELECT * FROM (EXPLAIN SELECT 1)`],
    [ACCESS, `SELECT * FROM '${FILE}'`],
    [ACCESS, `SELECT * FROM \`${FILE}\``],
    [ACCESS, `SELECT * FROM "data.csv"`],
  ],
  'functions that show the machine, wait, or read elsewhere': [
    [FUNCTION, `SELECT dictGet('d', 'a', 1)`],
    [FUNCTION, `SELECT joinGet('weir.clicks_log', 'a', 1)`],
    [FUNCTION, `SELECT hasColumnInTable('weir', 'clicks_log', 'event_id')`],
    [FUNCTION, `SELECT getSetting('readonly')`],
    [FUNCTION, `SELECT getServerSetting('max_connections')`],
    [FUNCTION, `SELECT getMacro('x')`],
    [FUNCTION, 'SELECT hostName()'],
    [FUNCTION, 'SELECT FQDN()'],
    [FUNCTION, 'SELECT filesystemAvailable()'],
    [FUNCTION, 'SELECT sleep(3)'],
    [FUNCTION, 'SELECT sleepEachRow(1) FROM numbers(100)'],
    [FUNCTION, `SELECT catboostEvaluate('${FILE}', 1)`],
    [FUNCTION, 'SELECT showCertificate()'],
    [FUNCTION, `SELECT __getScalar('x')`],
    [FUNCTION, `SELECT aiGenerate('x')`],
    [FUNCTION, `SELECT formatRow('CSV', 1)`],
    [FUNCTION, 'SELECT flameGraph(1)'],
    [FUNCTION, `SELECT initializeAggregation('sumState', 1)`],
    [CLAUSE, `SELECT uniqMerge(CAST(unhex('FF'), 'AggregateFunction(uniq, String)'))`],
    [CLAUSE, `SELECT sumMerge(unhex('FF')::AggregateFunction(sum, UInt8))`],
    [CLAUSE, `SELECT uniqMerge(CAST(unhex('FF'), concat('Aggregate', 'Function(uniq, String)')))`],
    [CLAUSE, `SELECT uniqMerge(CAST(unhex('FF'), {state:String}))`],
    [CLAUSE, `SELECT uniqMerge(CAST(unhex('FF'), {hidden:String} AS a))`],
    [CLAUSE, `SELECT CAST(unhex('FF'), {escaped:String})`],
    [CLAUSE, `SELECT accurateCastOrNull(unhex('FF'), upper('x'))`],
    [CLAUSE, `SELECT JSONExtract('{}', 'a', concat('Aggregate', 'Function(uniq, String)'))`],
  ],
  'settings in the statement': [
    [CLAUSE, 'SELECT 1 SETTINGS readonly = 0'],
    [CLAUSE, 'SELECT 1 settings max_execution_time = 0'],
    [CLAUSE, 'SELECT 1 FORMAT JSON SETTINGS readonly = 0'],
    [CLAUSE, 'SELECT 1 UNION ALL SELECT 2 SETTINGS readonly = 0'],
    [CLAUSE, 'SELECT * FROM (SELECT 1 SETTINGS readonly = 0)'],
    [CLAUSE, 'SELECT (SELECT 1 SETTINGS readonly = 0)'],
    [CLAUSE, 'SELECT 1 WHERE 1 IN (SELECT 1 SETTINGS readonly = 0)'],
    [CLAUSE, 'WITH t AS (SELECT 1 SETTINGS readonly = 0) SELECT * FROM t'],
    [FUNCTION, `SELECT * FROM (SELECT * FROM ${LINES} SETTINGS readonly = 0)`],
    [NOT_A_READ, 'SET readonly = 0'],
    [NOT_A_READ, `SET param_x = '1'`],
    [NOT_A_READ, 'DESCRIBE TABLE weir.clicks SETTINGS describe_compact_output = 1'],
  ],
  'output into files and other formats': [
    [CLAUSE, `SELECT 1 INTO OUTFILE '${WRITTEN}'`],
    [CLAUSE, `SELECT 1 INTO OUTFILE '${WRITTEN}' TRUNCATE`],
    [CLAUSE, `SELECT 1 INTO OUTFILE '${WRITTEN}' APPEND FORMAT CSV`],
    [CLAUSE, `SELECT 1 INTO OUTFILE '${WRITTEN}' AND STDOUT`],
    [CLAUSE, `SELECT 1 INTO OUTFILE '${WRITTEN}' COMPRESSION 'gzip'`],
    [SYNTAX, `SELECT * FROM (SELECT 1 INTO OUTFILE '${WRITTEN}')`],
    [NOT_A_READ, `DESCRIBE TABLE clicks INTO OUTFILE '${WRITTEN}'`],
    [NOT_A_READ, `SHOW TABLES INTO OUTFILE '${WRITTEN}'`],
    [NOT_A_READ, `INSERT INTO FUNCTION file('${WRITTEN}', 'CSV', 'x Int8') SELECT 1`],
    [FORMAT, 'SELECT 1 FORMAT Template'],
    [FORMAT, 'SELECT 1 FORMAT Protobuf'],
    [FORMAT, 'SELECT 1 FORMAT Parquet'],
    [FORMAT, 'SHOW TABLES FORMAT CapnProto'],
    [CLAUSE, 'SELECT channel, count() FROM clicks GROUP BY channel WITH TOTALS'],
  ],
  'a second statement': [
    [SYNTAX, 'SELECT 1; SELECT 2'],
    [SYNTAX, 'SELECT 1; DROP TABLE weir.clicks_log'],
    [SYNTAX, 'SELECT 1;;DROP TABLE weir.clicks_log'],
    [SYNTAX, 'EXPLAIN AST SELECT 1; DROP TABLE weir.clicks_log'],
    [SYNTAX, 'SHOW TABLES; DROP TABLE weir.clicks_log'],
    [SYNTAX, 'SELECT 1 -- ;\n; DROP TABLE weir.clicks_log'],
    [SYNTAX, `SELECT 'a\\'; --'; DROP TABLE weir.clicks_log`],
    [SYNTAX, 'SELECT $$a$$; DROP TABLE weir.clicks_log'],
    [NOT_A_READ, 'SELECT 1 PARALLEL WITH DROP DATABASE weir'],
  ],
  'statements that are no reads': [
    [NOT_A_READ, 'EXPLAIN SELECT 1'],
    [NOT_A_READ, 'EXPLAIN AST SELECT 1'],
    [NOT_A_READ, `INSERT INTO weir.clicks_log (event_id) VALUES ('x')`],
    [NOT_A_READ, 'WITH t AS (SELECT 1) INSERT INTO weir.clicks_log SELECT * FROM t'],
    [NOT_A_READ, 'CREATE TABLE weir.x (a Int8) ENGINE = Memory'],
    [NOT_A_READ, 'CREATE TEMPORARY TABLE x (a Int8)'],
    [NOT_A_READ, 'CREATE FUNCTION f AS x -> file(x)'],
    [NOT_A_READ, 'CREATE VIEW weir.x AS SELECT * FROM weir.clicks_log'],
    [NOT_A_READ, 'ALTER TABLE weir.clicks_log DELETE WHERE 1'],
    [NOT_A_READ, 'DELETE FROM weir.clicks_log WHERE 1'],
    [NOT_A_READ, `UPDATE weir.clicks_log SET event_id = '' WHERE 1`],
    [NOT_A_READ, 'DROP TABLE weir.clicks_log'],
    [NOT_A_READ, 'DROP DATABASE weir'],
    [NOT_A_READ, 'TRUNCATE TABLE weir.clicks_log'],
    [NOT_A_READ, 'RENAME TABLE weir.clicks_log TO weir.x'],
    [NOT_A_READ, 'OPTIMIZE TABLE weir.clicks_log'],
    [NOT_A_READ, 'DETACH TABLE weir.clicks_log'],
    [NOT_A_READ, 'KILL QUERY WHERE 1'],
    [NOT_A_READ, 'KILL MUTATION WHERE 1'],
    [NOT_A_READ, 'SYSTEM SHUTDOWN'],
    [NOT_A_READ, 'SYSTEM STOP MERGES'],
    [NOT_A_READ, 'USE system'],
    [NOT_A_READ, `BACKUP TABLE weir.clicks_log TO File('${WRITTEN}')`],
    [NOT_A_READ, 'GRANT ALL ON *.* TO default'],
    [NOT_A_READ, 'CREATE USER x'],
    [NOT_A_READ, 'EXECUTE AS default SELECT 1'],
    [NOT_A_READ, 'SHOW PROCESSLIST'],
    [NOT_A_READ, 'SHOW CREATE TABLE weir.clicks_log'],
    [NOT_A_READ, 'SHOW TABLES FROM system'],
    [NOT_A_READ, `SHOW TABLES WHERE ${READ} = ''`],
    [NOT_A_READ, `SHOW SETTINGS LIKE '%'`],
    [NOT_A_READ, `DESCRIBE TABLE ${READ}`],
    [NOT_A_READ, `DESCRIBE (SELECT ${READ})`],
    [NOT_A_READ, 'EXISTS DATABASE system'],
  ],
  'tables that are not public': [
    [ACCESS, 'SELECT * FROM weir.clicks_log'],
    [ACCESS, 'SELECT * FROM clicks_log'],
    [ACCESS, 'SELECT * FROM `weir`.`clicks_log`'],
    [ACCESS, 'SELECT * FROM "clicks\\x5flog"'],
    [ACCESS, 'SELECT * FROM clicks_log FINAL'],
    [ACCESS, 'FROM clicks_log SELECT *'],
    [ACCESS, 'SELECT sum(revenue_minor) FROM channel_1m_rows'],
    [ACCESS, 'SELECT payload FROM dead_letters'],
    [ACCESS, 'SELECT payload FROM weir.dead_letters'],
    [ACCESS, 'SELECT payload FROM dead_letters_log'],
    [ACCESS, 'SELECT * FROM migrations'],
    [ACCESS, 'SELECT * FROM clicks AS c JOIN dead_letters AS d ON 1'],
    [ACCESS, `SELECT 1 WHERE 'x' IN clicks_log`],
    [ACCESS, `SELECT 1 WHERE 'x' NOT IN (weir.clicks_log)`],
    [ACCESS, `SELECT 1 WHERE 'x' GLOBAL IN clicks_log`],
    [ACCESS, `SELECT in('x', clicks_log)`],
    [ACCESS, `SELECT nullIn('x', clicks_log)`],
    [ACCESS, `WITH clicks_log AS t SELECT 'x' IN t`],
    [ACCESS, `WITH weir.dead_letters AS t SELECT ('x', 'y') IN t`],
    [ACCESS, `WITH system.users AS t SELECT 'x' IN t`],
    [ACCESS, `SELECT arrayMap(x -> x IN clicks_log, ['x'])`],
    [ACCESS, `SELECT 1 WHERE 'x' IN ((clicks_log) AS t)`],
    [ACCESS, 'SELECT system.tables.data_paths FROM system.tables'],
    [ACCESS, 'DESCRIBE TABLE weir.clicks_log'],
    [ACCESS, 'DESCRIBE TABLE dead_letters'],
    // The second one lies outside of the scope of the first.
    [
      ACCESS,
      'SELECT * FROM (WITH dead_letters AS (SELECT 1) SELECT * FROM dead_letters) AS a, dead_letters',
    ],
    [
      ACCESS,
      'WITH dead_letters_log AS (SELECT 1 AS payload) SELECT (SELECT groupArray(payload) FROM dead_letters_log)',
    ],
    [ACCESS, 'SELECT * FROM default.x'],
    [ACCESS, 'SELECT * FROM information_schema.tables'],
    [ACCESS, 'SELECT * FROM system.users'],
    [ACCESS, 'SELECT query FROM system.processes'],
    [ACCESS, 'SELECT * FROM system.parts'],
    [ACCESS, 'SELECT * FROM system.disks'],
    [ACCESS, 'SELECT * FROM system.named_collections'],
    [ACCESS, 'SELECT * FROM system.tables'],
    [ACCESS, 'SELECT data_paths FROM system.tables'],
    [ACCESS, 'SELECT t.metadata_path FROM system.tables AS t'],
    [ACCESS, 'SELECT t.* FROM system.tables AS t'],
    [ACCESS, `SELECT COLUMNS('path') FROM system.databases`],
    [ACCESS, 'SELECT * FROM (SELECT * EXCEPT name FROM system.databases)'],
    [408, 'SELECT * FROM {table:Identifier}'],
    [408, 'SELECT * FROM weir.{table:Identifier}'],
    [408, 'SELECT {table:Identifier} FROM clicks'],
  ],
  'tricks with characters': [
    [SYNTAX, `SELECT fi/**/le('${FILE}')`],
    [SYNTAX, `SELECT \u{fb01}le('${FILE}')`],
    [SYNTAX, `SELECT f\u0456le('${FILE}')`],
    [SYNTAX, `SELECT \u202efile('${FILE}')`],
    [SYNTAX, `SELECT \uff46\uff49\uff4c\uff45('${FILE}')`],
    [FUNCTION, `SELECT file\u200b('${FILE}')`],
    [FUNCTION, `sElEcT\u00a0file('${FILE}')`],
    [FUNCTION, `SELECT \`fil\\x65\`('${FILE}')`],
    [FUNCTION, `SELECT "\\x66ile"('${FILE}')`],
    [SYNTAX, `SELECT x'66696c65'('${FILE}')`],
    [SYNTAX, 'SELECT 1 AS `a\n     TableIdentifier clicks`'],
    [SYNTAX, 'SELECT `a\\n  Function plus (children 1)`'],
    [SYNTAX, 'SELECT \u0000 1'],
    [SYNTAX, 'SELECT 1\u037e SELECT 2'],
    [SYNTAX, 'SELECT 1 /* '],
    [SYNTAX, `SELECT 'a`],
    [60, 'SELECT * FROM `clicks (alias x)`'],
  ],
};

const CORPUS = Object.entries(ESCAPES).flatMap(([guard, escapes]) =>
  escapes.map(([code, statement]) => [guard, statement, code] as const),
);

test.each(CORPUS)('refused, %s: %s', async (_guard, statement, code) => {
  const told = await shop.ask(statement, {
    parameters: {
      table: 'clicks_log',
      x: FILE,
      state: 'AggregateFunction(uniq, String)',
      hidden: '/* (alias */ AggregateFunction(uniq, String)',
      escaped: String.raw`Aggregate\x46unction(uniq, String)`,
    },
  });
  expect(told.text).toMatch(/^Code: \d+\. DB::Exception: [^]+ \([A-Z_]+\) \(version [\w.]+\)\n$/);
  expect([told.headers.get('x-clickhouse-exception-code'), told.status >= 400]).toEqual([
    String(code),
    true,
  ]);
  expect(told.text).not.toContain(SECRET);
});

test('the syntax tree alone refuses every table and every function that is written as a call', async () => {
  const { sql } = shop.engine();
  const catalog = await readCatalog(sql);
  if ('kind' in catalog) throw new Error(catalog.message);
  const statements = [
    ...(ESCAPES['scalar functions that read files, wherever they stand'] ?? []),
    ...(ESCAPES['table functions, wherever they stand'] ?? []),
    ...(ESCAPES['tables that are not public'] ?? []),
  ].filter(([code, statement]) => code !== 408 && /^(?:SELECT|WITH|FROM)/.test(statement));
  const passed: string[] = [];
  for (const [, statement] of statements) {
    const answer = await sql.run({
      sql: `EXPLAIN AST ${statement}`,
      format: 'TSVRaw',
      inBlocks: false,
    });
    if (answer.kind === 'refused') throw new Error(`${statement}: ${answer.message}`);
    const root = parseSyntaxTree(Buffer.concat(answer.blocks).toString());
    if (root !== undefined && checkQuery(root, catalog).kind !== 'refused') passed.push(statement);
  }
  expect([statements.length > 80, passed]).toEqual([true, []]);
});

test('after all of these, nothing was written and every table is as it was', async () => {
  expect(existsSync(WRITTEN)).toBe(false);
  expect(readdirSync(DIRECTORY)).toEqual(['secret.txt']);
  expect(readFileSync(FILE, 'utf8')).toBe(SECRET);
  expect(await shop.rows('SELECT count() FROM clicks')).toEqual([[60]]);
  const stored = await shop
    .engine()
    .query(`SELECT count() AS tables FROM system.tables WHERE database = 'weir' AND name = 'x'`);
  expect(stored).toEqual([{ tables: 0 }]);
});

test('a table cannot be reached by its UUID under the name of another', async () => {
  const [stored] = await shop
    .engine()
    .query(
      `SELECT toString(uuid) AS uuid FROM system.tables WHERE database = 'weir' AND name = 'clicks_log'`,
    );
  const told = await shop.ask(`SELECT topic FROM clicks UUID '${String(stored?.['uuid'])}'`);
  // The stored table has this column, the view has not.
  expect(told.text).toContain('Unknown expression identifier `topic`');
});

const REQUESTS: readonly (readonly [
  what: string,
  address: Record<string, string>,
  code: number,
])[] = [
  ['a setting that opens the session', { readonly: '0' }, 164],
  ['a setting that is not known here', { allow_introspection_functions: '1' }, 115],
  ['a setting that lifts the filters', { additional_table_filters: '{}' }, 115],
  ['a setting with a value that ends it', { session_timezone: `UTC', readonly = '0` }, 36],
  ['a limit that is none', { max_execution_time: '-1' }, 36],
  ['another database', { database: 'system' }, 81],
  ['a parameter with another name', { 'param_x = 1, readonly': '0' }, 408],
  ['a format that needs a file', { default_format: 'Template' }, 73],
  ['compressed blocks', { compress: '1' }, 344],
];

test.each(REQUESTS)('a request is refused that carries %s', async (_what, address, code) => {
  const told = await shop.ask('SELECT 1', { address });
  expect([told.headers.get('x-clickhouse-exception-code'), told.status >= 400]).toEqual([
    String(code),
    true,
  ]);
});

test('a client may ask for less than a limit and not for more', async () => {
  const limit = `SELECT value FROM system.settings WHERE name = 'max_result_rows'`;
  expect(await shop.rows(limit, { address: { max_result_rows: '10' } })).toEqual([['10']]);
  expect(await shop.rows(limit, { address: { max_result_rows: '9000000' } })).toEqual([
    ['1000000'],
  ]);
  expect(await shop.rows(limit, { address: { max_result_rows: '0' } })).toEqual([['1000000']]);
});

test('a page of another site is refused, and so is a name that was pointed at this machine', async () => {
  const statement = 'SELECT 1';
  const origin = await shop.ask(statement, { headers: { origin: 'https://example.com' } });
  const site = await shop.ask(statement, {
    method: 'GET',
    headers: { 'sec-fetch-site': 'cross-site' },
  });
  expect([origin.status, site.status]).toEqual([403, 403]);
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request(`${shop.url()}/?query=SELECT+1`, { headers: { host: 'rebound.example' } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).end();
  });
  expect(status).toBe(403);
});
