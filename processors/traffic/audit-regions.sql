-- Recomputes weir.region_1h from the raw events alone, for hours in [from, to), which are whole hours.
-- It follows docs/traffic.md and shares nothing with the operators.
WITH
    order_events AS
    (
        SELECT
            orders.visitor_id AS visitor_id, orders.order_id AS order_id, orders.event_id AS event_id, orders.status AS status,
            toUnixTimestamp64Milli(orders.occurred_at) AS at_ms, orders.currency AS currency, orders.region AS region,
            ifNull(lines.value_minor, 0) AS value_minor
        FROM weir.visitor_orders AS orders
        LEFT JOIN
        (
            SELECT event_id, sum(quantity * unit_price_minor) AS value_minor FROM weir.order_lines GROUP BY event_id
        ) AS lines ON lines.event_id = orders.event_id
        WHERE orders.status IN ('placed', 'returned', 'cancelled')
            AND (orders.visitor_id, orders.order_id) IN
            (
                SELECT visitor_id, order_id
                FROM weir.visitor_orders
                WHERE occurred_at >= {from:DateTime64(3, 'UTC')} AND occurred_at < {to:DateTime64(3, 'UTC')}
            )
    ),
    -- After a pause longer than returns are kept an order id is another order: its events, in order of time.
    orders_whole AS
    (
        SELECT
            currency_of.1 AS order_currency, currency_of.2 AS order_region, currency_of.3 AS placed_minor, currency_of.4 AS placed_id,
            arrayJoin(arrayEnumerate(events)) AS at, events
        FROM
        (
            SELECT
                visitor_id, order_id, arrayJoin(arraySplit(
                    (event, pause_ms) -> pause_ms > toInt64({returns_kept_ms:UInt64}),
                    sorted, arrayDifference(arrayMap(event -> event.1, sorted)))) AS events,
                arrayFirst(event -> event.3 = 'placed', events) AS placed,
                (placed.4, ifNull(placed.5, ''), placed.6, placed.2) AS currency_of
            FROM
            (
                SELECT
                    visitor_id, order_id,
                    arraySort(event -> (event.1, event.2), groupArray((at_ms, event_id, toString(status), currency, region, value_minor))) AS sorted
                FROM order_events
                GROUP BY visitor_id, order_id
            )
        )
    ),
    booked AS
    (
        SELECT
            events[at] AS event,
            event.2 = placed_id AS is_order,
            placed_id != '' AND NOT arrayExists(earlier -> earlier.3 = 'cancelled', arraySlice(events, 1, at - 1)) AS is_standing,
            arraySum(earlier -> if(earlier.3 = 'returned' AND earlier.4 = order_currency, earlier.6, 0), arraySlice(events, 1, at - 1)) AS returned_minor,
            toInt64(event.3 = 'placed' AND is_order) AS orders,
            if(event.3 = 'cancelled', order_region, coalesce(event.5, order_region)) AS region,
            if(event.3 = 'cancelled', order_currency, event.4) AS currency,
            if(event.3 = 'placed' AND is_order, event.6, 0) AS revenue_minor,
            multiIf(
                event.3 = 'returned', event.6,
                event.3 = 'cancelled' AND is_standing, greatest(placed_minor - returned_minor, 0),
                0) AS returns_minor
        FROM orders_whole
    )
SELECT
    CAST(toStartOfHour(fromUnixTimestamp64Milli(event.1, 'UTC')) AS DateTime64(3, 'UTC')) AS window_start,
    region,
    currency,
    sum(booked.orders) AS orders,
    toInt64(sum(booked.revenue_minor)) AS revenue_minor,
    toInt64(sum(booked.returns_minor)) AS returns_minor
FROM booked
WHERE event.1 >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')}) AND event.1 < toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')})
GROUP BY window_start, region, currency
