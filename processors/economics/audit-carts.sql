,
    carts AS
    (
        SELECT visitor, at_ms, channel, sku
        FROM net_events
        WHERE kind = 'add_to_cart'
        ORDER BY at_ms, event_id
        LIMIT 1 BY visitor, intDiv(at_ms, 86400000)
    ),
    sku_prices AS
    (
        SELECT sku, groupArray((toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at), toString(side))) AS spans
        FROM weir.parity_segments
        GROUP BY sku
    ),
    sku_outages AS
    (
        SELECT sku, groupArray((toUnixTimestamp64Milli(opened_at), toUnixTimestamp64Milli(ifNull(resolved_at, toDateTime64('2200-01-01', 3, 'UTC'))))) AS spans
        FROM weir.stock_sku_outages
        GROUP BY sku
    ),
    order_times AS
    (
        SELECT visitor, groupArray(at_ms) AS times
        FROM order_events
        WHERE status = 'placed'
        GROUP BY visitor
    ),
    judged AS
    (
        SELECT
            carts.channel AS channel,
            carts.at_ms + 86400000 <= {watermark_ms:Int64} AS is_over,
            arrayCount(time -> time - carts.at_ms BETWEEN 0 AND 86399999, order_times.times) > 0 AS is_ordered,
            multiIf(carts.sku = '', 'unknown',
                arrayCount(span -> carts.at_ms >= span.1 AND carts.at_ms < span.2, sku_outages.spans) > 0, 'out', 'in_stock') AS stock,
            arrayMap(span -> span.3, arrayFilter(span -> carts.at_ms >= span.1 AND carts.at_ms < span.2, sku_prices.spans)) AS sides,
            multiIf(has(sides, 'UNDER'), 'under', has(sides, 'OVER'), 'over', has(sides, 'PARITY'), 'parity', 'unknown') AS parity
        FROM carts
        LEFT JOIN order_times ON order_times.visitor = carts.visitor
        LEFT JOIN sku_outages ON sku_outages.sku = carts.sku
        LEFT JOIN sku_prices ON sku_prices.sku = carts.sku
    )
SELECT
    channel, stock, parity,
    toFloat64(sum(is_over)) AS carts, toFloat64(countIf(is_over AND NOT is_ordered)) AS abandoned, toFloat64(count() - sum(is_over)) AS pending
FROM judged
GROUP BY channel, stock, parity
