import { BackgroundAudit } from './background-audit.ts';
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
      isDelivered: engine.outbox.pendingDeliveries === 0 && !isMoving(parts),
      deliveries: engine.outbox.begunDeliveries,
    }),
    onAudited: (audited) => observeAudit(metrics, logger, audited),
  });
  audit.start((error: unknown) => logger.error({ error: String(error) }, 'Audit ended'));
  return audit;
}

/** Whether something is on its way between ids of one visitor, so that the tables know of links that are not yet in all numbers. */
function isMoving({
  engine,
  log,
}: {
  readonly engine: Engine;
  readonly log: Pick<Log, 'endOffset'>;
}): boolean {
  return engine.tasks.some((task) =>
    task
      .durableInputs()
      .some(
        ({ topic, nextOffset }) =>
          topic === 'weir.internal.identity' && nextOffset < log.endOffset(topic, task.partition),
      ),
  );
}
