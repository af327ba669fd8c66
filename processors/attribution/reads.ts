/** What the SQL of paths leaves open: numbers, or the names of parameters. */
interface PathTerms {
  readonly lookbackMs: string;
  readonly gapMs: string;
  readonly watermarkMs: string;
  /** Conditions on `occurred_at`, each with its AND: what needs not be read. */
  readonly clicksWithin: string;
  readonly ordersWithin: string;
}

/** The touches and the conversions of visitors, from the raw events: a row of `steps` each. */
function stepsSql({ gapMs, clicksWithin, ordersWithin }: PathTerms): string {
  return `  held_spans AS
  (
    SELECT visitor_token, groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
    FROM weir.bot_standings WHERE tier > 0 GROUP BY visitor_token
  ),
  clicked AS
  (
    SELECT
      visitor_id, toUnixTimestamp64Milli(occurred_at) AS at_ms, event_id, channel, kind = 'click' AS is_click,
      at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER visitor > ${gapMs} AS is_first
    FROM weir.visitor_clicks
    LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
    WHERE kind NOT IN ('impression', 'beacon')
      AND NOT arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans)
      ${clicksWithin}
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
          (toUnixTimestamp64Milli(orders.occurred_at), orders.event_id, toString(orders.currency), ifNull(lines.value_minor, 0)),
          (orders.occurred_at, orders.event_id), orders.status = 'placed') AS placed,
        groupArrayIf((toString(orders.currency), ifNull(lines.value_minor, 0)), orders.status = 'returned') AS returns
      FROM weir.visitor_orders AS orders
      LEFT JOIN (SELECT event_id, sum(quantity * unit_price_minor) AS value_minor FROM weir.order_lines GROUP BY event_id) AS lines
        ON lines.event_id = orders.event_id
      GROUP BY visitor_id, orders.order_id
      HAVING countIf(orders.status = 'placed') > 0 AND countIf(orders.status = 'cancelled') = 0
    )
    WHERE 1 ${ordersWithin}
  ),
  steps AS
  (
    SELECT visitor_id, at_ms, event_id, toString(channel) AS channel, 0 AS is_conversion, '' AS order_currency, toInt64(0) AS left_minor
    FROM clicked WHERE is_click OR is_first
    UNION ALL
    SELECT visitor_id, at_ms, event_id, '' AS channel, 1 AS is_conversion, placed_currency AS order_currency, left_minor
    FROM converted
    LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
    WHERE NOT arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans)
  )`;
}

/**
 * The paths of visitors, from the raw events: a row of `paths` each, with the channels, in order, how it
 * ended and when, and the currency and the value of its conversion.
 *
 * A visitor's touches and conversions in order of time make its paths: a conversion ends one, and so does
 * a pause longer than the look-back, at the moment when that is over. Until then it is provisional. A path
 * has the touches within the look-back of its conversion or, without one, of its last touch.
 */
function pathsSql(terms: PathTerms): string {
  const { lookbackMs, watermarkMs } = terms;
  return `WITH
${stepsSql(terms)},
  numbered AS
  (
    SELECT *, sum(is_start) OVER (PARTITION BY visitor_id ORDER BY at_ms, is_conversion, event_id
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
    FROM
    (
      SELECT *, lagInFrame(is_conversion, 1, 1) OVER before = 1 OR at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER before > ${lookbackMs} AS is_start
      FROM steps
      WINDOW before AS (PARTITION BY visitor_id ORDER BY at_ms, is_conversion, event_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
  ),
  paths AS
  (
    SELECT
      max(is_conversion) = 1 AS has_converted, max(at_ms) AS last_ms, max(order_currency) AS currency, max(left_minor) AS value_minor,
      arrayCompact(arrayMap(step -> step.3, arraySort(groupArrayIf((at_ms, event_id, channel), is_conversion = 0 AND at_ms >= until_ms - ${lookbackMs})))) AS channels,
      if(has_converted, last_ms, last_ms + ${lookbackMs}) AS end_ms,
      multiIf(has_converted, 'conversion', end_ms <= ${watermarkMs}, 'null', 'provisional') AS ending
    FROM (SELECT *, max(at_ms) OVER (PARTITION BY visitor_id, number) AS until_ms FROM numbered)
    GROUP BY visitor_id, number
  )`;
}

