-- Retention is set from the configuration when the tables are brought up to date; no TTL stands here.

CREATE TABLE IF NOT EXISTS weir.bot_verdicts_log
(
    decided_at DateTime64(3, 'UTC') COMMENT 'When the log took the event that decided it, UTC',
    visitor_token String COMMENT 'Token of the visitor, never the raw id',
    from_state LowCardinality(String) COMMENT 'human, suspect, bot or cleared, before',
    to_state LowCardinality(String) COMMENT 'human, suspect, bot or cleared, from now on',
    tier Int64 COMMENT '1 general, 2 sophisticated invalid traffic; 0 when nothing is withdrawn',
    reason LowCardinality(String) COMMENT 'Reason code, see docs/bots.md; empty for people',
    version LowCardinality(String) COMMENT 'Versions of the lists by which it was decided',
    from_at Nullable(DateTime64(3, 'UTC')) COMMENT 'From when on the visitor''s events are withdrawn, inclusive, UTC',
    until_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when, exclusive, UTC, unless there is new evidence',
    score Nullable(Int64) COMMENT 'Score of the newest suspect behaviour, 0 to 100; null without any',
    features String COMMENT 'What that behaviour showed, names of features with spaces between',
    actor Nullable(String) COMMENT 'Who decided; null when nobody did',
    visitor_partition Int64 COMMENT 'Partition of the visitor''s events',
    newest_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the visitor''s newest click by then, UTC; null without any',
    topic LowCardinality(String) COMMENT 'Topic of the record that decided it',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
ORDER BY (decided_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Every change of what is held of a visitor. Query bot_verdicts';

CREATE OR REPLACE VIEW weir.bot_verdicts
(
    decided_at DateTime64(3, 'UTC') COMMENT 'When the log took the event that decided it, UTC',
    visitor_token String COMMENT 'Token of the visitor, never the raw id',
    from_state LowCardinality(String) COMMENT 'human, suspect, bot or cleared, before',
    to_state LowCardinality(String) COMMENT 'human, suspect, bot or cleared, from now on',
    tier Int64 COMMENT '1 general, 2 sophisticated invalid traffic; 0 when nothing is withdrawn',
    reason LowCardinality(String) COMMENT 'Reason code, see docs/bots.md; empty for people',
    version LowCardinality(String) COMMENT 'Versions of the lists by which it was decided',
    from_at Nullable(DateTime64(3, 'UTC')) COMMENT 'From when on the visitor''s events are withdrawn, inclusive, UTC',
    until_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when, exclusive, UTC, unless there is new evidence',
    score Nullable(Int64) COMMENT 'Score of the newest suspect behaviour, 0 to 100; null without any',
    features String COMMENT 'What that behaviour showed, names of features with spaces between',
    actor Nullable(String) COMMENT 'Who decided; null when nobody did',
    visitor_partition Int64 COMMENT 'Partition of the visitor''s events',
    newest_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the visitor''s newest click by then, UTC; null without any'
)
AS SELECT
    decided_at,
    visitor_token,
    from_state,
    to_state,
    tier,
    reason,
    version,
    from_at,
    until_at,
    score,
    features,
    actor,
    visitor_partition,
    newest_at
FROM weir.bot_verdicts_log FINAL
COMMENT 'Every change of what is held of a visitor, newest last';

CREATE TABLE IF NOT EXISTS weir.bot_standings_rows
(
    visitor_token String COMMENT 'Token of the visitor, never the raw id',
    from_at DateTime64(3, 'UTC') COMMENT 'From when on the visitor''s events are withdrawn, inclusive, UTC',
    until_at DateTime64(3, 'UTC') COMMENT 'Until when, exclusive, UTC, unless there is new evidence',
    tier Int64 COMMENT '0 suspicion only, nothing is withdrawn; 1 general, 2 sophisticated invalid traffic',
    reason LowCardinality(String) COMMENT 'Reason code, see docs/bots.md',
    withdrawn Bool COMMENT 'Whether it no longer holds, so that views leave it out',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (visitor_token, from_at)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What is held of visitors now, one row per stretch of time. Query bot_standings';

CREATE OR REPLACE VIEW weir.bot_standings
(
    visitor_token String COMMENT 'Token of the visitor, never the raw id',
    from_at DateTime64(3, 'UTC') COMMENT 'From when on the visitor''s events are withdrawn, inclusive, UTC',
    until_at DateTime64(3, 'UTC') COMMENT 'Until when, exclusive, UTC, unless there is new evidence',
    tier Int64 COMMENT '0 suspicion only, nothing is withdrawn; 1 general, 2 sophisticated invalid traffic',
    reason LowCardinality(String) COMMENT 'Reason code, see docs/bots.md'
)
AS SELECT visitor_token, from_at, until_at, tier, reason
FROM weir.bot_standings_rows FINAL
WHERE NOT withdrawn
COMMENT 'What is held of visitors now, one row per stretch of time; no row is a person';

CREATE OR REPLACE VIEW weir.net_clicks
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    visitor_id String COMMENT 'Token of the visitor, never the raw id',
    session_id Nullable(String) COMMENT 'Token of the session that the sender named',
    kind LowCardinality(String) COMMENT 'impression, click, page_view, product_view, add_to_cart, checkout or beacon',
    channel LowCardinality(String) COMMENT 'Channel the visitor came through or was in',
    campaign LowCardinality(Nullable(String)) COMMENT 'Campaign the click belongs to',
    sku Nullable(String) COMMENT 'Product that was seen or put in the cart',
    url Nullable(String) COMMENT 'Page',
    referrer Nullable(String) COMMENT 'Page before',
    ip Nullable(String) COMMENT 'Token of the address, never the raw address',
    user_agent Nullable(String) COMMENT 'Token of the user agent, never the raw text',
    agent LowCardinality(Nullable(String)) COMMENT 'What is left of the user agent without version numbers and ids',
    network Nullable(String) COMMENT 'Network of the address: /24, of IPv6 /48',
    region LowCardinality(Nullable(String)) COMMENT 'Region of the visitor',
    signed_in Nullable(Bool) COMMENT 'Whether the visitor was signed in',
    server_side Nullable(Bool) COMMENT 'Whether a server or an app sent the click, not a browser',
    prefetch Nullable(Bool) COMMENT 'Whether the browser fetched ahead and nobody has seen it',
    pointer Nullable(Bool) COMMENT 'Whether the page''s script saw pointer, scroll or touch',
    arm LowCardinality(Nullable(String)) COMMENT 'Arm in which the sender holds the visitor in the lift test of this channel: treated or holdout',
    consent_analytics Nullable(Bool) COMMENT 'Whether the visitor agreed to analytics',
    consent_marketing Nullable(Bool) COMMENT 'Whether the visitor agreed to marketing',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    partition UInt16 COMMENT 'Partition of the record',
    offset UInt64 COMMENT 'Offset of the record'
)
AS SELECT clicks.*
FROM weir.clicks AS clicks
LEFT JOIN
(
    SELECT visitor_token, groupArray((from_at, until_at)) AS spans
    FROM weir.bot_standings
    WHERE tier > 0
    GROUP BY visitor_token
) AS held ON held.visitor_token = clicks.visitor_id
WHERE NOT arrayExists(span -> clicks.occurred_at >= span.1 AND clicks.occurred_at < span.2, held.spans)
COMMENT 'Clicks of every kind that no verdict withdraws, as of now';
