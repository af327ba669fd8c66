import { PROMETHEUS } from './data-sources.ts';
import type { Section } from './frame.ts';
import { BAD, GOOD, WATCH, thresholds } from './look.ts';
import { course, figure, list } from './panels.ts';
import { metric, metricNow, metricRows } from './queries.ts';

/** Anything but 0 is a defect. */
const NONE = thresholds(GOOD, { from: 1, colour: BAD });

/** Whether all is well, in six figures. */
export const GLANCE: Section = {
  heading: 'Now',
  panels: [
    figure({
      title: 'Events per second',
      description: 'Records read from the log, over all tasks and topics.',
      source: PROMETHEUS,
      queries: [metric('sum(rate(engine_events_received_total[$__rate_interval]))', 'events')],
      unit: 'eps',
    }),
    figure({
      title: 'Waiting records',
      description: 'Records in the log that no task has read. Ingest answers 429 at its limit.',
      source: PROMETHEUS,
      queries: [metric('sum(engine_lag_records)', 'records')],
      unit: 'short',
      thresholds: thresholds(GOOD, { from: 10_000, colour: WATCH }, { from: 100_000, colour: BAD }),
    }),
    figure({
      title: 'Event time behind',
      description:
        'Processing time less the watermark, of the task furthest behind. It grows while no events come.',
      source: PROMETHEUS,
      queries: [metric('max(engine_watermark_lag_seconds)', 'behind')],
      unit: 's',
      thresholds: thresholds(GOOD, { from: 300, colour: WATCH }, { from: 900, colour: BAD }),
    }),
    figure({
      title: 'Rows not in ClickHouse yet',
      description:
        'Rows in the outbox that ClickHouse has not acknowledged. Tasks stop reading at 400,000; none is lost.',
      source: PROMETHEUS,
      queries: [metric('sum(sink_pending_rows)', 'rows')],
      unit: 'short',
      thresholds: thresholds(GOOD, { from: 20_000, colour: WATCH }, { from: 200_000, colour: BAD }),
    }),
    figure({
      title: 'Audit differences',
      description:
        'Rows that differ from what SQL recomputes from the raw events. Anything but 0 is a defect, or windows from before the configuration changed.',
      source: PROMETHEUS,
      queries: [metric('sum(audit_differences)', 'rows')],
      unit: 'short',
      thresholds: NONE,
    }),
    figure({
      title: 'Events unaccounted for',
      description:
        'Received less contributed, duplicate, late, dead-lettered and quarantined. Anything but 0 is a defect.',
      source: PROMETHEUS,
      queries: [metric('sum(abs(engine_events_unaccounted))', 'events')],
      unit: 'short',
      thresholds: NONE,
    }),
  ],
};

/** The service levels of the engine itself, and the alerts that watch them. */
export const OBJECTIVES: Section = {
  heading: 'Objectives',
  panels: [
    figure({
      title: 'Uptime (objective 99.95 %)',
      description: 'Share of the range in which a process answered.',
      source: PROMETHEUS,
      queries: [metricNow('avg_over_time(weir:up[$__range])', 'up')],
      unit: 'percentunit',
      decimals: 3,
      thresholds: thresholds(BAD, { from: 0.999, colour: WATCH }, { from: 0.9995, colour: GOOD }),
    }),
    figure({
      title: 'Failed events (below 0.1 %)',
      description: 'Share of the records read that became dead letters.',
      source: PROMETHEUS,
      queries: [
        metricNow(
          'sum(increase(engine_dead_letters_total[$__range])) / sum(increase(engine_events_received_total[$__range]))',
          'failed',
        ),
      ],
      unit: 'percentunit',
      decimals: 3,
      thresholds: thresholds(GOOD, { from: 0.0005, colour: WATCH }, { from: 0.001, colour: BAD }),
    }),
    figure({
      title: 'Event to viewer, 95 % (below 120 ms)',
      description:
        'From the log taking the newest event of an update to the update being sent, at the 95th percentile.',
      source: PROMETHEUS,
      queries: [
        metric(
          'histogram_quantile(0.95, sum by (le) (rate(api_live_delay_seconds_bucket[$__rate_interval])))',
          '95 %',
        ),
      ],
      unit: 's',
      thresholds: thresholds(GOOD, { from: 0.1, colour: WATCH }, { from: 0.12, colour: BAD }),
    }),
    figure({
      title: 'Mean time to recover (below 30 min)',
      description: 'Time without any process, by the number of times that happened in the range.',
      source: PROMETHEUS,
      queries: [
        metricNow(
          '(1 - avg_over_time(weir:up[$__range])) * $__range_s / clamp_min(resets(weir:up[$__range]), 1)',
          'outage',
        ),
      ],
      unit: 's',
      thresholds: thresholds(GOOD, { from: 900, colour: WATCH }, { from: 1_800, colour: BAD }),
    }),
    course({
      title: 'Burn rate over an hour',
      description:
        'How many times too fast the error budget of 30 days is used up. The alert asks that both an hour and five minutes are above 14.4.',
      source: PROMETHEUS,
      queries: [metric('weir:slo_burn:1h', '{{slo}}')],
      unit: 'none',
      decimals: 1,
      width: 8,
      height: 4,
      thresholds: thresholds(GOOD, { from: 14.4, colour: BAD }),
    }),
    list({
      title: 'Alerts that fire',
      description: 'Alerts of weir.rules.yaml. docs/operations.md says what to do about each.',
      source: PROMETHEUS,
      queries: [
        metricRows(
          'max by (alertname, severity, instance, task, topic, slo) (ALERTS{alertname=~"Weir.+", alertstate="firing"})',
        ),
      ],
      width: 24,
      height: 5,
      noValue: 'none fires',
      hidden: ['Value', 'Time'],
    }),
  ],
};
