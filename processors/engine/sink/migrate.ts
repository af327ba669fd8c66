import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { EngineError } from '../../../schemas/errors.ts';
import { type ClickHouse, LIVE_DATABASE } from './clickhouse.ts';
import { forLayout, shardsRefused } from './layout.ts';

/** A migration and whether this run applied it. */
export interface AppliedMigration {
  readonly name: string;
  readonly isNew: boolean;
}

const CREATE_MIGRATIONS = `CREATE TABLE IF NOT EXISTS weir.migrations
(
    name String COMMENT 'File of the migration, such as traffic/table.sql',
    sha256 FixedString(64) COMMENT 'Hash of the file when it was applied',
    applied_at DateTime DEFAULT now() COMMENT 'When it was applied, UTC'
)
ENGINE = ReplacingMergeTree ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`;

/**
 * Applies the SQL files that the database of `clickHouse` has not seen, in order, and makes the views anew
 * in which settings stand. Every statement can be repeated, so a run that was cut off is simply run again.
 *
 * @throws {EngineError} CLICKHOUSE_SCHEMA_NEWER when a newer version has applied others
 * @throws {EngineError} CLICKHOUSE_MIGRATION_CHANGED when an applied file differs from the one at hand
 * @throws {EngineError} CLICKHOUSE_REFUSED, CLICKHOUSE_UNAVAILABLE
 */
export async function migrate(
  clickHouse: ClickHouse,
  files: readonly URL[],
  views: readonly string[] = [],
): Promise<readonly AppliedMigration[]> {
  const { database, layout } = clickHouse;
  await checkCluster(clickHouse);
  const change = (statement: string): Promise<void> =>
    clickHouse.command(forLayout(inDatabase(statement, database), layout));
  await change(`CREATE DATABASE IF NOT EXISTS ${database}`);
  await change(CREATE_MIGRATIONS);
  const migrations = files.map((file) => migrationIn(file));
  const known = await requireKnown(clickHouse, migrations);
  const applied: AppliedMigration[] = [];
  for (const { name, text, sha256 } of migrations) {
    const isNew = !known.has(name);
    if (isNew) {
      for (const statement of statementsOf(text)) {
        await change(statement);
      }
      await clickHouse.insert({
        table: 'migrations',
        columns: ['name', 'sha256'],
        rowCount: 1,
        body: Buffer.from(`${name}\t${sha256}\n`),
        token: `migration:${name}`,
      });
    }
    applied.push({ name, isNew });
  }
  for (const statement of views) await change(statement);
  return applied;
}

/**
 * Checks that a database with tables was not brought up to date by a version that knows more files than
 * these, so that this one would read and write what it does not know.
 *
 * @throws {EngineError} CLICKHOUSE_SCHEMA_NEWER, CLICKHOUSE_MIGRATION_CHANGED
 */
export async function requireOwnSchema(
  clickHouse: ClickHouse,
  files: readonly URL[],
): Promise<void> {
  await requireKnown(
    clickHouse,
    files.map((file) => migrationIn(file)),
  );
}

interface Migration {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

function migrationIn(file: URL): Migration {
  const text = readFileSync(file, 'utf8');
  return {
    name: file.pathname.split('/').slice(-2).join('/'),
    text,
    sha256: createHash('sha256').update(text).digest('hex'),
  };
}

/** The names of those that were applied, all of which are among `migrations`, as they are at hand. */
async function requireKnown(
  clickHouse: ClickHouse,
  migrations: readonly Migration[],
): Promise<ReadonlySet<string>> {
  const { database } = clickHouse;
  const rows = await clickHouse.query(`SELECT name, sha256 FROM ${database}.migrations FINAL`);
  const ours = new Map(migrations.map(({ name, sha256 }) => [name, sha256]));
  const known = new Set<string>();
  for (const row of rows) {
    const name = String(row['name']);
    known.add(name);
    const sha256 = ours.get(name);
    if (sha256 === undefined) {
      throw new EngineError({
        code: 'CLICKHOUSE_SCHEMA_NEWER',
        kind: 'fatal',
        message:
          `Expected the tables of ${database} as this version knows them, but a newer one has applied ${name}. ` +
          'Run that version, or restore a backup of log, state and tables from before the upgrade. Nothing was changed',
      });
    }
    if (sha256 !== row['sha256']) {
      throw new EngineError({
        code: 'CLICKHOUSE_MIGRATION_CHANGED',
        kind: 'fatal',
        message: `Expected ${name} as it was when this database was made; a released file never changes, add a new one`,
      });
    }
  }
  return known;
}

/** @throws {EngineError} CLICKHOUSE_REFUSED when the cluster is unknown, or has more shards than one */
async function checkCluster(clickHouse: ClickHouse): Promise<void> {
  const { layout } = clickHouse;
  if (layout.kind === 'plain' || layout.cluster === undefined) return;
  const [row] = await clickHouse.query(
    'SELECT uniqExact(shard_num) AS shards FROM system.clusters WHERE cluster = {cluster:String}',
    { cluster: layout.cluster },
  );
  const shards = Number(row?.['shards'] ?? 0);
  if (shards !== 1) throw shardsRefused(layout.cluster, shards);
}

/** The statement with the tables of `database` in place of those of the live one, which every file names. */
function inDatabase(statement: string, database: string): string {
  return statement.replaceAll(new RegExp(`\\b${LIVE_DATABASE}\\.`, 'g'), `${database}.`);
}

/** The statements of a file: each ends with a semicolon at the end of a line. */
export function statementsOf(text: string): readonly string[] {
  return text
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
