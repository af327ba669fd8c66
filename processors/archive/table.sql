-- Retention is set from the configuration when the tables are brought up to date; no TTL stands here.

CREATE TABLE IF NOT EXISTS weir.clicks_log
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
    topic LowCardinality(String) COMMENT 'Topic of the record',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Accepted clicks, one row each. Query clicks';

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

CREATE TABLE IF NOT EXISTS weir.orders_log
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    order_id String COMMENT 'Order that changed',
    status LowCardinality(String) COMMENT 'placed, cancelled, returned, shipped or delivered',
    visitor_id String COMMENT 'Token of the visitor, never the raw id',
    customer_id Nullable(String) COMMENT 'Token of the customer, never the raw id',
    sales_channel LowCardinality(String) COMMENT 'Channel the order was sold in',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts of its lines',
    region LowCardinality(Nullable(String)) COMMENT 'Region of the delivery',
    zone LowCardinality(Nullable(String)) COMMENT 'urban, suburban or rural',
    fulfilment LowCardinality(Nullable(String)) COMMENT 'ship, pickup, curbside or locker',
    node_id LowCardinality(Nullable(String)) COMMENT 'Node that fulfils the order',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the delivery is due, UTC',
    promo_id LowCardinality(Nullable(String)) COMMENT 'Promotion the order used',
    reason LowCardinality(Nullable(String)) COMMENT 'Why it was cancelled or returned',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Accepted changes of orders, one row each; their lines are in order_lines. Query orders';

CREATE OR REPLACE VIEW weir.orders
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    order_id String COMMENT 'Order that changed',
    status LowCardinality(String) COMMENT 'placed, cancelled, returned, shipped or delivered',
    visitor_id String COMMENT 'Token of the visitor, never the raw id',
    customer_id Nullable(String) COMMENT 'Token of the customer, never the raw id',
    sales_channel LowCardinality(String) COMMENT 'Channel the order was sold in',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts of its lines',
    region LowCardinality(Nullable(String)) COMMENT 'Region of the delivery',
    zone LowCardinality(Nullable(String)) COMMENT 'urban, suburban or rural',
    fulfilment LowCardinality(Nullable(String)) COMMENT 'ship, pickup, curbside or locker',
    node_id LowCardinality(Nullable(String)) COMMENT 'Node that fulfils the order',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the delivery is due, UTC',
    promo_id LowCardinality(Nullable(String)) COMMENT 'Promotion the order used',
    reason LowCardinality(Nullable(String)) COMMENT 'Why it was cancelled or returned',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record'
)
AS SELECT
    occurred_at,
    event_id,
    source,
    seq,
    order_id,
    status,
    visitor_id,
    customer_id,
    sales_channel,
    currency,
    region,
    zone,
    fulfilment,
    node_id,
    due_at,
    promo_id,
    reason,
    ingested_at,
    `partition`,
    `offset`
FROM weir.orders_log FINAL
COMMENT 'Accepted changes of orders, one row each; their lines are in order_lines';

CREATE TABLE IF NOT EXISTS weir.order_lines_log
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event in orders',
    order_id String COMMENT 'Order that changed',
    status LowCardinality(String) COMMENT 'placed, cancelled, returned, shipped or delivered',
    visitor_id String COMMENT 'Token of the visitor, never the raw id',
    sales_channel LowCardinality(String) COMMENT 'Channel the order was sold in',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts',
    line_id String COMMENT 'Line within the order',
    sku String COMMENT 'Product',
    quantity Int64 COMMENT 'Units',
    unit_price_minor Int64 COMMENT 'Price of one unit in minor units of the currency',
    unit_cost_minor Nullable(Int64) COMMENT 'Cost of one unit in minor units of the currency',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Lines of accepted changes of orders: all lines of a placed order, what came back of a returned one. Query order_lines';

