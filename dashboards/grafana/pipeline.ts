import { CLICKHOUSE, PROMETHEUS } from './data-sources.ts';
import type { Frame, Section } from './frame.ts';
import { BAD, GOOD, WINDOW_STATES, thresholds } from './look.ts';
import { course } from './panels.ts';
import { GLANCE, OBJECTIVES } from './pipeline-health.ts';
import { metric, seriesOf } from './queries.ts';

const PER_SECOND = 'eps';

/** What became of the events that were read. */
const OUTCOMES = [
  ['engine_events_contributed_total', 'contributed'],
  ['engine_events_duplicate_total', 'duplicate'],
  ['engine_events_late_total', 'late'],
  ['engine_dead_letters_total', 'dead letter'],
  ['engine_events_quarantined_total', 'quarantined'],
] as const;

const FLOW: Section = {
  heading: 'Events',
  panels: [
    course({
      title: 'What became of the events read',
      description:
        'contributed: operators took it. duplicate: its id came before. late: behind the allowed lateness, in late_events. dead letter: could not be used. quarantined: ahead of the clock.',
      source: PROMETHEUS,
      queries: OUTCOMES.map(([name, outcome], index) =>
        metric(`sum(rate(${name}[$__rate_interval]))`, outcome, String.fromCharCode(65 + index)),
      ),
      unit: PER_SECOND,
      width: 12,
      isStacked: true,
    }),
    course({
      title: 'Events read by topic',
      description: 'Internal topics carry what one stage sends to another.',
      source: PROMETHEUS,
      queries: [
        metric(
          'sum by (topic) (rate(engine_events_received_total[$__rate_interval]))',
          '{{topic}}',
        ),
      ],
      unit: PER_SECOND,
      width: 12,
    }),
    course({
      title: 'Waiting records by task',
      description: 'Records that a task has not read. One task far above the others has a hot key.',
      source: PROMETHEUS,
      queries: [metric('sum by (task) (engine_lag_records)', '{{task}}')],
      unit: 'short',
      width: 12,
    }),
    course({
      title: 'Event time behind, by task',
      description:
        'Processing time less watermark. Grows while a task has no events; falls back with the next one.',
      source: PROMETHEUS,
      queries: [metric('max by (task) (engine_watermark_lag_seconds)', '{{task}}')],
      unit: 's',
      width: 12,
      thresholds: thresholds(GOOD, { from: 900, colour: BAD }),
    }),
  ],
};

const REFUSED: Section = {
  heading: 'What could not be used',
  panels: [
    course({
      title: 'Dead letters by topic',
      description: 'Records that could not be used; weir.dead_letters has the reasons and bytes.',
      source: PROMETHEUS,
      queries: [
        metric('sum by (topic) (rate(engine_dead_letters_total[$__rate_interval]))', '{{topic}}'),
      ],
      unit: PER_SECOND,
      width: 6,
      isStacked: true,
    }),
    course({
      title: 'Refused at the door, by code',
      description:
        'Events that senders were told about at once; docs/errors.md explains the codes.',
      source: PROMETHEUS,
      queries: [
        metric('sum by (code) (rate(ingest_events_rejected_total[$__rate_interval]))', '{{code}}'),
      ],
      unit: PER_SECOND,
      width: 6,
      isStacked: true,
    }),
    course({
      title: 'Limits and oddities, by code',
      description:
        'What operators could not use or had to limit; docs/errors.md explains the codes.',
      source: PROMETHEUS,
      queries: [
        metric(
          'sum by (code) (rate(engine_operator_outcomes_total[$__rate_interval]))',
          '{{code}}',
        ),
      ],
      unit: PER_SECOND,
      width: 6,
      isStacked: true,
    }),
    course({
      title: 'Too late, by sender',
      description:
        'Events behind the allowed lateness, by when they came. They are in weir.late_events and in no result.',
      source: CLICKHOUSE,
      queries: [
        seriesOf(
          'SELECT $__timeInterval(appended_at) AS time, source, count() AS Value\nFROM weir.late_events\n' +
            'WHERE $__timeFilter(appended_at)\nGROUP BY time, source\nORDER BY time',
        ),
      ],
      unit: 'short',
      width: 6,
      isStacked: true,
      interval: '1m',
    }),
  ],
};

