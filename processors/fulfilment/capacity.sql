CREATE TABLE IF NOT EXISTS weir.node_capacity_rows
(
    area String COMMENT 'What the capacity is of: the sku of the capacity event, such as the whole node or its cold store',
    node_id String COMMENT 'Node that said so; default when it named none',
    capacity Int64 COMMENT 'Units that the node can take',
    used Int64 COMMENT 'Units of the capacity in use',
    breached_since Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when less than 15 % has been free; null while enough is',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest reading',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (area, node_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.node_capacity';

CREATE OR REPLACE VIEW weir.node_capacity
(
    area String COMMENT 'What the capacity is of: the sku of the capacity event, such as the whole node or its cold store',
    node_id String COMMENT 'Node that said so; default when it named none',
    capacity Int64 COMMENT 'Units that the node can take',
    used Int64 COMMENT 'Units of the capacity in use',
    buffer Float64 COMMENT '1 - used / capacity',
    state LowCardinality(String) COMMENT 'BREACH below a buffer of 15 %, TARGET up to 20 %, ROOM above',
    breached_since Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when the buffer has been below 15 %; null while it is not',
    shift_units Int64 COMMENT 'Units to move away so that 20 % are free, as far as shift_to has room; 0 when none is needed or nobody has room',
    shift_to String COMMENT 'Node of the same area with the most room beyond its own 20 %; empty when shift_units is 0',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest reading'
)
AS WITH
    intDiv(80 * capacity, 100) - used AS room,
    max(room) OVER areas AS most_room,
    argMax(nodes.node_id, (room, nodes.node_id)) OVER areas AS roomiest,
    100 * (capacity - used) < 15 * capacity AS is_breached,
    if(is_breached, greatest(0, least(-room, most_room)), 0) AS units
SELECT
    area,
    node_id,
    capacity,
    used,
    1 - used / capacity AS buffer,
    multiIf(is_breached, 'BREACH', room <= 0, 'TARGET', 'ROOM') AS state,
    breached_since,
    units AS shift_units,
    if(units > 0, roomiest, '') AS shift_to,
    as_of
FROM weir.node_capacity_rows AS nodes FINAL
WINDOW areas AS (PARTITION BY area)
COMMENT 'Room at every node, and what to move where when there is too little';
