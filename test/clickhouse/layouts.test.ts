import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { DEFAULT_CONFIG } from '../../processors/config.ts';
import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import { type TableLayout, forLayout } from '../../processors/engine/sink/layout.ts';
import { statementsOf } from '../../processors/engine/sink/migrate.ts';
import { createProcessors, migrationsOf } from '../../processors/registry.ts';

const MIGRATIONS = migrationsOf(createProcessors(DEFAULT_CONFIG));
const STATEMENTS = MIGRATIONS.flatMap((file) => statementsOf(readFileSync(file, 'utf8')));

let directory: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-layouts-'));
  clickHouse = await ClickHouse.openEmbedded(directory);
});
afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The statement as ClickHouse's own parser writes it again; it refuses what it cannot read. */
async function parsed(sql: string): Promise<string> {
  const rows = await clickHouse.query('SELECT formatQuerySingleLine({sql:String}) AS sql', { sql });
  return String(rows[0]?.['sql']);
}

test.each<{ readonly layout: TableLayout; readonly name: string }>([
  { name: 'one server', layout: { kind: 'plain' } },
  { name: 'replicas', layout: { kind: 'replicated', cluster: undefined } },
  { name: 'a cluster', layout: { kind: 'replicated', cluster: 'weir-1.main' } },
])('ClickHouse reads every migration in the form for $name', async ({ layout }) => {
  expect(STATEMENTS.length).toBeGreaterThan(20);
  for (const statement of STATEMENTS) {
    const sql = await parsed(forLayout(statement, layout));
    const isTable = sql.startsWith('CREATE TABLE');
    expect(sql).toMatch(/^(CREATE (TABLE|OR REPLACE VIEW|VIEW)|ALTER TABLE)/);
    const isReplicated = layout.kind === 'replicated';
    expect(/ENGINE = Replicated/.test(sql)).toBe(isTable && isReplicated);
    expect(/ENGINE = (?!Replicated)/.test(sql)).toBe(isTable && !isReplicated);
    expect(/\breplicated_deduplication_window = /.test(sql)).toBe(
      /non_replicated_deduplication_window = /.test(statement) && isReplicated,
    );
    const onCluster = layout.kind === 'replicated' && layout.cluster !== undefined;
    expect(/ ON CLUSTER `?weir-1\.main`? ?/.test(sql)).toBe(onCluster);
  }
});

test('a database is made and removed on every server of a cluster', async () => {
  const layout: TableLayout = { kind: 'replicated', cluster: 'c' };
  expect(await parsed(forLayout('CREATE DATABASE IF NOT EXISTS weir', layout))).toBe(
    'CREATE DATABASE IF NOT EXISTS weir ON CLUSTER c',
  );
  expect(await parsed(forLayout('DROP DATABASE IF EXISTS weir_sandbox_a SYNC', layout))).toBe(
    'DROP DATABASE IF EXISTS weir_sandbox_a ON CLUSTER c SYNC',
  );
});

test('a statement of a form that is not known does not run on one server of a cluster alone', () => {
  expect(() =>
    forLayout('RENAME TABLE weir.a TO weir.b', { kind: 'replicated', cluster: 'c' }),
  ).toThrow('RENAME TABLE');
});

test('ClickHouse reads the statements that make users and grant rights', async () => {
  const text = readFileSync(new URL('../../deploy/clickhouse/users.sql', import.meta.url), 'utf8');
  const statements = await Promise.all(statementsOf(text).map((statement) => parsed(statement)));
  expect(statements).toHaveLength(19);
  expect(statements.filter((sql) => sql.startsWith('CREATE USER'))).toEqual([
    expect.stringContaining('{weir_password:String}'),
    expect.stringContaining('{reader_password:String}'),
  ]);
  // What a reader is granted is the database alone: no source, no file, no other server.
  expect(statements.filter((sql) => sql.endsWith(' TO weir_reader'))).toEqual([
    'GRANT SELECT ON weir.* TO weir_reader',
  ]);
});
