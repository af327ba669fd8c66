-- Recomputes when nodes had too little room and had enough again, from the raw events alone. It follows
-- docs/fulfilment.md and shares nothing with the operator.
WITH
    readings AS
    (
        SELECT
            sku AS entity_key,
            if(ifNull(inventory.node_id, '') = '', 'default', toString(assumeNotNull(inventory.node_id))) AS node_id,
            toUnixTimestamp64Milli(occurred_at) AS at_ms,
            argMax(assumeNotNull(used) > 0.85 * assumeNotNull(inventory.capacity), event_id) AS is_full
        FROM weir.inventory AS inventory
        WHERE kind = 'capacity' AND inventory.capacity >= 1 AND inventory.used IS NOT NULL
        GROUP BY entity_key, node_id, at_ms
    ),
    standing AS
    (
        SELECT
            *,
            lagInFrame(is_full, 1, 0) OVER (
                PARTITION BY entity_key, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS was_full
        FROM readings
    ),
    turns AS
    (
        SELECT
            *,
            leadInFrame(at_ms, 1, 0) OVER (
                PARTITION BY entity_key, node_id ORDER BY at_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_ms
        FROM standing
        WHERE is_full != was_full
    )
SELECT
    entity_key,
    node_id,
    fromUnixTimestamp64Milli(at_ms, 'UTC') AS opened_at,
    if(next_ms = 0, 'open', toString(fromUnixTimestamp64Milli(next_ms, 'UTC'))) AS resolved
FROM turns
WHERE is_full
