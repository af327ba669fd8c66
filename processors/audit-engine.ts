import { BackgroundAudit, type Way } from './background-audit.ts';
import type { Config } from './config.ts';
import type { Log } from './engine/log/log.ts';
import type { Engine } from './engine/runtime/engine.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import { type ClickHouse, LIVE_DATABASE } from './engine/sink/clickhouse.ts';
import type { Logger } from './engine/telemetry/log.ts';
import type { Metrics } from './engine/telemetry/metrics.ts';
import { observeAudit } from './observe.ts';

/**
 * Starts the continuous audit of a running engine, on connections of its own: a query of the api must
 * not wait for it. Close it before ClickHouse.
 */
export function auditEngine(parts: {
  readonly config: Config;
  readonly engine: Engine;
  readonly log: Pick<Log, 'endOffset'>;
  readonly clickHouse: ClickHouse;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): BackgroundAudit {
  const { config, engine, metrics, logger } = parts;
  const reader = parts.clickHouse.inDatabase(LIVE_DATABASE);
  const audit = new BackgroundAudit({
    query: (sql, parameters, limits) => reader.query(sql, parameters, limits),
    close: () => reader.close(),
    config,
    clock: systemClock,
    settlement: () => ({
      watermarkMs: engine.watermarkMs,
      ways: [engine.outbox, ...identityWays(parts)],
    }),
    onAudited: (audited) => observeAudit(metrics, logger, audited),
  });
  audit.start((error: unknown) => logger.error({ error: String(error) }, 'Audit ended'));
  return audit;
}

/** What ids of one visitor send each other: until it has arrived the tables know of links that are not yet in all numbers. */
function identityWays({
  engine,
  log,
}: {
  readonly engine: Engine;
  readonly log: Pick<Log, 'endOffset'>;
}): readonly Way[] {
  return engine.tasks.flatMap((task) =>
    task
      .durableInputs()
      .filter(({ topic }) => topic === 'weir.internal.identity')
      .map(({ topic, nextOffset }) => ({
        begun: log.endOffset(topic, task.partition),
        arrived: nextOffset,
      })),
  );
}
