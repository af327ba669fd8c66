/**
 * Paths that ended in [from_ms, to_ms), by the channels they touched and how they ended: rows of `joined` (the
 * channels, one a line), `ending`, `paths` and `value_minor` in `currency`.
 *
 * A visitor's touches and conversions in order of time make its paths: a conversion ends one, and so
 * does a pause longer than the look-back. A converting path has the touches within the look-back.
 */
export const PATHS_SQL = `WITH
  held_spans AS
  (
    SELECT visitor_token, groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
    FROM weir.bot_standings WHERE tier > 0 GROUP BY visitor_token
  ),
  clicked AS
  (
    SELECT
      visitor_id, toUnixTimestamp64Milli(occurred_at) AS at_ms, event_id, channel, kind = 'click' AS is_click,
      at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER visitor > {gap_ms:Int64} AS is_first
    FROM weir.visitor_clicks
    LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
    WHERE kind NOT IN ('impression', 'beacon')
      AND NOT arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans)
      AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64} - 2 * {lookback_ms:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64} + {lookback_ms:Int64}, 'UTC')
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
    WHERE at_ms >= {from_ms:Int64} - 2 * {lookback_ms:Int64} AND at_ms < {to_ms:Int64} + {lookback_ms:Int64}
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
      SELECT *, lagInFrame(is_conversion, 1, 1) OVER before = 1 OR at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER before > {lookback_ms:Int64} AS is_start
      FROM steps
      WINDOW before AS (PARTITION BY visitor_id ORDER BY at_ms, is_conversion, event_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
  ),
  ended AS
  (
    SELECT
      max(is_conversion) AS has_converted, max(at_ms) AS end_ms, max(left_minor) AS value_minor,
      arrayCompact(arrayMap(step -> step.3, arraySort(groupArrayIf((at_ms, event_id, channel), is_conversion = 0 AND at_ms >= until_ms - {lookback_ms:Int64})))) AS channels
    FROM (SELECT *, max(at_ms) OVER (PARTITION BY visitor_id, number) AS until_ms FROM numbered)
    GROUP BY visitor_id, number
    HAVING end_ms >= {from_ms:Int64} AND end_ms < {to_ms:Int64}
  ),
  paths AS
  (
    SELECT *, multiIf(has_converted = 1, 'conversion', end_ms + {lookback_ms:Int64} <= {watermark_ms:Int64}, 'null', 'provisional') AS ending
    FROM ended
  )
  SELECT arrayStringConcat(channels, '\\n') AS joined, ending, toUInt32(count()) AS paths, toFloat64(sum(value_minor)) AS value_minor
  FROM paths GROUP BY channels, ending ORDER BY paths DESC, joined`;
