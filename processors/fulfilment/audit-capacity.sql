-- Recomputes weir.node_capacity from the raw events alone. It follows docs/fulfilment.md and shares nothing with
-- the operator.
SELECT
    sku AS area,
    if(ifNull(inventory.node_id, '') = '', 'default', toString(assumeNotNull(inventory.node_id))) AS node_id,
    argMax(assumeNotNull(inventory.capacity), (occurred_at, event_id)) AS capacity,
    argMax(assumeNotNull(inventory.used), (occurred_at, event_id)) AS used
FROM weir.inventory AS inventory
WHERE kind = 'capacity' AND inventory.capacity >= 1 AND inventory.used IS NOT NULL
GROUP BY area, node_id