const CHECKPOINTS: Section = {
  heading: 'Checkpoints',
  panels: [
    course({
      title: 'Duration',
      description: 'From collecting a checkpoint to its being durable.',
      source: PROMETHEUS,
      queries: [
        quantile(0.5, 'engine_checkpoint_duration_seconds', 'A'),
        quantile(0.95, 'engine_checkpoint_duration_seconds', 'B'),
        quantile(0.99, 'engine_checkpoint_duration_seconds', 'C'),
      ],
      unit: 's',
      width: 8,
    }),
    course({
      title: 'Stall',
      description:
        'Longest time that a checkpoint kept the tasks from reading at a stretch, by its work or because they waited for it; at most 50 ms at 99 %.',
      source: PROMETHEUS,
      queries: [
        quantile(0.5, 'engine_checkpoint_stall_seconds', 'A'),
        quantile(0.99, 'engine_checkpoint_stall_seconds', 'B'),
      ],
      unit: 's',
      width: 8,
      thresholds: thresholds(GOOD, { from: 0.05, colour: BAD }),
    }),
    course({
      title: 'Age, and failures',
      description:
        'Time since the last checkpoint, and checkpoints that found no room and were repeated.',
      source: PROMETHEUS,
      queries: [
        metric('max by (instance) (engine_checkpoint_age_seconds)', 'age {{instance}}', 'A'),
        metric(
          'sum(increase(engine_checkpoint_failures_total[$__rate_interval]))',
          'failures',
          'B',
        ),
      ],
      unit: 's',
      width: 8,
    }),
  ],
};

const CORRECTIONS: Section = {
  heading: 'Corrections and audit',
  panels: [
    course({
      title: 'Rows written, by state of their window',
      description:
        'provisional: the window was under way. matured: it was over, and a late event, a return or a verdict corrected it. final: a change after the allowed lateness, which is a row of its own.',
      source: PROMETHEUS,
      known: WINDOW_STATES,
      queries: [
        metric('sum by (state) (rate(engine_window_rows_total[$__rate_interval]))', '{{state}}'),
      ],
      unit: 'rowsps',
      width: 8,
      isStacked: true,
    }),
    course({
      title: 'Corrections by table',
      description: 'Rows of windows that were over when they changed.',
      source: PROMETHEUS,
      queries: [
        metric(
          'sum by (table) (rate(engine_window_rows_total{state!="provisional"}[$__rate_interval]))',
          '{{table}}',
        ),
      ],
      unit: 'rowsps',
      width: 8,
      isStacked: true,
    }),
    course({
      title: 'Audit',
      description:
        'Looks at closed windows. equal: as recomputed. unsettled: rows were under way. different is a defect.',
      source: PROMETHEUS,
      queries: [
        metric('sum by (result) (increase(audit_windows_total[$__rate_interval]))', '{{result}}'),
      ],
      unit: 'short',
      width: 8,
      isStacked: true,
    }),
  ],
};

const DELIVERY: Section = {
  heading: 'Delivery to ClickHouse',
  panels: [
    course({
      title: 'Rows acknowledged by table',
      description: 'Rows that ClickHouse took.',
      source: PROMETHEUS,
      queries: [
        metric('sum by (table) (rate(sink_rows_written_total[$__rate_interval]))', '{{table}}'),
      ],
      unit: 'rowsps',
      width: 8,
    }),
    course({
      title: 'Duration of an insert',
      description: 'One acknowledged insert.',
      source: PROMETHEUS,
      queries: [
        quantile(0.5, 'sink_insert_duration_seconds', 'A'),
        quantile(0.95, 'sink_insert_duration_seconds', 'B'),
      ],
      unit: 's',
      width: 8,
    }),
    course({
      title: 'Tries that failed, by code',
      description: 'Deliveries that failed and were repeated with the same rows and token.',
      source: PROMETHEUS,
      queries: [
        metric('sum by (code) (increase(sink_retries_total[$__rate_interval]))', '{{code}}'),
      ],
      unit: 'short',
      width: 8,
      isStacked: true,
    }),
  ],
};

