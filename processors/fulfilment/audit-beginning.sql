-- Every order with its promise, from the raw events alone: what the audits of fulfilment_1h, fulfilment_cycles_1h
-- and fulfilment_reasons_1h begin with. It follows docs/fulfilment.md and shares nothing with the operator.
-- An order beyond the operator's bounds may differ.
WITH
    events AS
    (
        SELECT
            visitor_id, order_id, event_id, status,
            toUnixTimestamp64Milli(occurred_at) AS at,
            toUnixTimestamp64Milli(due_at) AS due_ms,
            toString(ifNull(zone, '')) AS zone_name,
            if(ifNull(node_id, '') = '', 'default', toString(assumeNotNull(node_id))) AS node,
            toString(ifNull(fulfilment, '')) AS way,
            toString(ifNull(reason, '')) AS why
        FROM weir.visitor_orders
    ),
    paused AS
    (
        -- After a pause longer than returns are kept an order id is another order.
        SELECT
            *,
            at - lagInFrame(at, 1, at) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > toInt64({returns_kept_ms:UInt64}) AS is_new
        FROM events
    ),
    numbered AS
    (
        SELECT
            *,
            sum(is_new) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM paused
    ),
    orders AS
    (
        SELECT
            argMinIf((at, due_ms, zone_name, node), (at, event_id), status = 'placed') AS promise,
            minIf((at, event_id), status = 'delivered') AS delivery,
            minIf((at, event_id), status = 'cancelled') AS cancellation,
            countIf(status = 'delivered') > 0 AS is_delivered,
            countIf(status = 'cancelled') > 0 AS is_cancelled
        FROM numbered
        GROUP BY visitor_id, order_id, number
        HAVING countIf(status = 'placed') > 0 AND NOT (is_cancelled AND (NOT is_delivered OR cancellation < delivery))
    )
