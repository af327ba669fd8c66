-- Retention is set from the configuration when the tables are brought up to date; no TTL stands here.

CREATE TABLE IF NOT EXISTS weir.channel_1m_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the minute, UTC',
    channel LowCardinality(String) COMMENT 'Channel: of the clicks, of the sale or of the spend',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts; empty in rows of traffic, which hold no money',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final minute was corrected, 1970-01-01 for the minute''s own row; days add up',
    impressions Int64 COMMENT 'Ads and placements that were seen',
    clicks_gross Int64 COMMENT 'Clicks of every other kind but beacon, bots included',
    clicks_givt Int64 COMMENT 'Clicks withdrawn as general invalid traffic (tier 1)',
    clicks_sivt Int64 COMMENT 'Clicks withdrawn as sophisticated invalid traffic (tier 2)',
    visitors Int64 COMMENT 'Distinct visitors with a net click in the minute; never add minutes up',
    sessions Int64 COMMENT 'Sessions that started in the minute',
    add_to_carts Int64 COMMENT 'Clicks that put something in the cart',
    orders Int64 COMMENT 'Orders placed',
    units Int64 COMMENT 'Units of the orders placed',
    revenue_minor Int64 COMMENT 'Value of the orders placed, minor units of the currency',
    margin_minor Int64 COMMENT 'Price less cost of the ordered lines with a cost, minor units of the currency',
    returns_minor Int64 COMMENT 'Value returned and cancelled in the minute, positive, minor units of the currency',
    lines_without_cost Int64 COMMENT 'Ordered lines without a cost, which margin_minor leaves out',
    spend_minor Int64 COMMENT 'Advertising spend, minor units of the currency',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, channel, currency, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Traffic, sales and spend per minute: partial sums by task and day of correction. Query channel_1m';

CREATE TABLE IF NOT EXISTS weir.channel_visitors_1h_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    channel LowCardinality(String) COMMENT 'Channel: of the clicks, of the sale or of the spend',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final hour was corrected, 1970-01-01 for the hour''s own row; days add up',
    visitors Int64 COMMENT 'Distinct visitors with a net click in the hour; never add hours up',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, channel, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Distinct visitors per hour: partial sums by task and day of correction. Query channel_1h';

CREATE TABLE IF NOT EXISTS weir.channel_visitors_1d_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the day, UTC',
    channel LowCardinality(String) COMMENT 'Channel: of the clicks, of the sale or of the spend',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final day was corrected, 1970-01-01 for the day''s own row; days add up',
    visitors Int64 COMMENT 'Distinct visitors with a net click in the day; never add days up',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, channel, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Distinct visitors per UTC day: partial sums by task and day of correction. Query channel_1d';

