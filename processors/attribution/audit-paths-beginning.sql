-- The paths of visitors from the raw events alone, visitor by visitor, in lists. It follows
-- docs/attribution.md and shares nothing with the read and the view but what they mean.
WITH
    held_spans AS
    (
        SELECT visitor_token, groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
        FROM weir.bot_standings
        WHERE tier > 0
        GROUP BY visitor_token
    ),
    clicked AS
    (
        SELECT
            visitor_id AS visitor,
            arrayFilter(
                click -> NOT arrayExists(span -> click.1 >= span.1 AND click.1 < span.2, any(held_spans.spans)),
                arraySort(groupArray((toUnixTimestamp64Milli(occurred_at), event_id, toString(channel), kind = 'click')))) AS clicks
        FROM weir.visitor_clicks
        LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
        WHERE kind NOT IN ('impression', 'beacon')
        GROUP BY visitor_id
    ),
    -- A click of kind click, and the first one after a pause, whatever its kind.
    touched AS
    (
        SELECT
            visitor,
            arrayFilter(
                (click, at_ms_before) -> click.4 OR click.1 - at_ms_before > {gap_ms:Int64},
                clicks,
                arrayPushFront(arrayPopBack(arrayMap(click -> click.1, clicks)), toInt64(0))) AS touches
        FROM clicked
        WHERE notEmpty(clicks)
    ),
    order_values AS
    (
        SELECT event_id, sum(quantity * unit_price_minor) AS value_minor FROM weir.order_lines GROUP BY event_id
    ),
    ordered AS
    (
        SELECT
            orders.visitor_id AS visitor,
            arraySort(groupArray((
                toUnixTimestamp64Milli(orders.occurred_at), orders.event_id, toString(orders.status),
                toString(orders.currency), toInt64(order_values.value_minor)))) AS events,
            arrayFirst(event -> event.3 = 'placed', events) AS placed,
            greatest(0, placed.5 - arraySum(event -> if(event.3 = 'returned' AND event.4 = placed.4, event.5, 0), events)) AS left_minor
        FROM weir.visitor_orders AS orders
        LEFT JOIN order_values ON order_values.event_id = orders.event_id
        GROUP BY visitor, orders.order_id
        HAVING placed.3 = 'placed' AND NOT arrayExists(event -> event.3 = 'cancelled', events)
    ),
    -- Time, whether it is a conversion, event, channel or currency, value.
    visitors AS
    (
        SELECT visitor, arraySort(groupArray(step)) AS steps
        FROM
        (
            SELECT visitor, arrayJoin(arrayMap(touch -> (touch.1, toUInt8(0), touch.2, touch.3, toInt64(0)), touches)) AS step FROM touched
            UNION ALL
            SELECT visitor, (placed.1, toUInt8(1), placed.2, placed.4, left_minor) AS step
            FROM ordered
            LEFT JOIN held_spans ON held_spans.visitor_token = visitor
            WHERE NOT arrayExists(span -> placed.1 >= span.1 AND placed.1 < span.2, held_spans.spans)
        )
        GROUP BY visitor
    ),
    ended AS
    (
        SELECT
            arrayJoin(arraySplit(
                (step, before) -> before.2 = 1 OR step.1 - before.1 > {lookback_ms:Int64},
                steps,
                arrayPushFront(arrayPopBack(steps), steps[1]))) AS path,
            path[-1] AS last,
            arrayCompact(arrayMap(
                step -> step.4,
                arrayFilter(step -> step.2 = 0 AND step.1 >= last.1 - {lookback_ms:Int64}, path))) AS channels
        FROM visitors
    )
