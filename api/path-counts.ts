import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import {
  CHANNELS_MAX,
  CONVERSION,
  type ChannelSet,
  NULL,
  START,
  type Transition,
} from '../statistics/path-counts.ts';

/** Where paths are read from: event times of what ends them, and the settings of attribution. */
export interface PathRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly watermarkMs: number;
  readonly lookbackMs: number;
  readonly sessionGapMs: number;
  readonly currency: string;
}

/** Additive counts of all paths of a range. */
export interface PathCounts {
  readonly transitions: readonly Transition[];
  readonly sets: readonly ChannelSet[];
  readonly conversions: number;
  readonly nulls: number;
  /** Paths whose look-back is not over: they may still convert, and count nowhere yet. */
  readonly provisional: number;
  /** Conversions without a touch. */
  readonly unattributed: number;
}

/** What channels beyond the twelfth are together. */
const OTHER = 'other';

/**
 * A visitor's touches and conversions in order of time make its paths: a conversion ends one, and so
 * does a pause longer than the look-back. A converting path has the touches within the look-back.
 */
const PATHS_SQL = `WITH
  held_spans AS
  (
    SELECT visitor_token, groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
    FROM weir.bot_standings WHERE tier > 0 GROUP BY visitor_token
  ),
  clicked AS
  (
    SELECT
      visitor_id, toUnixTimestamp64Milli(occurred_at) AS at_ms, event_id, channel, kind = 'click' AS is_click,
      at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER visitor > {gap:Int64} AS is_first
    FROM weir.visitor_clicks
    LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
    WHERE kind NOT IN ('impression', 'beacon')
      AND NOT arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans)
      AND occurred_at >= fromUnixTimestamp64Milli({from:Int64} - 2 * {lookback:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to:Int64} + {lookback:Int64}, 'UTC')
    WINDOW visitor AS (PARTITION BY visitor_id ORDER BY toUnixTimestamp64Milli(occurred_at), event_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
  ),
  converted AS
  (
    SELECT
      visitor_id, placed.1 AS at_ms, placed.2 AS event_id, placed.3 AS placed_currency,
      greatest(0, placed.4 - arraySum(part -> if(part.1 = placed_currency, part.2, 0), returns)) AS left_minor
    FROM
    (
      SELECT
        orders.visitor_id AS visitor_id,
        argMinIf(
          (toUnixTimestamp64Milli(orders.occurred_at), orders.event_id, orders.currency, ifNull(lines.value_minor, 0)),
          (orders.occurred_at, orders.event_id), orders.status = 'placed') AS placed,
        groupArrayIf((orders.currency, ifNull(lines.value_minor, 0)), orders.status = 'returned') AS returns
      FROM weir.visitor_orders AS orders
      LEFT JOIN (SELECT event_id, sum(quantity * unit_price_minor) AS value_minor FROM weir.order_lines GROUP BY event_id) AS lines
        ON lines.event_id = orders.event_id
      GROUP BY visitor_id, orders.order_id
      HAVING countIf(orders.status = 'placed') > 0 AND countIf(orders.status = 'cancelled') = 0
    )
    WHERE at_ms >= {from:Int64} - 2 * {lookback:Int64} AND at_ms < {to:Int64} + {lookback:Int64}
  ),
  steps AS
  (
    SELECT visitor_id, at_ms, event_id, channel, 0 AS is_conversion, toInt64(0) AS left_minor FROM clicked WHERE is_click OR is_first
    UNION ALL
    SELECT visitor_id, at_ms, event_id, '' AS channel, 1 AS is_conversion,
      if(placed_currency = {currency:String}, left_minor, 0) AS left_minor
    FROM converted
    LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
    WHERE NOT arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans)
  ),
  numbered AS
  (
    SELECT *, sum(is_start) OVER (PARTITION BY visitor_id ORDER BY at_ms, is_conversion, event_id
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
    FROM
    (
      SELECT *, lagInFrame(is_conversion, 1, 1) OVER before = 1 OR at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER before > {lookback:Int64} AS is_start
      FROM steps
      WINDOW before AS (PARTITION BY visitor_id ORDER BY at_ms, is_conversion, event_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
  ),
  ended AS
  (
    SELECT
      max(is_conversion) AS has_converted, max(at_ms) AS end_ms, max(left_minor) AS value_minor,
      arrayCompact(arrayMap(step -> step.3, arraySort(groupArrayIf((at_ms, event_id, channel), is_conversion = 0 AND at_ms >= until_ms - {lookback:Int64})))) AS channels
    FROM (SELECT *, max(at_ms) OVER (PARTITION BY visitor_id, number) AS until_ms FROM numbered)
    GROUP BY visitor_id, number
    HAVING end_ms >= {from:Int64} AND end_ms < {to:Int64}
  ),
  paths AS
  (
    SELECT *, multiIf(has_converted = 1, 'conversion', end_ms + {lookback:Int64} <= {watermark:Int64}, 'null', 'provisional') AS ending
    FROM ended
  )`;

