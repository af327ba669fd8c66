import { resolve } from 'node:path';

import { EngineError } from '../schemas/errors.ts';
import type { Config } from './config.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { type AppliedMigration, migrate, requireOwnSchema } from './engine/sink/migrate.ts';
import { withRecordedTests } from './lift-tests.ts';
import { hasTables, openClickHouse, serverOf } from './open-clickhouse.ts';
import { createProcessors, migrationsOf, viewsOf } from './registry.ts';

/** The data directory of a Weir that does not run, while this process owns it. */
export interface StoppedData {
  /** With lift tests as they are on record. */
  readonly config: Config;
  readonly dataDir: DataDir;
  readonly clickHouse: ClickHouse;
}

/**
 * Runs `use` over a data directory that no running Weir has open, and gives it up afterwards.
 *
 * @throws {EngineError} DATA_DIR_LOCKED, DATA_DIR_UNUSABLE, CLICKHOUSE_NOT_INSTALLED
 */
export async function withStoppedData<Result>(
  config: Config,
  use: (data: StoppedData) => Promise<Result>,
): Promise<Result> {
  const dataDir = openDataDir(config.data_dir, config.tokens.secret);
  try {
    const { clickHouse } = await openClickHouse(config, dataDir);
    try {
      const recorded = await withRecordedTests(clickHouse, config);
      return await use({ config: recorded, dataDir, clickHouse });
    } finally {
      await clickHouse.close();
    }
  } finally {
    dataDir.release();
  }
}

/**
 * Runs `use` over the tables alone: those of a server, whether Weir runs or not, or those of a data
 * directory that no running Weir has open.
 *
 * @throws {EngineError} DATA_DIR_LOCKED, DATA_DIR_UNUSABLE, CLICKHOUSE_NOT_INSTALLED, CONFIG_UNREADABLE
 */
export async function withTables<Result>(
  config: Config,
  use: (clickHouse: ClickHouse, dataDir: DataDir | undefined) => Promise<Result>,
): Promise<Result> {
  const server = serverOf(config);
  if (server === undefined)
    return withStoppedData(config, ({ clickHouse, dataDir }) => use(clickHouse, dataDir));
  try {
    return await use(server, undefined);
  } finally {
    await server.close();
  }
}

/**
 * @throws {EngineError} TABLES_MISSING, mostly because the directory has another name
 * @throws {EngineError} CLICKHOUSE_SCHEMA_NEWER, CLICKHOUSE_MIGRATION_CHANGED
 */
export async function requireTables(clickHouse: ClickHouse, config: Config): Promise<void> {
  if (await hasTables(clickHouse)) {
    await requireOwnSchema(clickHouse, migrationsOf(createProcessors(config)));
    return;
  }
  const place = config.clickhouse.url ?? resolve(config.data_dir);
  throw new EngineError({
    code: 'TABLES_MISSING',
    kind: 'fatal',
    message: `Expected the tables of a Weir that has run, there are none at ${place}`,
  });
}

/**
 * Brings the tables up to date, as every start does too.
 *
 * @throws {EngineError} CLICKHOUSE_SCHEMA_NEWER, CLICKHOUSE_MIGRATION_CHANGED, CLICKHOUSE_REFUSED
 */
export function migrateTables(config: Config): Promise<readonly AppliedMigration[]> {
  const processors = createProcessors(config);
  return withTables(config, (clickHouse) =>
    migrate(clickHouse, migrationsOf(processors), viewsOf(processors)),
  );
}
