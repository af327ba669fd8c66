-- Retention is set from the configuration when the tables are brought up to date; no TTL stands here.

CREATE TABLE IF NOT EXISTS weir.bot_clicks_1m_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the minute of the clicks, UTC',
    channel LowCardinality(String) COMMENT 'Channel of the clicks',
    reason LowCardinality(String) COMMENT 'Why they are held to be a machine''s, see docs/bots.md',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final minute was corrected, 1970-01-01 for the minute''s own row; days add up',
    clicks_suspect Int64 COMMENT 'Clicks that count, of sessions that look like a machine''s',
    clicks_givt Int64 COMMENT 'Clicks withdrawn as general invalid traffic (tier 1)',
    clicks_sivt Int64 COMMENT 'Clicks withdrawn as sophisticated invalid traffic (tier 2)',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, channel, reason, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Clicks of machines by reason: partial sums by task and day of correction. Query bot_clicks_1m';

CREATE OR REPLACE VIEW weir.bot_clicks_1m
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the minute of the clicks, UTC',
    channel LowCardinality(String) COMMENT 'Channel of the clicks',
    reason LowCardinality(String) COMMENT 'Why they are held to be a machine''s, see docs/bots.md',
    clicks_suspect Int64 COMMENT 'Clicks that count, of sessions that look like a machine''s',
    clicks_givt Int64 COMMENT 'Clicks withdrawn as general invalid traffic (tier 1)',
    clicks_sivt Int64 COMMENT 'Clicks withdrawn as sophisticated invalid traffic (tier 2)',
    state LowCardinality(String) COMMENT 'provisional until the watermark passes the minute, matured while late events may correct it, final after'
)
AS SELECT
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS window_start,
    channel,
    reason,
    sum_suspect AS clicks_suspect,
    sum_givt AS clicks_givt,
    sum_sivt AS clicks_sivt,
    multiIf(
        start_ms + 60000 + lateness_ms <= watermark_ms, 'final',
        start_ms + 60000 <= watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        toUnixTimestamp64Milli(rows.window_start) AS start_ms,
        rows.channel AS channel,
        rows.reason AS reason,
        sum(rows.clicks_suspect) AS sum_suspect,
        sum(rows.clicks_givt) AS sum_givt,
        sum(rows.clicks_sivt) AS sum_sivt
    FROM weir.bot_clicks_1m_rows AS rows FINAL
    GROUP BY start_ms, channel, reason
) AS counted
CROSS JOIN
(
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE sum_suspect != 0 OR sum_givt != 0 OR sum_sivt != 0
COMMENT 'Clicks that are held to be a machine''s, per minute, channel and reason; what no row has is a person''s';

CREATE TABLE IF NOT EXISTS weir.bot_withdrawals_1m_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the minute in which the log took what decided, UTC',
    channel LowCardinality(String) COMMENT 'Channel of the clicks',
    reason LowCardinality(String) COMMENT 'Reason code, see docs/bots.md',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'Day of the event time at which an old minute was added to, 1970-01-01 for the minute''s own row; days add up',
    clicks Int64 COMMENT 'Clicks taken out of the net, less those given back',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, channel, reason, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Withdrawn clicks by the time of the decision: partial sums by task. Query bot_withdrawals_1m';

CREATE OR REPLACE VIEW weir.bot_withdrawals_1m
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the minute in which the log took what decided, UTC',
    channel LowCardinality(String) COMMENT 'Channel of the clicks',
    reason LowCardinality(String) COMMENT 'Reason code, see docs/bots.md',
    clicks Int64 COMMENT 'Clicks taken out of the net, less those given back'
)
AS SELECT
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS window_start,
    channel,
    reason,
    sum_clicks AS clicks
FROM
(
    SELECT
        toUnixTimestamp64Milli(rows.window_start) AS start_ms,
        rows.channel AS channel,
        rows.reason AS reason,
        sum(rows.clicks) AS sum_clicks
    FROM weir.bot_withdrawals_1m_rows AS rows FINAL
    GROUP BY start_ms, channel, reason
) AS counted
WHERE sum_clicks != 0
COMMENT 'Clicks taken out of the net less those given back, by the minute in which it was decided: all minutes of a channel and reason add up to its withdrawn clicks in bot_clicks_1m';
