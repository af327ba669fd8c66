import { MINUTE_MS } from '../../../../schemas/time.ts';
import type { ChannelRow } from '../live/rows.ts';

/** Minutes that a sparkline shows. */
export const SERIES_MINUTES = 60;

/** What a sparkline can show. Revenue needs a currency. */
export const TREND_METRICS = ['clicks_net', 'orders', 'revenue_minor'] as const;
export type TrendMetric = (typeof TREND_METRICS)[number];

/** Values by minute, oldest first; the last minute is still filling. */
export interface MinuteSeries {
  /** Window starts, UTC milliseconds, one minute apart. */
  readonly starts: readonly number[];
  /** A minute without a row counts 0: nothing happened in it. */
  readonly values: readonly number[];
}

/**
 * The last `SERIES_MINUTES` minutes of every channel, up to and with the one that starts at
 * `newestStart`, by channel; each channel with a metric of its own.
 */
export function minuteSeries(
  rows: Iterable<ChannelRow>,
  options: {
    readonly metricOf: (channel: string) => TrendMetric;
    /** Amounts of this currency only. */
    readonly currencyOf: (channel: string) => string | undefined;
    readonly newestStart: number;
  },
): ReadonlyMap<string, MinuteSeries> {
  const { metricOf, currencyOf, newestStart } = options;
  const oldestStart = newestStart - (SERIES_MINUTES - 1) * MINUTE_MS;
  const starts = Array.from(
    { length: SERIES_MINUTES },
    (_, index) => oldestStart + index * MINUTE_MS,
  );
  const byChannel = new Map<string, number[]>();
  for (const row of rows) {
    const minute = (row.window_start - oldestStart) / MINUTE_MS;
    if (minute < 0 || minute >= SERIES_MINUTES) continue;
    let values = byChannel.get(row.channel);
    if (values === undefined) {
      values = starts.map(() => 0);
      byChannel.set(row.channel, values);
    }
    const metric = metricOf(row.channel);
    if (metric === 'revenue_minor' && row.currency !== currencyOf(row.channel)) continue;
    values[minute] = (values[minute] ?? 0) + row[metric];
  }
  return new Map([...byChannel].map(([channel, values]) => [channel, { starts, values }]));
}
