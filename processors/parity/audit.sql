-- Recomputes weir.parity_1h; goes on from audit-beginning.sql.
    ,
    numbered AS
    (
        SELECT
            *,
            (is_known, minor, currency, tax_bp, promo, reference_minor, reference_currency, reference_net, fx) AS now,
            row_number() OVER earlier = 1
                OR now != lagInFrame(now) OVER earlier
                OR lagInFrame(stale_at) OVER earlier < at AS is_start
        FROM moments
        WINDOW earlier AS (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    grouped AS
    (
        SELECT
            *,
            sum(is_start) OVER (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM numbered
    ),
    stretches AS
    (
        SELECT
            sku, channel, number,
            min(at) AS from_ms,
            max(stale_at) AS believed_ms,
            any(is_known) AS is_seen,
            any(gap_ppb) AS ppb,
            any(side) AS outside
        FROM grouped
        GROUP BY sku, channel, number
    ),
    pieces AS
    (
        SELECT
            *,
            least(
                leadInFrame(from_ms, 1, ifNull((SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress), 0)) OVER (
                    PARTITION BY sku, channel ORDER BY from_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING),
                believed_ms) AS to_ms
        FROM stretches
    )
SELECT
    fromUnixTimestamp64Milli(hour * 3600000, 'UTC') AS window_start,
    sku,
    channel,
    sum(ms) AS observed_ms,
    sum(ppb * ms) AS gap_ppb_ms,
    sum(abs(ppb) * ms) AS absolute_gap_ppb_ms,
    sumIf(ms, outside != 0) AS outside_ms,
    sumIf(ms, outside < 0) AS under_ms
FROM
(
    SELECT
        *,
        toInt64(arrayJoin(range(toUInt64(intDiv(from_ms, 3600000)), toUInt64(intDiv(to_ms - 1, 3600000) + 1)))) AS hour,
        least(to_ms, hour * 3600000 + 3600000) - greatest(from_ms, hour * 3600000) AS ms
    FROM pieces
    WHERE is_seen AND to_ms > from_ms
)
WHERE window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, sku, channel
