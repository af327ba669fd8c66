-- Recomputes weir.stock_current; goes on from audit-chances.sql.
    ,
    stale AS
    (
        SELECT DISTINCT sku, node_id FROM sequences WHERE has_gap
    )
SELECT
    levels.sku AS sku,
    levels.node_id AS node_id,
    -- A state that is left past a margin depends on what was before: within the margin the live one is taken.
    multiIf(
        NOT is_counted, 'UNKNOWN',
        (levels.sku, levels.node_id) IN (SELECT sku, node_id FROM stale), 'STALE',
        free < 0 AND inbound > 0, 'BACKORDER',
        free <= 0, 'OUT',
        is_known AND (chance >= 0.201 OR (chance >= 0.099 AND shown.state = 'AT_RISK')), 'AT_RISK',
        has_run_out AND end_ms - since_ms < 3600000, 'RECOVERING',
        is_known AND free < alpha / beta * days[1], 'LOW',
        is_known AND free < alpha / beta * days[2] AND shown.state = 'LOW', 'LOW',
        'IN_STOCK') AS state,
    levels.on_hand - levels.reserved - levels.safety AS free,
    if(is_counted, free, NULL) AS available,
    if(is_counted, levels.on_hand, NULL) AS on_hand,
    if(is_counted, levels.reserved, NULL) AS reserved,
    if(is_counted, levels.safety, NULL) AS safety,
    arraySum(delivery -> delivery.3, chances.inbound) AS inbound,
    if(is_counted AND beta > 0, printf('%.3e', alpha / beta), NULL) AS rate
FROM levels
INNER JOIN chances ON chances.sku = levels.sku AND chances.node_id = levels.node_id
LEFT JOIN (SELECT sku, node_id, state FROM weir.stock_current) AS shown
    ON shown.sku = levels.sku AND shown.node_id = levels.node_id
