-- Clicks and orders by the visitor as it is known now: an id that was linked to another is that other one.

CREATE OR REPLACE VIEW weir.visitor_clicks
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event',
    visitor_id String COMMENT 'Token of the surviving id of the visitor',
    sent_visitor_id String COMMENT 'Token of the id that the event was sent with',
    kind LowCardinality(String) COMMENT 'impression, click, page_view, product_view, add_to_cart, checkout or beacon',
    channel LowCardinality(String) COMMENT 'Channel the visitor came through or was in',
    campaign LowCardinality(Nullable(String)) COMMENT 'Campaign the click belongs to',
    sku Nullable(String) COMMENT 'Product that was seen or put in the cart',
    arm LowCardinality(Nullable(String)) COMMENT 'Arm in which the sender holds the visitor in the lift test of this channel: treated or holdout'
)
AS SELECT
    clicks.occurred_at AS occurred_at,
    clicks.event_id AS event_id,
    if(identities.into_token = '', clicks.visitor_id, identities.into_token) AS visitor_id,
    clicks.visitor_id AS sent_visitor_id,
    clicks.kind AS kind,
    clicks.channel AS channel,
    clicks.campaign AS campaign,
    clicks.sku AS sku,
    clicks.arm AS arm
FROM weir.clicks AS clicks
LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = clicks.visitor_id
COMMENT 'Accepted clicks by visitor, after all that is known of which ids are one';

CREATE OR REPLACE VIEW weir.visitor_orders
(
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the event, UTC',
    event_id String COMMENT 'Id of the event',
    order_id String COMMENT 'Order the event is about',
    status LowCardinality(String) COMMENT 'placed, cancelled, returned, shipped or delivered',
    visitor_id String COMMENT 'Token of the surviving id of the visitor',
    sent_visitor_id String COMMENT 'Token of the id that the event was sent with',
    sales_channel LowCardinality(String) COMMENT 'Channel that sold',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts',
    region LowCardinality(Nullable(String)) COMMENT 'Region of the delivery',
    zone LowCardinality(Nullable(String)) COMMENT 'urban, suburban or rural',
    fulfilment LowCardinality(Nullable(String)) COMMENT 'ship, pickup, curbside or locker',
    node_id LowCardinality(Nullable(String)) COMMENT 'Warehouse or store that fulfils',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Promised delivery',
    reason LowCardinality(Nullable(String)) COMMENT 'Why it was cancelled or returned'
)
AS SELECT
    orders.occurred_at AS occurred_at,
    orders.event_id AS event_id,
    orders.order_id AS order_id,
    orders.status AS status,
    if(identities.into_token = '', orders.visitor_id, identities.into_token) AS visitor_id,
    orders.visitor_id AS sent_visitor_id,
    orders.sales_channel AS sales_channel,
    orders.currency AS currency,
    orders.region AS region,
    orders.zone AS zone,
    orders.fulfilment AS fulfilment,
    orders.node_id AS node_id,
    orders.due_at AS due_at,
    orders.reason AS reason
FROM weir.orders AS orders
LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = orders.visitor_id
COMMENT 'Accepted order events by visitor, after all that is known of which ids are one';
