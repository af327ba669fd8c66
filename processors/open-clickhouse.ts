import type { Config } from './config.ts';
import type { DataDir } from './data-dir.ts';
import { ClickHouse, LIVE_DATABASE } from './engine/sink/clickhouse.ts';

/** ClickHouse as it was found. */
export interface FoundClickHouse {
  readonly clickHouse: ClickHouse;
  /** Whether Weir's tables were there before anything was done. */
  readonly hasTables: boolean;
}

/**
 * The ClickHouse that the configuration names: a server when there is `clickhouse.url`, else the engine
 * in this process over the files of the data directory.
 *
 * @throws {EngineError} CLICKHOUSE_NOT_INSTALLED, CLICKHOUSE_UNAVAILABLE, CLICKHOUSE_REFUSED, CONFIG_UNREADABLE
 */
export async function openClickHouse(config: Config, dataDir: DataDir): Promise<FoundClickHouse> {
  const clickHouse = serverOf(config) ?? (await ClickHouse.openEmbedded(dataDir.clickHousePath));
  try {
    return { clickHouse, hasTables: await hasTables(clickHouse) };
  } catch (error) {
    await clickHouse.close();
    throw error;
  }
}

/** Whether Weir's tables are there. */
export async function hasTables(clickHouse: ClickHouse): Promise<boolean> {
  const rows = await clickHouse.query(
    'SELECT name FROM system.tables WHERE database = {database:String} LIMIT 1',
    { database: LIVE_DATABASE },
  );
  return rows.length > 0;
}

/**
 * The ClickHouse server that the configuration names, or undefined when ClickHouse is embedded.
 *
 * @throws {EngineError} CONFIG_UNREADABLE
 */
export function serverOf(config: Config): ClickHouse | undefined {
  const settings = config.clickhouse;
  const { url } = settings;
  if (url === undefined) return undefined;
  return ClickHouse.connectTo({
    url,
    user: settings.user,
    password: settings.password ?? '',
    caFile: settings.tls_ca_file,
    layout:
      settings.tables === 'plain'
        ? { kind: 'plain' }
        : { kind: 'replicated', cluster: settings.cluster },
  });
}
