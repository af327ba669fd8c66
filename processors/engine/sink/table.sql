CREATE TABLE IF NOT EXISTS weir.dead_letters_log
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took the record',
    code LowCardinality(String) COMMENT 'Reason, from the closed list in docs/errors.md',
    message String COMMENT 'What was expected and what came, without personal data',
    payload String COMMENT 'The record in base64; may hold personal data, access-controlled',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(appended_at)
ORDER BY (appended_at, topic, partition, offset, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW weir.dead_letters
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took the record',
    code LowCardinality(String) COMMENT 'Reason, from the closed list in docs/errors.md',
    message String COMMENT 'What was expected and what came, without personal data',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record',
    payload String COMMENT 'The record in base64; may hold personal data, access-controlled'
)
AS SELECT appended_at, code, message, topic, partition, offset, payload
FROM weir.dead_letters_log FINAL;

CREATE TABLE IF NOT EXISTS weir.late_events_log
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took the event',
    code LowCardinality(String) COMMENT 'Reason, from the closed list in docs/errors.md',
    event_id String COMMENT 'Id of the event',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event',
    source LowCardinality(String) COMMENT 'Who sent it',
    watermark DateTime64(3, 'UTC') COMMENT 'Watermark of the task when the event came',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(appended_at)
ORDER BY (appended_at, topic, partition, offset, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW weir.late_events
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took the event',
    code LowCardinality(String) COMMENT 'Reason, from the closed list in docs/errors.md',
    event_id String COMMENT 'Id of the event',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event',
    source LowCardinality(String) COMMENT 'Who sent it',
    watermark DateTime64(3, 'UTC') COMMENT 'Watermark of the task when the event came',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record'
)
AS SELECT appended_at, code, event_id, occurred_at, source, watermark, topic, partition, offset
FROM weir.late_events_log FINAL;

CREATE TABLE IF NOT EXISTS weir.progress_rows
(
    node LowCardinality(String) COMMENT 'Process that wrote the row',
    watermark DateTime64(3, 'UTC') COMMENT 'No event older than this is expected any more',
    allowed_lateness_ms Int64 COMMENT 'How long after its end a window still takes events, milliseconds',
    updated_at DateTime64(3, 'UTC') COMMENT 'When the row was written',
    idle Bool DEFAULT false COMMENT 'Whether the node expects no events, so that it holds no other back',
    version UInt64 COMMENT 'Grows with every change; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY node
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW weir.progress
(
    watermark DateTime64(3, 'UTC') COMMENT 'No event older than this is expected any more; the start of 1970 until the first event',
    allowed_lateness_ms Int64 COMMENT 'How long after its end a window still takes events, milliseconds'
)
AS SELECT
    multiIf(
        count() = 0, toDateTime64(0, 3, 'UTC'),
        countIf(NOT idle) = 0, min(watermark),
        minIf(watermark, NOT idle)) AS watermark,
    toInt64(if(count() = 0, 86400000, max(allowed_lateness_ms))) AS allowed_lateness_ms
FROM weir.progress_rows FINAL;
