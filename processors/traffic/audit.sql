-- Recomputes weir.channel_1m from the raw events alone, for minutes in [from, to), which are whole
-- minutes. It follows docs/traffic.md and shares nothing with the operators. What is held of visitors
-- is taken from weir.bot_standings as it is. A visitor or an order beyond the operators' bounds may differ.
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
    net_clicks AS
    (
        -- One gap before `from`, to know whether the first clicks of the range continue a session.
        SELECT
            visitor_id,
            channel,
            kind,
            occurred_at,
            toUnixTimestamp64Milli(occurred_at) AS at_ms,
            -- The tier by which the click is withdrawn, 0 when it counts.
            arrayFirst(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans).3 AS tier,
            lagInFrame(at_ms, 1, toInt64(0)) OVER (
                PARTITION BY visitor_id ORDER BY toUnixTimestamp64Milli(occurred_at), channel
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before_ms
        FROM weir.visitor_clicks AS clicks
        LEFT JOIN held_spans ON held_spans.visitor_token = clicks.visitor_id
        WHERE kind NOT IN ('impression', 'beacon')
            AND occurred_at >= fromUnixTimestamp64Milli(toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) - toInt64({gap_ms:UInt64}), 'UTC')
            AND occurred_at < {to:DateTime64(3, 'UTC')}
    ),
    order_events AS
    (
        -- Every event of the orders that have one in the range: what came before decides what is left.
        SELECT
            orders.visitor_id AS visitor_id,
            orders.order_id AS order_id,
            orders.event_id AS event_id,
            orders.status AS status,
            orders.occurred_at AS occurred_at,
            toUnixTimestamp64Milli(orders.occurred_at) AS at_ms,
            orders.sales_channel AS channel,
            orders.currency AS currency,
            lines.value_minor AS value_minor,
            lines.units AS units,
            lines.margin_minor AS margin_minor,
            lines.lines_without_cost AS lines_without_cost
        FROM weir.visitor_orders AS orders
        LEFT JOIN
        (
            SELECT
                event_id,
                sum(quantity * unit_price_minor) AS value_minor,
                sum(quantity) AS units,
                sum(ifNull(quantity * (unit_price_minor - unit_cost_minor), 0)) AS margin_minor,
                toInt64(countIf(unit_cost_minor IS NULL)) AS lines_without_cost
            FROM weir.order_lines
            GROUP BY event_id
        ) AS lines ON lines.event_id = orders.event_id
        WHERE orders.status IN ('placed', 'returned', 'cancelled')
            AND (orders.visitor_id, orders.order_id) IN
            (
                SELECT visitor_id, order_id
                FROM weir.visitor_orders
                WHERE occurred_at >= {from:DateTime64(3, 'UTC')} AND occurred_at < {to:DateTime64(3, 'UTC')}
            )
    ),
    paused_orders AS
    (
        SELECT
            *,
            at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > toInt64({returns_kept_ms:UInt64}) AS is_new
        FROM order_events
    ),
    numbered_orders AS
    (
        -- After a pause longer than returns are kept an order id is another order.
        SELECT
            *,
            sum(is_new) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM paused_orders
    ),
    placed_orders AS
    (
        SELECT
            *,
            countIf(status = 'placed') OVER whole > 0 AS is_known,
            argMinIf(event_id, (at_ms, event_id), status = 'placed') OVER whole AS placed_id,
            argMinIf(value_minor, (at_ms, event_id), status = 'placed') OVER whole AS placed_minor,
            argMinIf(channel, (at_ms, event_id), status = 'placed') OVER whole AS placed_channel,
            argMinIf(currency, (at_ms, event_id), status = 'placed') OVER whole AS placed_currency
        FROM numbered_orders
        WINDOW whole AS (PARTITION BY visitor_id, order_id, number)
    ),
    booked_orders AS
    (
        SELECT
            *,
            sumIf(value_minor, status = 'returned' AND currency = placed_currency) OVER earlier AS returned_minor,
            countIf(status = 'cancelled') OVER earlier AS cancelled_before
        FROM placed_orders
        WINDOW earlier AS (
            PARTITION BY visitor_id, order_id, number ORDER BY at_ms, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    orders_in_range AS
    (
        SELECT *
        FROM booked_orders
        WHERE occurred_at >= {from:DateTime64(3, 'UTC')} AND occurred_at < {to:DateTime64(3, 'UTC')}
    ),
    spends AS
    (
        -- With amount = quotient · n + rest no product leaves 64 bits.
        SELECT
            ifNull(channel, '') AS channel,
            ifNull(currency, '') AS currency,
            intDiv(toUnixTimestamp64Milli(assumeNotNull(`from`)), 60000) AS first_minute,
            intDiv(toUnixTimestamp64Milli(assumeNotNull(`to`)) + 59999, 60000) - first_minute AS n,
            intDiv(assumeNotNull(amount_minor), n) AS quotient,
            assumeNotNull(amount_minor) - quotient * n AS rest,
            arrayJoin(range(toUInt64(n))) AS minute
        FROM weir.reference
        WHERE kind = 'spend' AND `to` > `from`
            AND toUnixTimestamp64Milli(assumeNotNull(`to`)) - toUnixTimestamp64Milli(assumeNotNull(`from`)) <= 31 * 86400000
            AND `to` > {from:DateTime64(3, 'UTC')} AND `from` < {to:DateTime64(3, 'UTC')}
    ),
    amounts AS
    (
        SELECT occurred_at AS at, channel, '' AS currency, if(kind = 'impression', 'impressions', 'clicks_gross') AS name, toInt64(1) AS amount
        FROM weir.clicks
        WHERE kind != 'beacon' AND occurred_at >= {from:DateTime64(3, 'UTC')} AND occurred_at < {to:DateTime64(3, 'UTC')}
        UNION ALL
        SELECT occurred_at, channel, '', 'add_to_carts', 1
        FROM net_clicks
        WHERE kind = 'add_to_cart' AND tier = 0 AND occurred_at >= {from:DateTime64(3, 'UTC')}
        UNION ALL
        SELECT occurred_at, channel, '', if(tier = 1, 'clicks_givt', 'clicks_sivt'), 1
        FROM net_clicks
        WHERE tier > 0 AND occurred_at >= {from:DateTime64(3, 'UTC')}
        UNION ALL
        SELECT min(occurred_at), channel, '', 'visitors', toInt64(uniqExact(visitor_id))
        FROM net_clicks
        WHERE tier = 0 AND occurred_at >= {from:DateTime64(3, 'UTC')}
        GROUP BY toStartOfMinute(occurred_at), channel
        UNION ALL
        SELECT occurred_at, channel, '', 'sessions', 1
        FROM net_clicks
        WHERE tier = 0 AND occurred_at >= {from:DateTime64(3, 'UTC')} AND at_ms - before_ms > toInt64({gap_ms:UInt64})
        UNION ALL
        SELECT occurred_at, channel, currency, booked.1, booked.2
        FROM orders_in_range
        ARRAY JOIN
            [('orders', toInt64(1)), ('units', units), ('revenue_minor', value_minor), ('margin_minor', margin_minor),
             ('lines_without_cost', lines_without_cost)] AS booked
        WHERE status = 'placed' AND event_id = placed_id
        UNION ALL
        SELECT occurred_at, channel, currency, 'returns_minor', value_minor
        FROM orders_in_range
        WHERE status = 'returned'
        UNION ALL
        SELECT occurred_at, placed_channel, placed_currency, 'returns_minor', greatest(placed_minor - returned_minor, 0)
        FROM orders_in_range
        WHERE status = 'cancelled' AND is_known AND cancelled_before = 0
        UNION ALL
        SELECT
            fromUnixTimestamp64Milli((first_minute + toInt64(minute)) * 60000, 'UTC') AS at,
            channel,
            currency,
            'spend_minor',
            toInt64(quotient + intDiv(rest * (minute + 1), n) - intDiv(rest * minute, n))
        FROM spends
        WHERE at >= {from:DateTime64(3, 'UTC')} AND at < {to:DateTime64(3, 'UTC')}
    )
SELECT
    CAST(toStartOfMinute(at) AS DateTime64(3, 'UTC')) AS window_start,
    channel,
    currency,
    sumIf(amount, name = 'impressions') AS impressions,
    sumIf(amount, name = 'clicks_gross') AS clicks_gross,
    clicks_gross - clicks_givt - clicks_sivt AS clicks_net,
    sumIf(amount, name = 'clicks_givt') AS clicks_givt,
    sumIf(amount, name = 'clicks_sivt') AS clicks_sivt,
    sumIf(amount, name = 'visitors') AS visitors,
    sumIf(amount, name = 'sessions') AS sessions,
    sumIf(amount, name = 'add_to_carts') AS add_to_carts,
    sumIf(amount, name = 'orders') AS orders,
    sumIf(amount, name = 'units') AS units,
    sumIf(amount, name = 'revenue_minor') AS revenue_minor,
    sumIf(amount, name = 'margin_minor') AS margin_minor,
    sumIf(amount, name = 'returns_minor') AS returns_minor,
    sumIf(amount, name = 'lines_without_cost') AS lines_without_cost,
    sumIf(amount, name = 'spend_minor') AS spend_minor
FROM amounts
WHERE amount != 0
GROUP BY window_start, channel, currency