CREATE OR REPLACE VIEW weir.order_lines
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event in orders',
    order_id String COMMENT 'Order that changed',
    status LowCardinality(String) COMMENT 'placed, cancelled, returned, shipped or delivered',
    visitor_id String COMMENT 'Token of the visitor, never the raw id',
    sales_channel LowCardinality(String) COMMENT 'Channel the order was sold in',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts',
    line_id String COMMENT 'Line within the order',
    sku String COMMENT 'Product',
    quantity Int64 COMMENT 'Units',
    unit_price_minor Int64 COMMENT 'Price of one unit in minor units of the currency',
    unit_cost_minor Nullable(Int64) COMMENT 'Cost of one unit in minor units of the currency',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record'
)
AS SELECT
    occurred_at,
    event_id,
    order_id,
    status,
    visitor_id,
    sales_channel,
    currency,
    line_id,
    sku,
    quantity,
    unit_price_minor,
    unit_cost_minor,
    ingested_at,
    `partition`,
    `offset`
FROM weir.order_lines_log FINAL
COMMENT 'Lines of accepted changes of orders: all lines of a placed order, what came back of a returned one';

CREATE TABLE IF NOT EXISTS weir.inventory_log
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    sku String COMMENT 'Product',
    kind LowCardinality(String) COMMENT 'count, movement, inbound, price or capacity',
    node_id LowCardinality(Nullable(String)) COMMENT 'Warehouse or shop',
    channel LowCardinality(Nullable(String)) COMMENT 'Channel of a price',
    on_hand Nullable(Int64) COMMENT 'Units on hand, for count',
    reserved Nullable(Int64) COMMENT 'Units reserved, for count',
    safety Nullable(Int64) COMMENT 'Units of safety stock, for count',
    quantity Nullable(Int64) COMMENT 'Units: signed for movement, positive for inbound',
    lead_time_days Nullable(Float64) COMMENT 'Days from reorder to arrival',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When an inbound delivery is due, UTC',
    price_minor Nullable(Int64) COMMENT 'Price in minor units of the currency',
    currency LowCardinality(Nullable(String)) COMMENT 'ISO 4217 code of the price',
    tax_included Nullable(Bool) COMMENT 'Whether the price includes tax',
    promo_id LowCardinality(Nullable(String)) COMMENT 'Promotion of the price',
    capacity Nullable(Int64) COMMENT 'Units a node can take, for capacity',
    used Nullable(Int64) COMMENT 'Units of the capacity in use',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Accepted inventory events, one row each. Query inventory';

CREATE OR REPLACE VIEW weir.inventory
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    sku String COMMENT 'Product',
    kind LowCardinality(String) COMMENT 'count, movement, inbound, price or capacity',
    node_id LowCardinality(Nullable(String)) COMMENT 'Warehouse or shop',
    channel LowCardinality(Nullable(String)) COMMENT 'Channel of a price',
    on_hand Nullable(Int64) COMMENT 'Units on hand, for count',
    reserved Nullable(Int64) COMMENT 'Units reserved, for count',
    safety Nullable(Int64) COMMENT 'Units of safety stock, for count',
    quantity Nullable(Int64) COMMENT 'Units: signed for movement, positive for inbound',
    lead_time_days Nullable(Float64) COMMENT 'Days from reorder to arrival',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When an inbound delivery is due, UTC',
    price_minor Nullable(Int64) COMMENT 'Price in minor units of the currency',
    currency LowCardinality(Nullable(String)) COMMENT 'ISO 4217 code of the price',
    tax_included Nullable(Bool) COMMENT 'Whether the price includes tax',
    promo_id LowCardinality(Nullable(String)) COMMENT 'Promotion of the price',
    capacity Nullable(Int64) COMMENT 'Units a node can take, for capacity',
    used Nullable(Int64) COMMENT 'Units of the capacity in use',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record'
)
AS SELECT
    occurred_at,
    event_id,
    source,
    seq,
    sku,
    kind,
    node_id,
    channel,
    on_hand,
    reserved,
    safety,
    quantity,
    lead_time_days,
    due_at,
    price_minor,
    currency,
    tax_included,
    promo_id,
    capacity,
    used,
    ingested_at,
    `partition`,
    `offset`
FROM weir.inventory_log FINAL
COMMENT 'Accepted inventory events, one row each';

