import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Bounds of latency histograms, seconds: from a fast insert to a stuck one. */
const LATENCY_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * Every metric of the engine, declared once. Labels come from closed lists; `docs/metrics.md`
 * describes each.
 */
export class Metrics {
  readonly registry = new Registry();

  readonly eventsReceived = this.#counter(
    'engine_events_received_total',
    'Records read from the log',
    ['topic'],
  );
  readonly eventsContributed = this.#counter(
    'engine_events_contributed_total',
    'Events that operators took',
    ['topic'],
  );
  readonly eventsDuplicate = this.#counter(
    'engine_events_duplicate_total',
    'Events whose id came before with the same body',
    ['topic'],
  );
  readonly eventsLate = this.#counter(
    'engine_events_late_total',
    'Events behind the allowed lateness',
    ['topic'],
  );
  readonly deadLetters = this.#counter(
    'engine_dead_letters_total',
    'Records that could not be used',
    ['topic'],
  );
  readonly eventsQuarantined = this.#counter(
    'engine_events_quarantined_total',
    'Events ahead of the clock skew limit',
    ['topic'],
  );
  readonly eventsUnaccounted = this.#gauge(
    'engine_events_unaccounted',
    'Received events less those with a known outcome',
    ['topic'],
  );
  readonly operatorOutcomes = this.#counter(
    'engine_operator_outcomes_total',
    'What operators could not use or had to limit',
    ['code'],
  );

  readonly watermark = this.#gauge(
    'engine_watermark_seconds',
    'Watermark of a task, seconds since the epoch',
    ['task'],
  );
  readonly watermarkLag = this.#gauge(
    'engine_watermark_lag_seconds',
    'Processing time minus watermark of a task',
    ['task'],
  );
  readonly lag = this.#gauge('engine_lag_records', 'Records in the log that a task has not read', [
    'task',
  ]);
  readonly cachedKeys = this.#gauge('engine_cached_keys', 'Keys of keyed state in memory', [
    'task',
  ]);
  readonly rememberedIds = this.#gauge(
    'engine_remembered_ids',
    'Event ids that deduplication remembers',
    ['task'],
  );

  readonly checkpointDuration = this.#histogram(
    'engine_checkpoint_duration_seconds',
    'From collecting a checkpoint to its being durable',
    [],
  );
  readonly checkpointStall = this.#histogram(
    'engine_checkpoint_stall_seconds',
    'Longest time that a checkpoint kept the tasks from reading at a stretch, by its work or because they waited for it',
    [],
  );
  readonly checkpointAge = this.#gauge(
    'engine_checkpoint_age_seconds',
    'Since the last checkpoint',
    [],
  );
  readonly checkpointFailures = this.#counter(
    'engine_checkpoint_failures_total',
    'Checkpoints that found no room and were repeated',
    [],
  );

  readonly windowRows = this.#counter(
    'engine_window_rows_total',
    'Window rows written, by the state of their window',
    ['table', 'state'],
  );

  readonly sinkRows = this.#counter(
    'sink_rows_written_total',
    'Rows that ClickHouse acknowledged',
    ['table'],
  );
  readonly sinkInsertDuration = this.#histogram(
    'sink_insert_duration_seconds',
    'One acknowledged insert',
    [],
  );
  readonly sinkRetries = this.#counter(
    'sink_retries_total',
    'Deliveries that failed and were tried again',
    ['code'],
  );
  readonly sinkPendingRows = this.#gauge(
    'sink_pending_rows',
    'Rows stored in the outbox and not acknowledged',
    [],
  );
  readonly sinkHealthy = this.#gauge(
    'sink_healthy',
    '1 while deliveries are acknowledged, 0 while they keep failing',
    [],
  );

  readonly auditLooks = this.#counter('audit_windows_total', 'Looks at closed windows of a view', [
    'view',
    'result',
  ]);
  readonly auditRows = this.#counter('audit_rows_total', 'Rows compared with their recomputation', [
    'view',
  ]);
  readonly auditDifferences = this.#gauge(
    'audit_differences',
    'Rows that differed from their recomputation when last looked at',
    [],
  );
  readonly auditDuration = this.#histogram(
    'audit_duration_seconds',
    'One comparison of some windows',
    [],
  );

  readonly ingestAccepted = this.#counter(
    'ingest_events_accepted_total',
    'Events that became durable in the log',
    ['event'],
  );
  readonly ingestRejected = this.#counter(
    'ingest_events_rejected_total',
    'Events refused at the door',
    ['code'],
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: readonly string[]): Histogram {
    return new Histogram({
      name,
      help,
      labelNames: [...labelNames],
      buckets: LATENCY_BUCKETS,
      registers: [this.registry],
    });
  }
}
