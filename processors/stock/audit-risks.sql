-- Recomputes when stockouts were likely; goes on from audit-chances.sql.
    ,
    told AS
    (
        SELECT sku, node_id, groupArray((toUnixTimestamp64Milli(opened_at), ifNull(toUnixTimestamp64Milli(resolved_at), 9007199254740991))) AS spells
        FROM weir.alerts
        WHERE kind = 'at_risk'
        GROUP BY sku, node_id
    ),
    marked AS
    (
        -- The chance here is right to a thousandth: so close to a threshold the live incident is taken as it is.
        SELECT
            chances.sku AS sku,
            chances.node_id AS node_id,
            at_ms,
            lead_ms,
            has_run_out AND at_ms - since_ms < 0.2 * lead_ms AS has_just_run_out,
            arrayExists(spell -> spell.1 <= at_ms AND at_ms < spell.2, told.spells) AS is_told,
            multiIf(
                NOT is_known OR chance < 0.099, 0,
                chance < 0.101, toInt8(is_told),
                has_just_run_out OR chance < 0.499, -1,
                chance < 0.501, toInt8(is_told),
                1) AS mark
        FROM chances
        LEFT JOIN told ON told.sku = chances.sku AND told.node_id = chances.node_id
    ),
    held AS
    (
        -- Between the thresholds it stays as it was.
        SELECT *, argMaxIf(mark, at_ms, mark >= 0) OVER (PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS is_alarmed
        FROM marked
    ),
    turns AS
    (
        SELECT *
        FROM
        (
            SELECT
                *,
                lagInFrame(is_alarmed, 1, 0) OVER (
                    PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS was_alarmed
            FROM held
        )
        WHERE is_alarmed != was_alarmed
    ),
    paused AS
    (
        SELECT
            *,
            lagInFrame(at_ms, 1, 0) OVER (
                PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS left_ms,
            -- One that comes back within a fifth of the lead time is the same one.
            is_alarmed AND at_ms - left_ms >= 0.2 * lead_ms AS is_new
        FROM turns
    ),
    numbered_risks AS
    (
        SELECT *, sum(is_new) OVER (PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM paused
    )
SELECT
    sku,
    node_id,
    fromUnixTimestamp64Milli(toInt64(min(at_ms)), 'UTC') AS opened_at,
    if(argMax(is_alarmed, at_ms) = 1, 'open', toString(fromUnixTimestamp64Milli(toInt64(max(at_ms)), 'UTC'))) AS resolved
FROM numbered_risks
GROUP BY sku, node_id, number
