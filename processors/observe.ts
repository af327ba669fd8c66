import type { PipelineStatus } from '../schemas/ports.ts';
import { SECOND_MS } from '../schemas/time.ts';
import type { AuditedWindows } from './background-audit.ts';
import { unaccountedOf } from './engine/runtime/counts.ts';
import type { EngineEvents } from './engine/runtime/engine-options.ts';
import type { Engine } from './engine/runtime/engine.ts';
import type { Logger } from './engine/telemetry/log.ts';
import type { Metrics } from './engine/telemetry/metrics.ts';

/** A retry is logged at most this often, because a ClickHouse that is away fails every insert. */
const RETRY_LOG_INTERVAL_MS = 10_000;

/** Turns what the engine tells into metrics and log lines. */
export function observedEvents(metrics: Metrics, logger: Logger): EngineEvents {
  let lastRetryLogMs = 0;
  return {
    onCount: (code) => metrics.operatorOutcomes.inc({ code }),
    onPoison: ({ topic, offset, message }, task) => {
      logger.error(
        { task, topic, offset, error: message },
        'Operator failed on a record, which becomes a dead letter',
      );
    },
    onCheckpoint: ({ sequence, stallMs, durationMs, writes, windowRows }) => {
      for (const { table, state, rows } of windowRows) {
        metrics.windowRows.inc({ table, state }, rows);
      }
      metrics.checkpointStall.observe(stallMs / SECOND_MS);
      metrics.checkpointDuration.observe(durationMs / SECOND_MS);
      logger.debug({ sequence, durationMs, writes }, 'Checkpoint written');
    },
    onCheckpointFailed: (error) => {
      metrics.checkpointFailures.inc();
      logger.error(
        { code: error.code, error: error.message },
        'Checkpoint found no room and is repeated',
      );
    },
    onRetry: ({ error, attempt, waitMs }) => {
      metrics.sinkRetries.inc({ code: error.code });
      const nowMs = performance.now();
      if (attempt > 1 && nowMs - lastRetryLogMs < RETRY_LOG_INTERVAL_MS) return;
      lastRetryLogMs = nowMs;
      logger.warn(
        { code: error.code, attempt, waitMs, error: error.message },
        'Delivery failed and is tried again',
      );
    },
    onDelivered: ({ delivery, durationMs }) => {
      if (delivery.kind !== 'insert') return;
      metrics.sinkRows.inc({ table: delivery.insert.table }, delivery.insert.rowCount);
      metrics.sinkInsertDuration.observe(durationMs / SECOND_MS);
    },
  };
}

/** Counts one look of the audit, and logs what it found for the first time. */
export function observeAudit(metrics: Metrics, logger: Logger, audited: AuditedWindows): void {
  const { view, result, rows, differences, durationMs, error } = audited;
  metrics.auditLooks.inc({ view, result });
  metrics.auditRows.inc({ view }, rows);
  if (durationMs > 0) metrics.auditDuration.observe(durationMs / SECOND_MS);
  const about = {
    view,
    from: new Date(audited.fromMs).toISOString(),
    to: new Date(audited.toMs).toISOString(),
  };
  if (audited.isNews) {
    logger.error({ ...about, differences }, 'Results differ from their recomputation');
  }
  if (error !== undefined) {
    logger.debug({ ...about, code: error.code, error: error.message }, 'Audit got no answer');
  }
}

/** Brings the metrics that are read rather than counted up to date, before a scrape. */
export function refreshMetrics(
  metrics: Metrics,
  engines: readonly Engine[],
  status: PipelineStatus,
  nowMs: number,
): void {
  const counters = {
    received: metrics.eventsReceived,
    contributed: metrics.eventsContributed,
    duplicate: metrics.eventsDuplicate,
    late: metrics.eventsLate,
    dead_lettered: metrics.deadLetters,
    quarantined: metrics.eventsQuarantined,
  } as const;
  for (const counter of Object.values(counters)) counter.reset();
  metrics.eventsUnaccounted.reset();
  metrics.auditDifferences.set(status.audit.differences);
  for (const task of engines.flatMap(({ tasks }) => tasks)) {
    for (const { topic, counts } of task.inputs()) {
      metrics.eventsReceived.inc({ topic }, counts.received);
      metrics.eventsContributed.inc({ topic }, counts.contributed);
      metrics.eventsDuplicate.inc({ topic }, counts.duplicate);
      metrics.eventsLate.inc({ topic }, counts.late);
      metrics.deadLetters.inc({ topic }, counts.dead_lettered);
      metrics.eventsQuarantined.inc({ topic }, counts.quarantined);
      metrics.eventsUnaccounted.inc({ topic }, unaccountedOf(counts));
    }
    metrics.cachedKeys.set({ task: task.name }, task.memory.keys);
    metrics.rememberedIds.set({ task: task.name }, task.memory.eventIds);
  }
  for (const { task, watermark, lag_records } of status.tasks) {
    metrics.lag.set({ task }, lag_records);
    if (watermark === null) continue;
    metrics.watermark.set({ task }, watermark / SECOND_MS);
    metrics.watermarkLag.set({ task }, (nowMs - watermark) / SECOND_MS);
  }
  metrics.checkpointAge.set(status.checkpoint.age_ms / SECOND_MS);
  metrics.sinkPendingRows.set(status.sink.pending_rows);
  metrics.sinkHealthy.set(status.sink.healthy ? 1 : 0);
}