/** Counts the paths that ended in a range, from the raw events. */
export async function readPathCounts(engine: EnginePort, range: PathRange): Promise<PathCounts> {
  const parameters = {
    from: range.fromMs,
    to: range.toMs,
    watermark: range.watermarkMs,
    lookback: range.lookbackMs,
    gap: range.sessionGapMs,
    currency: range.currency,
  };
  // Grouped by the whole path, so that sets and steps come from one reading of the events.
  const rows = await engine.query(
    `${PATHS_SQL}
     SELECT arrayStringConcat(channels, '\\n') AS joined, empty(channels) AS is_empty, ending,
       toUInt32(count()) AS paths, toFloat64(sum(value_minor)) AS value_minor
     FROM paths GROUP BY channels, ending ORDER BY paths DESC, joined`,
    parameters,
  );
  const nameOf = namesOf(rows);
  return {
    transitions: transitionsOf(rows, nameOf),
    sets: setsOf(rows, nameOf),
    conversions: countOf(rows, 'conversion', false),
    nulls: countOf(rows, 'null', false),
    provisional: countOf(rows, 'provisional', false),
    unattributed: countOf(rows, 'conversion', true),
  };
}

/** The steps of all paths that have ended, from the start to the conversion or to nothing. */
function transitionsOf(
  rows: readonly Row[],
  nameOf: (channel: string) => string,
): readonly Transition[] {
  const steps = new Map<string, { from: string; to: string; count: number; valueMinor: number }>();
  for (const row of rows) {
    if (row['ending'] === 'provisional' || isEmpty(row)) continue;
    const end = row['ending'] === 'conversion' ? CONVERSION : NULL;
    const states = [START, ...channelsIn(row).map(nameOf), end];
    for (let index = 1; index < states.length; index += 1) {
      const from = states[index - 1] ?? START;
      const to = states[index] ?? end;
      const key = `${from}\n${to}`;
      const step = steps.get(key) ?? { from, to, count: 0, valueMinor: 0 };
      step.count += Number(row['paths']);
      if (to === CONVERSION) step.valueMinor += Number(row['value_minor']);
      steps.set(key, step);
    }
  }
  return [...steps.values()];
}

function setsOf(rows: readonly Row[], nameOf: (channel: string) => string): readonly ChannelSet[] {
  return rows
    .filter((row) => row['ending'] !== 'provisional' && !isEmpty(row))
    .map((row) => {
      const paths = Number(row['paths']);
      const hasConverted = row['ending'] === 'conversion';
      return {
        channels: [...new Set(channelsIn(row).map(nameOf))],
        conversions: hasConverted ? paths : 0,
        nulls: hasConverted ? 0 : paths,
      };
    });
}

function countOf(rows: readonly Row[], ending: string, isUntouched: boolean): number {
  return rows
    .filter((row) => row['ending'] === ending && isEmpty(row) === isUntouched)
    .reduce((sum, row) => sum + Number(row['paths']), 0);
}

/** The busiest channels keep their names; those beyond the limit are one. */
function namesOf(rows: readonly Row[]): (channel: string) => string {
  const paths = new Map<string, number>();
  for (const row of rows) {
    for (const channel of channelsIn(row)) {
      paths.set(channel, (paths.get(channel) ?? 0) + Number(row['paths']));
    }
  }
  if (paths.size <= CHANNELS_MAX) return (channel) => channel;
  const busiest = [...paths].toSorted((a, b) => b[1] - a[1]).slice(0, CHANNELS_MAX - 1);
  const kept = new Set([START, CONVERSION, NULL, ...busiest.map(([channel]) => channel)]);
  return (channel) => (kept.has(channel) ? channel : OTHER);
}

function channelsIn(row: Row): readonly string[] {
  return isEmpty(row) ? [] : String(row['joined']).split('\n');
}

function isEmpty(row: Row): boolean {
  return Number(row['is_empty']) === 1;
}
