SELECT
    sales_channel AS channel, toFloat64(count()) AS customers,
    sum(toInt128(value)) AS y, sum(toInt128(value) * value) AS yy,
    sum(toInt128(orders)) AS d, sum(toInt128(orders) * orders) AS dd, sum(toInt128(value) * orders) AS yd
FROM
(
    SELECT visitor, sales_channel, sum(value_minor) AS value, count(DISTINCT order_id) AS orders
    FROM placed_events
    WHERE currency = {currency:String}
    GROUP BY visitor, sales_channel
)
GROUP BY channel
