CREATE TABLE IF NOT EXISTS weir.stock_current_rows
(
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker; default when events name none',
    state LowCardinality(String) COMMENT 'UNKNOWN (never counted), STALE (numbers not to be trusted), OUT (nothing available), IN_STOCK',
    available Nullable(Int64) COMMENT 'Units that can be sold: on_hand − reserved − safety; null until the first count',
    on_hand Nullable(Int64) COMMENT 'Units there: the newest count with every movement, sale and return after it',
    reserved Nullable(Int64) COMMENT 'Units promised, of the newest count',
    safety Nullable(Int64) COMMENT 'Units held back, of the newest count',
    changed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it has been in or out of stock, event time; null until the first count',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest event in the numbers',
    withdrawn Bool COMMENT 'True when every change of a node without a count was taken back; hidden by the view',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (sku, node_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.stock_current';

CREATE OR REPLACE VIEW weir.stock_current AS
SELECT sku, node_id, state, available, on_hand, reserved, safety, changed_at, as_of
FROM weir.stock_current_rows FINAL
WHERE NOT withdrawn;

CREATE TABLE IF NOT EXISTS weir.stock_incidents_rows
(
    incident_id String COMMENT 'Same as the alert_id of its alert',
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker',
    kind LowCardinality(String) COMMENT 'stockout',
    state LowCardinality(String) COMMENT 'open, acknowledged, resolved; withdrawn rows are hidden by the view',
    opened_at DateTime64(3, 'UTC') COMMENT 'Event time of the change that left nothing available',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person took it over',
    acknowledged_by Nullable(String) COMMENT 'Who took it over',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time of the change that made something available again; null while it goes on',
    withdrawn Bool COMMENT 'True when a late event has shown that there was no such stockout; hidden by the view',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (incident_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.stock_incidents';

CREATE OR REPLACE VIEW weir.stock_incidents AS
SELECT
    incident_id, sku, node_id, kind, state, opened_at, acknowledged_at, acknowledged_by, resolved_at
FROM weir.stock_incidents_rows FINAL
WHERE NOT withdrawn;
