-- Recomputes when stockouts began and ended; goes on from audit-beginning.sql.
    ,
    standing AS
    (
        SELECT
            sku,
            node_id,
            at_ms,
            count_number > 0 AND NOT in_stock AS is_out,
            lagInFrame(count_number > 0 AND NOT in_stock, 1, false) OVER (
                PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS was_out
        FROM sold_instants
    ),
    turns AS
    (
        -- Where it ran out or came back, by turns.
        SELECT
            *,
            leadInFrame(at_ms, 1, 0) OVER (
                PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_ms
        FROM standing
        WHERE is_out != was_out
    )
SELECT
    sku,
    node_id,
    fromUnixTimestamp64Milli(at_ms, 'UTC') AS opened_at,
    if(next_ms = 0, 'open', toString(fromUnixTimestamp64Milli(next_ms, 'UTC'))) AS resolved
FROM turns
WHERE is_out
