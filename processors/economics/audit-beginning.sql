-- What follows recomputes economics from the raw events alone, event by event. It follows docs/economics.md
-- and shares nothing with the reads but what they mean.
WITH
    event_lines AS
    (
        SELECT
            event_id,
            sum(quantity * unit_price_minor) AS value_minor,
            sum(ifNull(quantity * (unit_price_minor - unit_cost_minor), 0)) AS margin_minor
        FROM weir.order_lines
        GROUP BY event_id
    ),
    order_events AS
    (
        SELECT
            orders.visitor_id AS visitor, orders.event_id AS event_id, orders.order_id AS order_id, orders.status AS status,
            orders.sales_channel AS sales_channel, orders.currency AS currency,
            toUnixTimestamp64Milli(orders.occurred_at) AS at_ms,
            event_lines.value_minor AS value_minor, event_lines.margin_minor AS margin_minor
        FROM weir.visitor_orders AS orders
        LEFT JOIN event_lines ON event_lines.event_id = orders.event_id
    ),
    placed_events AS
    (
        SELECT * FROM order_events WHERE status = 'placed' AND at_ms >= {from_ms:Int64} AND at_ms < {to_ms:Int64}
    ),
    held_spans AS
    (
        SELECT visitor_token, groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
        FROM weir.bot_standings
        WHERE tier > 0
        GROUP BY visitor_token
    ),
    net_events AS
    (
        SELECT
            visitor_id AS visitor, event_id, toString(kind) AS kind, toString(channel) AS channel, campaign, ifNull(sku, '') AS sku,
            toUnixTimestamp64Milli(occurred_at) AS at_ms
        FROM weir.visitor_clicks
        LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
        WHERE kind NOT IN ('impression', 'beacon') AND at_ms >= {from_ms:Int64} AND at_ms < {to_ms:Int64}
            AND NOT arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans)
    )
