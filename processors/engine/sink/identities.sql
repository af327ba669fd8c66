CREATE TABLE IF NOT EXISTS weir.visitor_identities_rows
(
    visitor_token String COMMENT 'Token of an id that is part of another visitor, never the raw id',
    into_token String COMMENT 'Token of the id under which the visitor is counted',
    withdrawn Bool COMMENT 'Whether the id turned out to be the one that survives',
    version UInt64 COMMENT 'Grows with every change; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY visitor_token
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which ids are one visitor, with former answers. Query visitor_identities';

CREATE OR REPLACE VIEW weir.visitor_identities
(
    visitor_token String COMMENT 'Token of an id that is part of another visitor, never the raw id',
    into_token String COMMENT 'Token of the id under which the visitor is counted'
)
AS SELECT visitor_token, into_token
FROM weir.visitor_identities_rows FINAL
WHERE NOT withdrawn
COMMENT 'Ids that were linked to another one: one row per id that does not survive';

CREATE TABLE IF NOT EXISTS weir.identity_refusals_log
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took the event',
    event_id String COMMENT 'Id of the reference event of kind identity',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event',
    visitor_token String COMMENT 'Token of the id that the event says is another''s',
    into_token String COMMENT 'Token of the id that it says survives',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_at, topic, partition, offset, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Links that would have made a visitor of more ids than a person has. Query identity_refusals';

CREATE OR REPLACE VIEW weir.identity_refusals
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took the event',
    event_id String COMMENT 'Id of the reference event of kind identity',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event',
    visitor_token String COMMENT 'Token of the id that the event says is another''s',
    into_token String COMMENT 'Token of the id that it says survives'
)
AS SELECT appended_at, event_id, occurred_at, visitor_token, into_token
FROM weir.identity_refusals_log FINAL
COMMENT 'Links that were refused: a visitor of so many ids is a shared device, not a person';
