CREATE TABLE IF NOT EXISTS weir.region_1h_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    region LowCardinality(String) COMMENT 'Region of the order, empty where it names none',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final hour was corrected, 1970-01-01 for the hour''s own row; days add up',
    orders Int64 COMMENT 'Orders placed',
    revenue_minor Int64 COMMENT 'Value of the orders placed, minor units of the currency',
    returns_minor Int64 COMMENT 'Value returned and cancelled in the hour, positive, minor units of the currency',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, region, currency, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Sales per hour and region: partial sums by task and day of correction. Query region_1h';

CREATE OR REPLACE VIEW weir.region_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    region LowCardinality(String) COMMENT 'Region of the order, empty where it names none',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts',
    orders Int64 COMMENT 'Orders placed',
    revenue_minor Int64 COMMENT 'Value of the orders placed, minor units of the currency',
    returns_minor Int64 COMMENT 'Value returned and cancelled in the hour, positive, minor units of the currency',
    state String COMMENT 'provisional until the hour is over, then matured, final once no late event can change it'
)
AS SELECT
    counted.window_start AS window_start,
    counted.region AS region,
    counted.currency AS currency,
    counted.orders AS orders,
    counted.revenue_minor AS revenue_minor,
    counted.returns_minor AS returns_minor,
    multiIf(
        toUnixTimestamp64Milli(counted.window_start) + 3600000 + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(counted.window_start) + 3600000 <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        rows.window_start AS window_start, rows.region AS region, rows.currency AS currency,
        sum(rows.orders) AS orders, sum(rows.revenue_minor) AS revenue_minor, sum(rows.returns_minor) AS returns_minor
    FROM weir.region_1h_rows AS rows FINAL
    GROUP BY window_start, region, currency
) AS counted
CROSS JOIN
(
    SELECT max(toUnixTimestamp64Milli(watermark)) AS watermark_ms, max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE counted.orders != 0 OR counted.revenue_minor != 0 OR counted.returns_minor != 0
COMMENT 'Sales per hour and region of the order, whatever its channel';
