-- Recomputes weir.fulfilment_reasons_1h from the raw events alone. It follows docs/fulfilment.md and shares nothing
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
    counted AS
    (
        -- Of one order the first placed event and the first cancellation, and every return.
        SELECT
            *,
            row_number() OVER (PARTITION BY visitor_id, order_id, number, status ORDER BY at, event_id) AS nth
        FROM numbered
        WHERE status IN ('placed', 'cancelled', 'returned')
    )
SELECT
    fromUnixTimestamp64Milli(intDiv(at, 3600000) * 3600000, 'UTC') AS window_start,
    way AS fulfilment,
    toString(counted.status) AS status,
    if(status = 'placed', '', why) AS reason,
    count() AS orders
FROM counted
WHERE (nth = 1 OR counted.status = 'returned')
    AND window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, fulfilment, status, reason
