SELECT sales_channel AS channel, toFloat64(sum(was_before)) AS before, toFloat64(sum(was_before * is_back)) AS retained
FROM
(
    SELECT
        visitor, sales_channel,
        max(first_ms < {from_ms:Int64} AND first_ms >= {from_ms:Int64} - ({to_ms:Int64} - {from_ms:Int64})) AS was_before,
        max(first_ms >= {from_ms:Int64} AND first_ms < {to_ms:Int64}) AS is_back
    FROM
    (
        SELECT visitor, tupleElement(first_placed, 1) AS first_ms, tupleElement(first_placed, 4) AS sales_channel
        FROM
        (
            SELECT
                visitor,
                arrayFirst(event -> event.3 = 'placed', arraySort(groupArray((at_ms, event_id, toString(status), toString(sales_channel))))) AS first_placed,
                groupArray(status) AS statuses
            FROM order_events
            GROUP BY visitor, order_id
        )
        WHERE has(statuses, 'placed') AND NOT has(statuses, 'cancelled')
    )
    GROUP BY visitor, sales_channel
)
GROUP BY sales_channel
HAVING before > 0
