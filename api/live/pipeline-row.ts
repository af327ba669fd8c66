import type { Panel, Row } from '../../schemas/panel.ts';
import { type PipelineStatus, STATUS_TOPIC } from '../../schemas/ports.ts';
import { SECOND_MS } from '../../schemas/time.ts';

/** The topic `pipeline`: one row about the pipeline itself, from its status instead of a table. */
export const PIPELINE_PANEL: Panel = {
  topic: STATUS_TOPIC,
  path: undefined,
  needs: [],
  live: {
    table: 'pipeline',
    key: ['key'],
    sums: [],
    retentionMs: undefined,
    rowsMax: 1,
    windowMs: undefined,
  },
  query: {
    views: {},
    columns: [
      'ready',
      'problems',
      'processors_off',
      'watermark',
      'lag_records',
      'received',
      'contributed',
      'duplicate',
      'late',
      'dead_lettered',
      'quarantined',
      'unaccounted',
      'checkpoint_age_ms',
      'checkpoint_ms',
      'pending_rows',
      'events_per_second',
      'audit_checked_rows',
      'audit_differences',
      'audit_last_at',
    ],
    filters: [],
    timeColumn: undefined,
    orderBy: ['key'],
  },
};

/** The public row of a status. */
export function pipelineRow(status: PipelineStatus, eventsPerSecond: number): Row {
  return {
    key: 'pipeline',
    ready: status.ready,
    problems: status.problems.join('; '),
    processors_off: status.processors_off.join(' '),
    watermark: status.watermark,
    lag_records: lagRecords(status),
    ...status.counts,
    unaccounted: status.unaccounted,
    checkpoint_age_ms: status.checkpoint.age_ms,
    checkpoint_ms: status.checkpoint.duration_ms,
    pending_rows: status.sink.pending_rows,
    events_per_second: eventsPerSecond,
    audit_checked_rows: status.audit.checked_rows,
    audit_differences: status.audit.differences,
    audit_last_at: status.audit.last_at,
  };
}

/** Records in the log that some task has still to take. */
export function lagRecords(status: PipelineStatus): number {
  return status.tasks.reduce((sum, task) => sum + task.lag_records, 0);
}

/** Works the rate of received events out from the counts of two looks. */
export class EventRate {
  #last: { readonly atMs: number; readonly received: number } | undefined;
  #perSecond = 0;

  /** Events per second since the look before, rounded; 0 at the first look. */
  observe(received: number, atMs: number): number {
    const last = this.#last;
    if (last !== undefined && atMs > last.atMs) {
      const rate = ((received - last.received) / (atMs - last.atMs)) * SECOND_MS;
      this.#perSecond = Math.max(0, Math.round(rate));
    }
    this.#last = { atMs, received };
    return this.#perSecond;
  }
}