CREATE OR REPLACE VIEW weir.channel_1m
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the minute, UTC',
    channel LowCardinality(String) COMMENT 'Channel: of the clicks, of the sale or of the spend',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts; empty in rows of traffic, which hold no money',
    impressions Int64 COMMENT 'Ads and placements that were seen',
    clicks_gross Int64 COMMENT 'Clicks of every other kind but beacon, bots included',
    clicks_net Int64 COMMENT 'Clicks less those withdrawn: clicks_gross - clicks_givt - clicks_sivt',
    clicks_givt Int64 COMMENT 'Clicks withdrawn as general invalid traffic (tier 1)',
    clicks_sivt Int64 COMMENT 'Clicks withdrawn as sophisticated invalid traffic (tier 2)',
    visitors Int64 COMMENT 'Distinct visitors with a net click in the minute; never add minutes up',
    sessions Int64 COMMENT 'Sessions that started in the minute',
    add_to_carts Int64 COMMENT 'Clicks that put something in the cart',
    orders Int64 COMMENT 'Orders placed',
    units Int64 COMMENT 'Units of the orders placed',
    revenue_minor Int64 COMMENT 'Value of the orders placed, minor units of the currency',
    margin_minor Int64 COMMENT 'Price less cost of the ordered lines with a cost, minor units of the currency',
    returns_minor Int64 COMMENT 'Value returned and cancelled in the minute, positive, minor units of the currency',
    lines_without_cost Int64 COMMENT 'Ordered lines without a cost, which margin_minor leaves out',
    spend_minor Int64 COMMENT 'Advertising spend, minor units of the currency',
    state String COMMENT 'provisional until the minute is over, then matured, final once no late event can change it'
)
AS SELECT
    counted.start AS window_start,
    counted.channel AS channel,
    counted.currency AS currency,
    counted.impressions AS impressions,
    counted.clicks_gross AS clicks_gross,
    counted.clicks_gross - counted.clicks_givt - counted.clicks_sivt AS clicks_net,
    counted.clicks_givt AS clicks_givt,
    counted.clicks_sivt AS clicks_sivt,
    counted.visitors AS visitors,
    counted.sessions AS sessions,
    counted.add_to_carts AS add_to_carts,
    counted.orders AS orders,
    counted.units AS units,
    counted.revenue_minor AS revenue_minor,
    counted.margin_minor AS margin_minor,
    counted.returns_minor AS returns_minor,
    counted.lines_without_cost AS lines_without_cost,
    counted.spend_minor AS spend_minor,
    multiIf(
        toUnixTimestamp64Milli(counted.start) + 60000 + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(counted.start) + 60000 <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        rows.window_start AS start,
        rows.channel AS channel,
        rows.currency AS currency,
        sum(rows.impressions) AS impressions,
        sum(rows.clicks_gross) AS clicks_gross,
        sum(rows.clicks_givt) AS clicks_givt,
        sum(rows.clicks_sivt) AS clicks_sivt,
        sum(rows.visitors) AS visitors,
        sum(rows.sessions) AS sessions,
        sum(rows.add_to_carts) AS add_to_carts,
        sum(rows.orders) AS orders,
        sum(rows.units) AS units,
        sum(rows.revenue_minor) AS revenue_minor,
        sum(rows.margin_minor) AS margin_minor,
        sum(rows.returns_minor) AS returns_minor,
        sum(rows.lines_without_cost) AS lines_without_cost,
        sum(rows.spend_minor) AS spend_minor
    FROM weir.channel_1m_rows AS rows FINAL
    GROUP BY start, channel, currency
) AS counted
CROSS JOIN
(
    -- An aggregate without keys always has one row, so rows stay visible before there is a watermark.
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE counted.impressions != 0 OR counted.clicks_gross != 0 OR counted.clicks_givt != 0 OR counted.clicks_sivt != 0 OR counted.visitors != 0 OR counted.sessions != 0 OR counted.add_to_carts != 0 OR counted.orders != 0 OR counted.units != 0 OR counted.revenue_minor != 0 OR counted.margin_minor != 0 OR counted.returns_minor != 0 OR counted.lines_without_cost != 0 OR counted.spend_minor != 0
COMMENT 'Traffic, sales and spend per minute and channel; amounts in rows of their currency';

CREATE OR REPLACE VIEW weir.channel_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    channel LowCardinality(String) COMMENT 'Channel: of the clicks, of the sale or of the spend',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts; empty in rows of traffic, which hold no money',
    impressions Int64 COMMENT 'Ads and placements that were seen',
    clicks_gross Int64 COMMENT 'Clicks of every other kind but beacon, bots included',
    clicks_net Int64 COMMENT 'Clicks less those withdrawn: clicks_gross - clicks_givt - clicks_sivt',
    clicks_givt Int64 COMMENT 'Clicks withdrawn as general invalid traffic (tier 1)',
    clicks_sivt Int64 COMMENT 'Clicks withdrawn as sophisticated invalid traffic (tier 2)',
    visitors Int64 COMMENT 'Distinct visitors with a net click in the hour; never add hours up',
    sessions Int64 COMMENT 'Sessions that started in the hour',
    add_to_carts Int64 COMMENT 'Clicks that put something in the cart',
    orders Int64 COMMENT 'Orders placed',
    units Int64 COMMENT 'Units of the orders placed',
    revenue_minor Int64 COMMENT 'Value of the orders placed, minor units of the currency',
    margin_minor Int64 COMMENT 'Price less cost of the ordered lines with a cost, minor units of the currency',
    returns_minor Int64 COMMENT 'Value returned and cancelled in the hour, positive, minor units of the currency',
    lines_without_cost Int64 COMMENT 'Ordered lines without a cost, which margin_minor leaves out',
    spend_minor Int64 COMMENT 'Advertising spend, minor units of the currency',
    state String COMMENT 'provisional until the hour is over, then matured, final once no late event can change it'
)
AS SELECT
    counted.start AS window_start,
    counted.channel AS channel,
    counted.currency AS currency,
    counted.impressions AS impressions,
    counted.clicks_gross AS clicks_gross,
    counted.clicks_gross - counted.clicks_givt - counted.clicks_sivt AS clicks_net,
    counted.clicks_givt AS clicks_givt,
    counted.clicks_sivt AS clicks_sivt,
    counted.visitors AS visitors,
    counted.sessions AS sessions,
    counted.add_to_carts AS add_to_carts,
    counted.orders AS orders,
    counted.units AS units,
    counted.revenue_minor AS revenue_minor,
    counted.margin_minor AS margin_minor,
    counted.returns_minor AS returns_minor,
    counted.lines_without_cost AS lines_without_cost,
    counted.spend_minor AS spend_minor,
    multiIf(
        toUnixTimestamp64Milli(counted.start) + 3600000 + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(counted.start) + 3600000 <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        parts.start AS start,
        parts.channel AS channel,
        parts.currency AS currency,
        sum(parts.impressions) AS impressions,
        sum(parts.clicks_gross) AS clicks_gross,
        sum(parts.clicks_givt) AS clicks_givt,
        sum(parts.clicks_sivt) AS clicks_sivt,
        sum(parts.visitors) AS visitors,
        sum(parts.sessions) AS sessions,
        sum(parts.add_to_carts) AS add_to_carts,
        sum(parts.orders) AS orders,
        sum(parts.units) AS units,
        sum(parts.revenue_minor) AS revenue_minor,
        sum(parts.margin_minor) AS margin_minor,
        sum(parts.returns_minor) AS returns_minor,
        sum(parts.lines_without_cost) AS lines_without_cost,
        sum(parts.spend_minor) AS spend_minor
    FROM
    (
        -- CAST, because the condition on the view's window_start then still finds its part of the index.
        SELECT
            CAST(toStartOfHour(window_start) AS DateTime64(3, 'UTC')) AS start,
            channel,
            currency,
            impressions,
            clicks_gross,
            clicks_givt,
            clicks_sivt,
            0 AS visitors,
            sessions,
            add_to_carts,
            orders,
            units,
            revenue_minor,
            margin_minor,
            returns_minor,
            lines_without_cost,
            spend_minor
        FROM weir.channel_1m_rows FINAL
        UNION ALL
        SELECT
            window_start AS start,
            channel,
            '' AS currency,
            0 AS impressions,
            0 AS clicks_gross,
            0 AS clicks_givt,
            0 AS clicks_sivt,
            visitors,
            0 AS sessions,
            0 AS add_to_carts,
            0 AS orders,
            0 AS units,
            0 AS revenue_minor,
            0 AS margin_minor,
            0 AS returns_minor,
            0 AS lines_without_cost,
            0 AS spend_minor
        FROM weir.channel_visitors_1h_rows FINAL
    ) AS parts
    GROUP BY start, channel, currency
) AS counted
CROSS JOIN
(
    -- An aggregate without keys always has one row, so rows stay visible before there is a watermark.
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE counted.impressions != 0 OR counted.clicks_gross != 0 OR counted.clicks_givt != 0 OR counted.clicks_sivt != 0 OR counted.visitors != 0 OR counted.sessions != 0 OR counted.add_to_carts != 0 OR counted.orders != 0 OR counted.units != 0 OR counted.revenue_minor != 0 OR counted.margin_minor != 0 OR counted.returns_minor != 0 OR counted.lines_without_cost != 0 OR counted.spend_minor != 0
COMMENT 'Traffic, sales and spend per hour and channel; visitors are distinct within the hour';

CREATE OR REPLACE VIEW weir.channel_1d
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the day, UTC',
    channel LowCardinality(String) COMMENT 'Channel: of the clicks, of the sale or of the spend',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts; empty in rows of traffic, which hold no money',
    impressions Int64 COMMENT 'Ads and placements that were seen',
    clicks_gross Int64 COMMENT 'Clicks of every other kind but beacon, bots included',
    clicks_net Int64 COMMENT 'Clicks less those withdrawn: clicks_gross - clicks_givt - clicks_sivt',
    clicks_givt Int64 COMMENT 'Clicks withdrawn as general invalid traffic (tier 1)',
    clicks_sivt Int64 COMMENT 'Clicks withdrawn as sophisticated invalid traffic (tier 2)',
    visitors Int64 COMMENT 'Distinct visitors with a net click in the day; never add days up',
    sessions Int64 COMMENT 'Sessions that started in the day',
    add_to_carts Int64 COMMENT 'Clicks that put something in the cart',
    orders Int64 COMMENT 'Orders placed',
    units Int64 COMMENT 'Units of the orders placed',
    revenue_minor Int64 COMMENT 'Value of the orders placed, minor units of the currency',
    margin_minor Int64 COMMENT 'Price less cost of the ordered lines with a cost, minor units of the currency',
    returns_minor Int64 COMMENT 'Value returned and cancelled in the day, positive, minor units of the currency',
    lines_without_cost Int64 COMMENT 'Ordered lines without a cost, which margin_minor leaves out',
    spend_minor Int64 COMMENT 'Advertising spend, minor units of the currency',
    state String COMMENT 'provisional until the day is over, then matured, final once no late event can change it'
)
AS SELECT
    counted.start AS window_start,
    counted.channel AS channel,
    counted.currency AS currency,
    counted.impressions AS impressions,
    counted.clicks_gross AS clicks_gross,
    counted.clicks_gross - counted.clicks_givt - counted.clicks_sivt AS clicks_net,
    counted.clicks_givt AS clicks_givt,
    counted.clicks_sivt AS clicks_sivt,
    counted.visitors AS visitors,
    counted.sessions AS sessions,
    counted.add_to_carts AS add_to_carts,
    counted.orders AS orders,
    counted.units AS units,
    counted.revenue_minor AS revenue_minor,
    counted.margin_minor AS margin_minor,
    counted.returns_minor AS returns_minor,
    counted.lines_without_cost AS lines_without_cost,
    counted.spend_minor AS spend_minor,
    multiIf(
        toUnixTimestamp64Milli(counted.start) + 86400000 + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(counted.start) + 86400000 <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        parts.start AS start,
        parts.channel AS channel,
        parts.currency AS currency,
        sum(parts.impressions) AS impressions,
        sum(parts.clicks_gross) AS clicks_gross,
        sum(parts.clicks_givt) AS clicks_givt,
        sum(parts.clicks_sivt) AS clicks_sivt,
        sum(parts.visitors) AS visitors,
        sum(parts.sessions) AS sessions,
        sum(parts.add_to_carts) AS add_to_carts,
        sum(parts.orders) AS orders,
        sum(parts.units) AS units,
        sum(parts.revenue_minor) AS revenue_minor,
        sum(parts.margin_minor) AS margin_minor,
        sum(parts.returns_minor) AS returns_minor,
        sum(parts.lines_without_cost) AS lines_without_cost,
        sum(parts.spend_minor) AS spend_minor
    FROM
    (
        -- CAST, because the condition on the view's window_start then still finds its part of the index.
        SELECT
            CAST(toStartOfDay(window_start) AS DateTime64(3, 'UTC')) AS start,
            channel,
            currency,
            impressions,
            clicks_gross,
            clicks_givt,
            clicks_sivt,
            0 AS visitors,
            sessions,
            add_to_carts,
            orders,
            units,
            revenue_minor,
            margin_minor,
            returns_minor,
            lines_without_cost,
            spend_minor
        FROM weir.channel_1m_rows FINAL
        UNION ALL
        SELECT
            window_start AS start,
            channel,
            '' AS currency,
            0 AS impressions,
            0 AS clicks_gross,
            0 AS clicks_givt,
            0 AS clicks_sivt,
            visitors,
            0 AS sessions,
            0 AS add_to_carts,
            0 AS orders,
            0 AS units,
            0 AS revenue_minor,
            0 AS margin_minor,
            0 AS returns_minor,
            0 AS lines_without_cost,
            0 AS spend_minor
        FROM weir.channel_visitors_1d_rows FINAL
    ) AS parts
    GROUP BY start, channel, currency
) AS counted
CROSS JOIN
(
    -- An aggregate without keys always has one row, so rows stay visible before there is a watermark.
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE counted.impressions != 0 OR counted.clicks_gross != 0 OR counted.clicks_givt != 0 OR counted.clicks_sivt != 0 OR counted.visitors != 0 OR counted.sessions != 0 OR counted.add_to_carts != 0 OR counted.orders != 0 OR counted.units != 0 OR counted.revenue_minor != 0 OR counted.margin_minor != 0 OR counted.returns_minor != 0 OR counted.lines_without_cost != 0 OR counted.spend_minor != 0
COMMENT 'Traffic, sales and spend per UTC day and channel; visitors are distinct within the day';
