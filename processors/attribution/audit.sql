-- Recomputes weir.attribution_1h from the raw events alone, for hours in [from, to).
-- It follows the definitions and shares nothing with the operator but the rule that makes rounding
-- the same everywhere: weights are whole numbers (docs/attribution.md), so remainders are too.
-- What is held of visitors is taken from weir.bot_standings as it is.
WITH
    held_spans AS
    (
        SELECT
            visitor_token,
            groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at), tier)) AS spans
        FROM weir.bot_standings
        WHERE tier > 0
        GROUP BY visitor_token
    ),
    ordering_visitors AS
    (
        -- Nobody else has a conversion in the range; the rest of the events need not be looked at.
        SELECT DISTINCT visitor_id
        FROM weir.visitor_orders
        WHERE status = 'placed'
            AND occurred_at >= {from:DateTime64(3, 'UTC')} AND occurred_at < {to:DateTime64(3, 'UTC')}
    ),
    net_clicks AS
    (
        -- No path reaches further back than the look-back, and no session begins more than a gap before it.
        SELECT
            visitor_id,
            toUnixTimestamp64Milli(occurred_at) AS at_ms,
            event_id,
            kind = 'click' AS is_click,
            channel,
            ifNull(campaign, '') AS campaign,
            at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER visitor > toInt64({gap_ms:UInt64}) AS is_first
        FROM weir.visitor_clicks
        WHERE kind NOT IN ('impression', 'beacon')
            AND visitor_id IN (SELECT visitor_id FROM ordering_visitors)
            AND occurred_at >= fromUnixTimestamp64Milli(
                toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) - toInt64({lookback_ms:UInt64} + {gap_ms:UInt64}), 'UTC')
            AND occurred_at < {to:DateTime64(3, 'UTC')}
        WINDOW visitor AS (PARTITION BY visitor_id ORDER BY toUnixTimestamp64Milli(occurred_at), event_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    numbered_clicks AS
    (
        SELECT
            visitor_id, at_ms, event_id, is_click, is_first, channel, campaign,
            sum(is_first) OVER (PARTITION BY visitor_id ORDER BY at_ms, event_id
                                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session_number
        FROM net_clicks
    ),
    visitor_touches AS
    (
        SELECT
            visitor_id,
            arraySort(groupArray((at_ms, event_id, channel, campaign, session_number))) AS touches
        FROM numbered_clicks
        WHERE is_click OR is_first
        GROUP BY visitor_id
    ),
    order_events AS
    (
        SELECT
            orders.visitor_id AS visitor_id,
            orders.order_id AS order_id,
            orders.status AS status,
            toUnixTimestamp64Milli(orders.occurred_at) AS at_ms,
            orders.event_id AS event_id,
            orders.currency AS currency,
            ifNull(line_values.value_minor, 0) AS value_minor
        FROM weir.visitor_orders AS orders
        LEFT JOIN
        (
            SELECT event_id, sum(quantity * unit_price_minor) AS value_minor
            FROM weir.order_lines
            WHERE event_id IN
            (
                SELECT event_id FROM weir.visitor_orders WHERE visitor_id IN (SELECT visitor_id FROM ordering_visitors)
            )
            GROUP BY event_id
        ) AS line_values ON line_values.event_id = orders.event_id
        WHERE orders.status IN ('placed', 'returned', 'cancelled')
            AND orders.visitor_id IN (SELECT visitor_id FROM ordering_visitors)
    ),
    -- A pause longer than returns are kept ends an order; what follows under its id is another one.
    paused_events AS
    (
        SELECT
            *,
            at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > toInt64({returns_kept_ms:UInt64}) AS is_first
        FROM order_events
    ),
    numbered_events AS
    (
        SELECT
            *,
            sum(is_first) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS order_number
        FROM paused_events
    ),
    grouped_orders AS
    (
        SELECT
            visitor_id,
            argMinIf((at_ms, event_id, currency, value_minor), (at_ms, event_id), status = 'placed') AS placed,
            groupArrayIf((currency, value_minor), status = 'returned') AS returns
        FROM numbered_events
        GROUP BY visitor_id, order_id, order_number
        HAVING countIf(status = 'placed') > 0 AND countIf(status = 'cancelled') = 0
    ),
    standing_orders AS
    (
        SELECT
            visitor_id,
            placed.1 AS placed_ms,
            placed.2 AS event_id,
            placed.3 AS currency,
            greatest(0, placed.4 - arraySum(part -> if(part.1 = placed.3, part.2, 0), returns)) AS value_minor
        FROM grouped_orders
    ),
    conversions AS
    (
        SELECT
            visitor_id, placed_ms, currency, value_minor,
            lagInFrame(placed_ms, 1, toInt64(0)) OVER (
                PARTITION BY visitor_id ORDER BY placed_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS previous_ms
        FROM standing_orders
    ),
    paths AS
    (
        SELECT
            conversions.placed_ms AS placed_ms,
            conversions.currency AS currency,
            conversions.value_minor AS value_minor,
            held_spans.spans AS spans,
            arraySlice(
                arrayFilter(
                    touch -> touch.1 > conversions.previous_ms
                        AND touch.1 <= conversions.placed_ms
                        AND touch.1 >= conversions.placed_ms - toInt64({lookback_ms:UInt64}),
                    visitor_touches.touches
                ),
                -toInt64({touches_max:UInt64})
            ) AS newest_touches,
            arrayFilter(
                touch -> NOT arrayExists(span -> touch.1 >= span.1 AND touch.1 < span.2, spans),
                newest_touches
            ) AS raw_path,
            arrayFilter(
                (touch, before, number) -> number = 1 OR touch.3 != before.3 OR touch.5 != before.5,
                raw_path,
                arrayPopBack(arrayPushFront(raw_path, raw_path[1])),
                arrayEnumerate(raw_path)
            ) AS touched_path,
            if(empty(touched_path),
               [(placed_ms, '', 'unattributed', '', toUInt64(0))],
               touched_path) AS path
        FROM conversions
        LEFT JOIN visitor_touches ON visitor_touches.visitor_id = conversions.visitor_id
        LEFT JOIN held_spans ON held_spans.visitor_token = conversions.visitor_id
        WHERE NOT arrayExists(span -> conversions.placed_ms >= span.1 AND conversions.placed_ms < span.2, held_spans.spans)
          AND conversions.placed_ms >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')})
          AND conversions.placed_ms < toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')})
    ),
    weighed_paths AS
    (
        SELECT
            placed_ms, currency, value_minor, path, model,
            length(path) AS size,
            arrayEnumerate(path) AS numbers,
            arrayMap(touch -> touch.3, path) AS channels,
            arrayLastIndex(channel -> channel != 'direct', channels) AS last_non_direct,
            -- 2^-x in whole multiples of 2^-32: x = whole + rest, 2^-rest by sixteen terms of its series.
            arrayMap(touch -> (path[-1].1 - touch.1) / toFloat64({half_life_ms:UInt64}), path) AS ages,
            arrayMap(
                age -> if(floor(age) > 32, 0., floor(
                    arrayFold(
                        (power, term) -> 1. + (-(age - floor(age)) * 0.6931471805599453 / term) * power,
                        arrayReverse(range(1, 17)),
                        toFloat64(1)
                    ) * 4294967296. / toFloat64(bitShiftLeft(toUInt64(1), toUInt8(least(floor(age), 32.))))
                )),
                ages
            ) AS decayed,
            arrayMap(weight -> toInt128(weight), multiIf(
                model = 'first', arrayMap(number -> toUInt64(number = 1), numbers),
                model = 'last', arrayMap(number -> toUInt64(number = size), numbers),
                model = 'last_non_direct',
                    arrayMap(number -> toUInt64(number = if(last_non_direct = 0, size, last_non_direct)), numbers),
                model = 'position',
                    arrayMap(number -> toUInt64(if(size > 2 AND number IN (1, size), 2 * (size - 2), 1)), numbers),
                model = 'time_decay', arrayMap(weight -> toUInt64(weight), decayed),
                model = 'shapley',
                    arrayMap(number -> toUInt64(indexOf(channels, channels[number]) = number), numbers),
                arrayMap(number -> toUInt64(1), numbers)
            )) AS weights
        FROM paths
        ARRAY JOIN
            ['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'shapley'] AS model
    ),
    split_paths AS
    (
        SELECT
            placed_ms, currency, model, path, numbers,
            [toInt128(1000), toInt128(value_minor)] AS totals,
            arrayMap(total -> arrayMap(weight -> intDiv(total * weight, arraySum(weights)), weights), totals) AS parts,
            arrayMap(
                (total, rounded_down) -> arraySlice(
                    arraySort((number, weight) -> (-((total * weight) % arraySum(weights)), number), numbers, weights),
                    1,
                    toInt64(total - arraySum(rounded_down))
                ),
                totals, parts
            ) AS rounded_up
        FROM weighed_paths
    )
SELECT
    toDateTime64(toStartOfHour(fromUnixTimestamp64Milli(placed_ms, 'UTC')), 3, 'UTC') AS window_start,
    model,
    path[number].3 AS channel,
    path[number].4 AS campaign,
    currency,
    sum(toInt64(parts[1][number]) + has(rounded_up[1], number)) AS conversions_milli,
    sum(toInt64(parts[2][number]) + has(rounded_up[2], number)) AS credit_minor
FROM split_paths
ARRAY JOIN numbers AS number
WHERE has({models:Array(String)}, model)
GROUP BY window_start, model, channel, campaign, currency
HAVING conversions_milli != 0 OR credit_minor != 0
