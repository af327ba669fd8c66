import { EngineError } from '../schemas/errors.ts';
import { type Config, withProblems } from './config.ts';
import type { KafkaSettings } from './engine/log/kafka-client.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { serverOf } from './open-clickhouse.ts';
import { kafkaSettings } from './open-log.ts';

/** What `weir processor` and `weir api` need beyond the defaults. */
export interface ClusterParts {
  readonly settings: KafkaSettings;
  readonly clickHouse: ClickHouse;
  readonly secret: string;
}

/**
 * Connects to what processes of one group share.
 *
 * @throws {EngineError} CONFIG_INVALID naming every setting that is missing
 */
export function clusterParts(config: Config): ClusterParts {
  const settings = kafkaSettings(config);
  const clickHouse = serverOf(config);
  const { secret } = config.tokens;
  if (settings !== undefined && clickHouse !== undefined && secret !== undefined)
    return { settings, clickHouse, secret };
  const missing = [
    ...(settings === undefined ? ['kafka.brokers: the log that the processes share'] : []),
    ...(clickHouse === undefined ? ['clickhouse.url: the server that the processes share'] : []),
    ...(secret === undefined ? ['tokens.secret: the same key in every process'] : []),
  ];
  throw new EngineError({
    code: 'CONFIG_INVALID',
    kind: 'fatal',
    message: withProblems('Several processes need settings that are missing:', missing),
    details: { problemCount: missing.length },
  });
}