const PROCESS: Section = {
  heading: 'Viewers and process',
  panels: [
    course({
      title: 'Viewers',
      description: 'Open WebSockets and event streams.',
      source: PROMETHEUS,
      queries: [metric('sum(api_live_connections)', 'viewers')],
      unit: 'short',
      width: 6,
    }),
    course({
      title: 'Live messages',
      description:
        'sent: written to connections. merged: held back because a connection did not keep up. closed: connections that stayed behind.',
      source: PROMETHEUS,
      queries: [
        metric('sum(rate(api_live_messages_sent_total[$__rate_interval]))', 'sent', 'A'),
        metric('sum(rate(api_live_updates_merged_total[$__rate_interval]))', 'merged', 'B'),
        metric('sum(rate(api_live_slow_closes_total[$__rate_interval]))', 'closed', 'C'),
      ],
      unit: PER_SECOND,
      width: 6,
    }),
    course({
      title: 'Answers by status',
      description: 'HTTP answers by class of status; 5xx are the faults of Weir.',
      source: PROMETHEUS,
      queries: [
        metric('sum by (result) (rate(api_responses_total[$__rate_interval]))', '{{result}}'),
      ],
      unit: 'reqps',
      width: 6,
      isStacked: true,
    }),
    course({
      title: 'Memory and state',
      description: 'Resident memory and heap of each process.',
      source: PROMETHEUS,
      queries: [
        metric('process_resident_memory_bytes', 'resident {{instance}}', 'A'),
        metric('nodejs_heap_size_used_bytes', 'heap {{instance}}', 'B'),
      ],
      unit: 'bytes',
      width: 6,
    }),
    course({
      title: 'CPU',
      description: 'Cores in use by each process.',
      source: PROMETHEUS,
      queries: [metric('rate(process_cpu_seconds_total[$__rate_interval])', '{{instance}}')],
      unit: 'none',
      decimals: 2,
      width: 8,
    }),
    course({
      title: 'Event loop, 99 %',
      description: 'How late a timer fires. Above 0.1 s viewers notice; an operator may be slow.',
      source: PROMETHEUS,
      queries: [metric('nodejs_eventloop_lag_p99_seconds', '{{instance}}')],
      unit: 's',
      width: 8,
      thresholds: thresholds(GOOD, { from: 0.1, colour: BAD }),
    }),
    course({
      title: 'Keys in memory and ids remembered',
      description: 'Keyed state in memory, and event ids that deduplication knows.',
      source: PROMETHEUS,
      queries: [
        metric('sum(engine_cached_keys)', 'keys', 'A'),
        metric('sum(engine_remembered_ids)', 'ids', 'B'),
      ],
      unit: 'short',
      width: 8,
    }),
  ],
};

/** One quantile of a histogram, in per cent in the legend. */
function quantile(share: number, name: string, refId: string): ReturnType<typeof metric> {
  return metric(
    `histogram_quantile(${share}, sum by (le) (rate(${name}_bucket[$__rate_interval])))`,
    `${share * 100} %`,
    refId,
  );
}

/** Lag, watermarks, checkpoints, delivery and corrections, for those who run Weir. */
export const PIPELINE: Frame = {
  name: 'pipeline',
  title: 'Weir · Pipeline',
  description: 'How events become rows: lag, watermarks, dead letters, checkpoints, corrections.',
  span: '3h',
  refresh: '15s',
  variables: [],
  sections: [GLANCE, OBJECTIVES, FLOW, REFUSED, CHECKPOINTS, CORRECTIONS, DELIVERY, PROCESS],
};
