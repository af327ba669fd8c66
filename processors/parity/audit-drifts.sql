-- Recomputes when prices were out of parity, on which side and why; goes on from audit-runs.sql.
    ,
    followed AS
    (
        SELECT
            *,
            leadInFrame(at, 1, toInt64(until_ms + 1)) OVER (
                PARTITION BY sku, channel ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_ms,
            began.1 + toInt64({dwell_ms:UInt64}) AS lasted_ms,
            run != 0 AND lasted_ms < least(next_ms, stale_at) AS has_lasted
        FROM runs
    ),
    turned AS
    (
        SELECT
            *,
            half_side != lagInFrame(half_side, 1, 0) OVER (
                PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS is_turn
        FROM followed
        WHERE is_observed
    ),
    halves AS
    (
        -- A drift goes on as long as the price is on its side of half the tolerance.
        SELECT *, sum(is_turn) OVER (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM turned
    ),
    drifts AS
    (
        SELECT
            sku,
            channel,
            min(at) AS from_ms,
            any(half_side) AS side,
            countIf(has_lasted) > 0 AS is_drift,
            minIf(lasted_ms, has_lasted) AS opened_ms,
            argMinIf(began, at, has_lasted) AS cause
        FROM halves
        GROUP BY sku, channel, number
    ),
    ended AS
    (
        SELECT
            *,
            leadInFrame(from_ms, 1, toInt64(0)) OVER (
                PARTITION BY sku, channel ORDER BY from_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS resolved_ms,
            (SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress) AS known_ms
        FROM drifts
    )
SELECT
    concat(sku, ' on ', channel) AS subject,
    fromUnixTimestamp64Milli(opened_ms, 'UTC') AS opened_at,
    if(resolved_ms = 0 OR resolved_ms > known_ms, 'open', toString(fromUnixTimestamp64Milli(resolved_ms, 'UTC'))) AS resolved,
    concat(
        if(side < 0, 'below ', 'above '), {reference_channel:String},
        ' since ', formatDateTime(fromUnixTimestamp64Milli(cause.1, 'UTC'), '%Y-%m-%d %H:%i'), ' UTC: ',
        multiIf(
            cause.2 = 'fx', 'the exchange rate moved beyond its band',
            concat('the price on ', if(cause.2 = 'reference', {reference_channel:String}, toString(channel)), ' changed'))) AS told
FROM ended
WHERE is_drift AND opened_ms <= known_ms
