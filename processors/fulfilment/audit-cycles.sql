-- Recomputes weir.fulfilment_cycles_1h from the raw events alone. It follows docs/fulfilment.md and shares nothing
-- with the operator. An order beyond the operator's bounds may differ.
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
        FROM weir.orders
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
            argMinIf((at, zone_name, node), (at, event_id), status = 'placed') AS promise,
            minIf((at, event_id), status = 'delivered') AS delivery,
            minIf((at, event_id), status = 'cancelled') AS cancellation,
            countIf(status = 'cancelled') > 0 AS is_cancelled
        FROM numbered
        GROUP BY visitor_id, order_id, number
        HAVING countIf(status = 'placed') > 0 AND countIf(status = 'delivered') > 0
            AND NOT (is_cancelled AND cancellation < delivery)
    )
SELECT
    fromUnixTimestamp64Milli(intDiv(delivery.1, 3600000) * 3600000, 'UTC') AS window_start,
    promise.2 AS zone,
    promise.3 AS node_id,
    if(delivery.1 - promise.1 <= 1, 0, toInt64(ceil(log(delivery.1 - promise.1) / log(1.01 / 0.99)))) AS bin,
    count() AS cycles
FROM orders
WHERE window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, zone, node_id, bin
