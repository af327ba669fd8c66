import type { Config } from './config.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { migrationsOf } from './embedded.ts';
import { ClickHouse } from './engine/sink/clickhouse.ts';
import { type AppliedMigration, migrate } from './engine/sink/migrate.ts';
import { createProcessors } from './registry.ts';

/** The data directory of a Weir that does not run, while this process owns it. */
export interface StoppedData {
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
    const clickHouse = await ClickHouse.openEmbedded(dataDir.clickHousePath);
    try {
      return await use({ config, dataDir, clickHouse });
    } finally {
      await clickHouse.close();
    }
  } finally {
    dataDir.release();
  }
}

/**
 * Brings the tables of a stopped data directory up to date, as every start does too.
 *
 * @throws {EngineError} CLICKHOUSE_MIGRATION_CHANGED, CLICKHOUSE_REFUSED
 */
export function migrateStopped({
  config,
  clickHouse,
}: StoppedData): Promise<readonly AppliedMigration[]> {
  return migrate(clickHouse, migrationsOf(createProcessors(config)));
}
