-- What a click tells about its client beside the tokens.

ALTER TABLE weir.clicks_log
    ADD COLUMN IF NOT EXISTS agent LowCardinality(Nullable(String)) COMMENT 'What is left of the user agent without version numbers and ids' AFTER user_agent,
    ADD COLUMN IF NOT EXISTS network Nullable(String) COMMENT 'Network of the address: /24, of IPv6 /48' AFTER agent,
    ADD COLUMN IF NOT EXISTS prefetch Nullable(Bool) COMMENT 'Whether the browser fetched ahead and nobody has seen it' AFTER server_side,
    ADD COLUMN IF NOT EXISTS pointer Nullable(Bool) COMMENT 'Whether the page''s script saw pointer, scroll or touch' AFTER prefetch,
    ADD COLUMN IF NOT EXISTS arm LowCardinality(Nullable(String)) COMMENT 'Arm in which the sender holds the visitor in the lift test of this channel: treated or holdout' AFTER pointer;

CREATE OR REPLACE VIEW weir.clicks
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
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record'
)
AS SELECT
    occurred_at,
    event_id,
    source,
    seq,
    visitor_id,
    session_id,
    kind,
    channel,
    campaign,
    sku,
    url,
    referrer,
    ip,
    user_agent,
    agent,
    network,
    region,
    signed_in,
    server_side,
    prefetch,
    pointer,
    arm,
    consent_analytics,
    consent_marketing,
    ingested_at,
    `partition`,
    `offset`
FROM weir.clicks_log FINAL
COMMENT 'Accepted clicks, one row each';
