-- Recomputes weir.fulfilment_1h from the raw events alone. It follows docs/fulfilment.md and shares nothing
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
            argMinIf((at, due_ms, zone_name, node), (at, event_id), status = 'placed') AS promise,
            minIf((at, event_id), status = 'delivered') AS delivery,
            minIf((at, event_id), status = 'cancelled') AS cancellation,
            countIf(status = 'delivered') > 0 AS is_delivered,
            countIf(status = 'cancelled') > 0 AS is_cancelled
        FROM numbered
        GROUP BY visitor_id, order_id, number
        HAVING countIf(status = 'placed') > 0 AND NOT (is_cancelled AND (NOT is_delivered OR cancellation < delivery))
    ),
    counts AS
    (
        -- Each an instant and the columns that it adds one to.
        SELECT
            promise.3 AS zone,
            promise.4 AS node_id,
            delivery.1 - promise.1 AS cycle_ms,
            arrayJoin(arrayConcat(
                [
                    (
                        promise.1,
                        arrayConcat(
                            ['placed'],
                            if(is_delivered AND cycle_ms <= 24 * 3600000, ['within_24h'], []),
                            if(is_delivered AND cycle_ms <= 48 * 3600000, ['within_48h'], []),
                            if(is_delivered AND cycle_ms <= 72 * 3600000, ['within_72h'], []))
                    )
                ],
                if(
                    promise.2 IS NULL,
                    [],
                    [
                        (
                            assumeNotNull(promise.2),
                            arrayConcat(
                                ['due'],
                                if(is_delivered, [if(delivery.1 <= assumeNotNull(promise.2), 'on_time', 'delivered_late')], []))
                        )
                    ]),
                if(is_delivered, [(delivery.1, ['cycles'])], []))) AS entry
        FROM orders
    )
SELECT
    fromUnixTimestamp64Milli(intDiv(entry.1, 3600000) * 3600000, 'UTC') AS window_start,
    zone,
    node_id,
    countIf(has(entry.2, 'due')) AS due,
    countIf(has(entry.2, 'on_time')) AS on_time,
    countIf(has(entry.2, 'delivered_late')) AS delivered_late,
    countIf(has(entry.2, 'placed')) AS placed,
    countIf(has(entry.2, 'within_24h')) AS within_24h,
    countIf(has(entry.2, 'within_48h')) AS within_48h,
    countIf(has(entry.2, 'within_72h')) AS within_72h,
    countIf(has(entry.2, 'cycles')) AS cycles
FROM counts
WHERE window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, zone, node_id
