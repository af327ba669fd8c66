CREATE TABLE IF NOT EXISTS weir.attribution_1h_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour in which the conversions were placed, UTC',
    model LowCardinality(String) COMMENT 'first, last, last_non_direct, linear, position, time_decay or shapley',
    channel LowCardinality(String) COMMENT 'Credited channel; unattributed when a conversion had no touch',
    campaign String COMMENT 'Credited campaign, empty when the click named none',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the orders',
    task LowCardinality(String) COMMENT 'The task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final hour was corrected, 1970-01-01 for the hour''s own row; days add up',
    conversions_milli Int64 COMMENT 'Credited conversions in thousandths; each conversion hands out 1000 per model',
    credit_minor Int64 COMMENT 'Credited order value in minor units of the currency, less what was returned',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, model, channel, campaign, currency, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Attributed conversions per hour: partial sums by task and day of correction. Query attribution_1h';

CREATE OR REPLACE VIEW weir.attribution_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour in which the conversions were placed, UTC',
    model LowCardinality(String) COMMENT 'first, last, last_non_direct, linear, position, time_decay or shapley',
    channel LowCardinality(String) COMMENT 'Credited channel; unattributed when a conversion had no touch',
    campaign String COMMENT 'Credited campaign, empty when the click named none',
    conversions Float64 COMMENT 'Credited conversions: conversions_milli / 1000',
    conversions_milli Int64 COMMENT 'Credited conversions in thousandths, exact',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the orders',
    credit_minor Int64 COMMENT 'Credited order value in minor units of the currency, less what was returned',
    state String COMMENT 'provisional until the hour is over, then matured, final once no late event can change it'
)
AS SELECT
    window_start,
    model,
    channel,
    campaign,
    milli / 1000 AS conversions,
    milli AS conversions_milli,
    currency,
    minor AS credit_minor,
    multiIf(
        toUnixTimestamp64Milli(window_start) + 3600000 + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(window_start) + 3600000 <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        window_start,
        model,
        channel,
        campaign,
        currency,
        sum(conversions_milli) AS milli,
        sum(credit_minor) AS minor
    FROM weir.attribution_1h_rows FINAL
    GROUP BY window_start, model, channel, campaign, currency
    HAVING milli != 0 OR minor != 0
) AS hours
CROSS JOIN
(
    -- An aggregate without keys always has one row, so hours stay visible before there is a watermark.
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress;

CREATE OR REPLACE VIEW weir.attribution_1d
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the UTC day in which the conversions were placed',
    model LowCardinality(String) COMMENT 'first, last, last_non_direct, linear, position, time_decay or shapley',
    channel LowCardinality(String) COMMENT 'Credited channel; unattributed when a conversion had no touch',
    campaign String COMMENT 'Credited campaign, empty when the click named none',
    conversions Float64 COMMENT 'Credited conversions: conversions_milli / 1000',
    conversions_milli Int64 COMMENT 'Credited conversions in thousandths, exact',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the orders',
    credit_minor Int64 COMMENT 'Credited order value in minor units of the currency, less what was returned',
    state String COMMENT 'provisional until the day is over, then matured, final once no late event can change it'
)
AS SELECT
    day AS window_start,
    model,
    channel,
    campaign,
    milli / 1000 AS conversions,
    milli AS conversions_milli,
    currency,
    minor AS credit_minor,
    multiIf(
        toUnixTimestamp64Milli(day) + 86400000 + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(day) + 86400000 <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        toDateTime64(toStartOfDay(window_start), 3, 'UTC') AS day,
        model,
        channel,
        campaign,
        currency,
        sum(conversions_milli) AS milli,
        sum(credit_minor) AS minor
    FROM weir.attribution_1h_rows FINAL
    GROUP BY day, model, channel, campaign, currency
    HAVING milli != 0 OR minor != 0
) AS days
CROSS JOIN
(
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress;
