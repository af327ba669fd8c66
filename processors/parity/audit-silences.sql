-- Recomputes when feeds of prices were silent for too long; goes on from audit-beginning.sql.
    ,
    followed AS
    (
        SELECT
            *,
            leadInFrame(at, 1, toInt64(9007199254740991)) OVER (
                PARTITION BY sku, channel ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_ms
        FROM moments
    ),
    marks AS
    (
        SELECT sku, channel, at AS at_ms, is_known AND stale_at <= at AS is_silent
        FROM followed
        UNION ALL
        SELECT sku, channel, toInt64(stale_at), true
        FROM followed
        WHERE is_known AND stale_at > at AND stale_at < next_ms
    ),
    turns AS
    (
        SELECT
            *,
            is_silent != lagInFrame(is_silent, 1, false) OVER (
                PARTITION BY sku, channel ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS is_turn
        FROM marks
    ),
    ended AS
    (
        SELECT
            *,
            leadInFrame(at_ms, 1, toInt64(0)) OVER (
                PARTITION BY sku, channel ORDER BY at_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS resolved_ms,
            (SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress) AS known_ms
        FROM turns
        WHERE is_turn
    )
SELECT
    concat(sku, ' on ', channel) AS subject,
    fromUnixTimestamp64Milli(at_ms, 'UTC') AS opened_at,
    if(resolved_ms = 0 OR resolved_ms > known_ms, 'open', toString(fromUnixTimestamp64Milli(resolved_ms, 'UTC'))) AS resolved
FROM ended
WHERE is_silent AND at_ms <= known_ms