/** Events are read from two look-backs before the range, and a session more, to one behind it. */
function inReach(column: string): string {
  return `AND ${column} >= fromUnixTimestamp64Milli({from_ms:Int64} - 2 * {lookback_ms:Int64} - {gap_ms:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({to_ms:Int64} + {lookback_ms:Int64}, 'UTC')`;
}

/**
 * Paths that ended in [from_ms, to_ms), by the channels they touched and how they ended, and those that were
 * touched last in it and are still provisional: rows of `joined` (the channels, one a line), `ending`,
 * `paths` and `value_minor` in `currency`.
 */
export const PATHS_SQL = `${pathsSql({
  lookbackMs: '{lookback_ms:Int64}',
  gapMs: '{gap_ms:Int64}',
  watermarkMs: '{watermark_ms:Int64}',
  clicksWithin: inReach('occurred_at'),
  ordersWithin: inReach("fromUnixTimestamp64Milli(at_ms, 'UTC')"),
})}
  SELECT arrayStringConcat(channels, '\\n') AS joined, ending, toUInt32(count()) AS paths,
    toFloat64(sumIf(value_minor, currency = {currency:String})) AS value_minor
  FROM paths
  WHERE if(ending = 'provisional', last_ms, end_ms) >= {from_ms:Int64} AND if(ending = 'provisional', last_ms, end_ms) < {to_ms:Int64}
  GROUP BY channels, ending ORDER BY paths DESC, joined`;

/** Ends of paths in `attribution_paths`, as the solvers name them. */
const [START, CONVERSION, NULL] = ['(start)', '(conversion)', '(null)'];

/**
 * Makes the view `attribution_paths`: per UTC day in which paths ended, how often they went from one state
 * to another, and how often they touched which set of channels. It follows from the raw events, and so does
 * every correction; the settings stand in it as numbers, so it is made again at every start.
 */
export function pathsView(config: {
  readonly lookbackMs: number;
  readonly sessionGapMs: number;
}): string {
  return `CREATE OR REPLACE VIEW weir.attribution_paths
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the UTC day in which the paths ended: with the conversion, or when their look-back was over',
    kind String COMMENT 'transition: a step of the paths; set: the channels that they touched',
    from_channel String COMMENT 'Transitions: the channel before, or (start)',
    to_channel String COMMENT 'Transitions: the channel after, (conversion) or (null)',
    channels Array(String) COMMENT 'Sets: the channels in order of their names',
    currency String COMMENT 'ISO 4217 code of the conversions, empty for paths without one',
    paths UInt64 COMMENT 'How often the step was made; how many paths touched this set',
    conversions UInt64 COMMENT 'How many of them are of paths that converted',
    value_minor Int64 COMMENT 'Sets and steps to (conversion): value of the conversions less what came back, minor units of the currency',
    state String COMMENT 'provisional while a look-back is not over, so that the path may still convert; matured after'
)
AS ${pathsSql({
    lookbackMs: `toInt64(${config.lookbackMs})`,
    gapMs: `toInt64(${config.sessionGapMs})`,
    watermarkMs: '(SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress)',
    clicksWithin: '',
    ordersWithin: '',
  })}
SELECT
    toDateTime64(toStartOfDay(fromUnixTimestamp64Milli(end_ms, 'UTC')), 3, 'UTC') AS window_start,
    part.1 AS kind,
    part.2 AS from_channel,
    part.3 AS to_channel,
    part.4 AS channels,
    currency,
    count() AS paths,
    countIf(has_converted) AS conversions,
    sumIf(value_minor, part.3 IN ('', '${CONVERSION}')) AS value_minor,
    if(ending = 'provisional', 'provisional', 'matured') AS state
FROM
(
    SELECT
        end_ms, ending, has_converted, currency, value_minor,
        arrayJoin(arrayPushBack(
            arrayMap(
                (before, after) -> ('transition', before, after, emptyArrayString()),
                arrayPushFront(paths.channels, '${START}'),
                arrayPushBack(paths.channels, if(has_converted, '${CONVERSION}', '${NULL}'))),
            ('set', '', '', arraySort(arrayDistinct(paths.channels))))) AS part
    FROM paths
    WHERE notEmpty(paths.channels)
)
GROUP BY window_start, kind, from_channel, to_channel, channels, currency, state
COMMENT 'Counts from which markov and shapley_rate are solved, per day in which paths ended'`;
}