CREATE TABLE IF NOT EXISTS weir.reference_log
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    subject String COMMENT 'What the fact is about',
    kind LowCardinality(String) COMMENT 'fx, spend, target, identity, consent, erasure or rule',
    base LowCardinality(Nullable(String)) COMMENT 'fx: ISO 4217 code of the base currency',
    quote LowCardinality(Nullable(String)) COMMENT 'fx: ISO 4217 code of the quote currency',
    rate Nullable(Float64) COMMENT 'fx: units of quote for one of base',
    channel LowCardinality(Nullable(String)) COMMENT 'spend, target: channel',
    campaign LowCardinality(Nullable(String)) COMMENT 'spend: campaign',
    amount_minor Nullable(Int64) COMMENT 'spend: amount in minor units of the currency',
    currency LowCardinality(Nullable(String)) COMMENT 'spend: ISO 4217 code',
    metric LowCardinality(Nullable(String)) COMMENT 'target: metric',
    `value` Nullable(Float64) COMMENT 'target: value',
    `from` Nullable(DateTime64(3, 'UTC')) COMMENT 'spend, target: start, inclusive, UTC',
    `to` Nullable(DateTime64(3, 'UTC')) COMMENT 'spend, target: end, exclusive, UTC',
    visitor_id Nullable(String) COMMENT 'identity, consent, erasure: token of the visitor',
    `into` Nullable(String) COMMENT 'identity: token of the surviving visitor',
    rule Nullable(String) COMMENT 'rule: JSON of the rule',
    consent_analytics Nullable(Bool) COMMENT 'consent: whether the visitor agreed to analytics',
    consent_marketing Nullable(Bool) COMMENT 'consent: whether the visitor agreed to marketing',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Accepted reference events, one row each; the columns that its kind does not use are NULL. Query reference';

CREATE OR REPLACE VIEW weir.reference
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event; a repeat of it was a duplicate and is not here',
    source LowCardinality(String) COMMENT 'Who sent the event',
    seq Nullable(Int64) COMMENT 'Sequence number of the source',
    subject String COMMENT 'What the fact is about',
    kind LowCardinality(String) COMMENT 'fx, spend, target, identity, consent, erasure or rule',
    base LowCardinality(Nullable(String)) COMMENT 'fx: ISO 4217 code of the base currency',
    quote LowCardinality(Nullable(String)) COMMENT 'fx: ISO 4217 code of the quote currency',
    rate Nullable(Float64) COMMENT 'fx: units of quote for one of base',
    channel LowCardinality(Nullable(String)) COMMENT 'spend, target: channel',
    campaign LowCardinality(Nullable(String)) COMMENT 'spend: campaign',
    amount_minor Nullable(Int64) COMMENT 'spend: amount in minor units of the currency',
    currency LowCardinality(Nullable(String)) COMMENT 'spend: ISO 4217 code',
    metric LowCardinality(Nullable(String)) COMMENT 'target: metric',
    `value` Nullable(Float64) COMMENT 'target: value',
    `from` Nullable(DateTime64(3, 'UTC')) COMMENT 'spend, target: start, inclusive, UTC',
    `to` Nullable(DateTime64(3, 'UTC')) COMMENT 'spend, target: end, exclusive, UTC',
    visitor_id Nullable(String) COMMENT 'identity, consent, erasure: token of the visitor',
    `into` Nullable(String) COMMENT 'identity: token of the surviving visitor',
    rule Nullable(String) COMMENT 'rule: JSON of the rule',
    consent_analytics Nullable(Bool) COMMENT 'consent: whether the visitor agreed to analytics',
    consent_marketing Nullable(Bool) COMMENT 'consent: whether the visitor agreed to marketing',
    ingested_at DateTime64(3, 'UTC') COMMENT 'When the log took the event, UTC',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record'
)
AS SELECT
    occurred_at,
    event_id,
    source,
    seq,
    subject,
    kind,
    base,
    quote,
    rate,
    channel,
    campaign,
    amount_minor,
    currency,
    metric,
    `value`,
    `from`,
    `to`,
    visitor_id,
    `into`,
    rule,
    consent_analytics,
    consent_marketing,
    ingested_at,
    `partition`,
    `offset`
FROM weir.reference_log FINAL
COMMENT 'Accepted reference events, one row each; the columns that its kind does not use are NULL';
