CREATE OR REPLACE VIEW weir.fulfilment_bands
(
    zone LowCardinality(String) COMMENT 'urban, suburban or rural',
    hours UInt8 COMMENT 'The band is about deliveries within so many hours',
    target_low Float64 COMMENT 'Least share that is meant to be delivered so soon',
    target_high Float64 COMMENT 'Greatest share that is expected',
    from_time DateTime64(3, 'UTC') COMMENT 'Start of the hours of placing that count: the newest 24 that are old enough',
    to_time DateTime64(3, 'UTC') COMMENT 'End of them; everything placed before it has had its hours',
    placed Int64 COMMENT 'Orders placed in these hours; cancelled ones left out',
    delivered Int64 COMMENT 'Those of placed that were delivered so soon',
    share Nullable(Float64) COMMENT 'delivered / placed; null when nothing was placed',
    share_low Nullable(Float64) COMMENT 'Lower end of Wilson''s 95 % interval of share',
    share_high Nullable(Float64) COMMENT 'Upper end of Wilson''s 95 % interval of share',
    place LowCardinality(String) COMMENT 'below, inside or above the band; empty when nothing was placed',
    is_broken Bool COMMENT 'True when the whole interval lies below the band: chance alone does not explain it'
)
AS WITH
    if(sum_placed = 0, NULL, sum_delivered / sum_placed) AS ratio,
    sqrt(square) * sqrt(ratio * (1 - ratio) / sum_placed + square / (4 * sum_placed * sum_placed)) AS spread,
    if(sum_placed = 0, NULL, greatest(0, (ratio + square / (2 * sum_placed) - spread) / (1 + square / sum_placed))) AS low_end,
    if(sum_placed = 0, NULL, least(1, (ratio + square / (2 * sum_placed) + spread) / (1 + square / sum_placed))) AS high_end
SELECT
    zone_name AS zone,
    band_hours AS hours,
    band_low AS target_low,
    band_high AS target_high,
    fromUnixTimestamp64Milli(end_ms - 24 * 3600000, 'UTC') AS from_time,
    fromUnixTimestamp64Milli(end_ms, 'UTC') AS to_time,
    sum_placed AS placed,
    sum_delivered AS delivered,
    ratio AS share,
    low_end AS share_low,
    high_end AS share_high,
    multiIf(sum_placed = 0, '', ratio < band_low, 'below', ratio > band_high, 'above', 'inside') AS place,
    toBool(ifNull(high_end < band_low, false)) AS is_broken
FROM
(
    SELECT
        zone_name,
        band_hours,
        band_low,
        band_high,
        end_ms,
        pow(1.959963984540054, 2) AS square,
        sumIf(placed, is_counted) AS sum_placed,
        sumIf(multiIf(band_hours = 24, on_time_24h, band_hours = 48, on_time_48h, on_time_72h), is_counted) AS sum_delivered
    FROM
    (
        SELECT
            bands.1 AS zone_name,
            bands.2 AS band_hours,
            bands.3 AS band_low,
            bands.4 AS band_high,
            (intDiv(watermark_ms, 3600000) - band_hours) * 3600000 AS end_ms
        FROM
        (
            SELECT
                arrayJoin([
                    ('urban', 24, 0.85, 0.95), ('urban', 48, 0.98, 1.),
                    ('suburban', 24, 0.7, 0.85), ('suburban', 48, 0.9, 0.95),
                    ('rural', 48, 0.4, 0.6), ('rural', 72, 0.75, 0.85)]) AS bands,
                (SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress) AS watermark_ms
        )
    ) AS targets
    LEFT JOIN
    (
        SELECT
            toString(zone) AS zone,
            toUnixTimestamp64Milli(window_start) AS start_ms,
            sum(placed) AS placed,
            sum(on_time_24h) AS on_time_24h,
            sum(on_time_48h) AS on_time_48h,
            sum(on_time_72h) AS on_time_72h
        FROM weir.fulfilment_1h_rows FINAL
        GROUP BY zone, start_ms
    ) AS counted ON targets.zone_name = counted.zone
    ARRAY JOIN [start_ms >= end_ms - 24 * 3600000 AND start_ms < end_ms] AS is_counted
    GROUP BY zone_name, band_hours, band_low, band_high, end_ms
)
COMMENT 'Share of orders delivered soon enough over a day of placing, by zone, beside the band that is meant';
