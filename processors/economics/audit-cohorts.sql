SELECT
    toUnixTimestamp64Milli(toDateTime64(month, 3, 'UTC')) AS cohort_ms,
    toFloat64(count()) AS customers,
    toFloat64(countIf(hasRepurchased)) AS repurchased,
    sum(margin) AS margin_minor,
    toFloat64(countIf(hasBefore)) AS before,
    toFloat64(countIf(hasBefore AND hasWithin)) AS retained
FROM
(
    SELECT
        toStartOfMonth(fromUnixTimestamp64Milli(minIf(placed_ms, number = 1), 'UTC')) AS month,
        countIf(number = 2 AND placed_ms - first_ms <= toInt64(90) * 86400000) > 0 AS hasRepurchased,
        toFloat64(sum(margin_minor)) AS margin,
        max(placed_ms < {from_ms:Int64} AND placed_ms >= {from_ms:Int64} - ({to_ms:Int64} - {from_ms:Int64})) AS hasBefore,
        max(placed_ms < {to_ms:Int64} AND placed_ms >= {from_ms:Int64}) AS hasWithin
    FROM
    (
        SELECT
            *,
            row_number() OVER (PARTITION BY visitor ORDER BY placed_ms, order_id) AS number,
            min(placed_ms) OVER (PARTITION BY visitor) AS first_ms
        FROM
        (
            SELECT
                visitor, order_id, minIf(at_ms, status = 'placed') AS placed_ms,
                sumIf(multiIf(status = 'placed', margin_minor, status = 'returned', -margin_minor, 0), currency = {currency:String}) AS margin_minor
            FROM order_events
            GROUP BY visitor, order_id
            HAVING has(groupArray(status), 'placed') AND NOT has(groupArray(status), 'cancelled')
        )
    )
    GROUP BY visitor
)
GROUP BY month
