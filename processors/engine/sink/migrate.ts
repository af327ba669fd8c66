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
  const rows = await clickHouse.query(`SELECT name, sha256 FROM ${database}.migrations FINAL`);
  const known = new Map(rows.map((row) => [String(row['name']), String(row['sha256'])]));
  const applied: AppliedMigration[] = [];
  for (const file of files) {
    const name = file.pathname.split('/').slice(-2).join('/');
    const text = readFileSync(file, 'utf8');
    const sha256 = createHash('sha256').update(text).digest('hex');
    const before = known.get(name);
    if (before !== undefined && before !== sha256) {
      throw new EngineError({
        code: 'CLICKHOUSE_MIGRATION_CHANGED',
        kind: 'fatal',
        message: `Expected ${name} as it was when this database was made; a released file never changes, add a new one`,
      });
    }
    if (before === undefined) {
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
    applied.push({ name, isNew: before === undefined });
  }
  for (const statement of views) await change(statement);
  return applied;
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
