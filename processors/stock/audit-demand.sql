-- Demand as the raw events have it: what the audits of stock_current, of forecasts and of risks have in common; goes on
-- from audit-beginning.sql.
    ,
    sales AS
    (
        -- Evidence is worth 2^(-age / half-life); here as of the last instant of the node.
        SELECT
            *,
            toFloat64({half_life_ms:UInt64}) AS half_life_ms,
            if(was_in_stock AND demand > 0, demand * exp2(-(end_ms - at_ms) / half_life_ms), 0) AS evidence,
            -- Half a unit was believed in at the first count.
            0.5 * exp2(-(end_ms - first_ms) / half_life_ms) AS prior
        FROM sold_instants
    ),
    pieces AS
    (
        -- Time in stock day by day, or hour by hour where hours have weights.
        SELECT
            sku,
            node_id,
            at_ms,
            end_ms,
            if({is_flat:Bool}, 86400000, 3600000) AS part_ms,
            arrayJoin(range(intDiv(at_ms, part_ms), intDiv(until_ms - 1, part_ms) + 1)) AS part,
            greatest(at_ms, part * part_ms) AS from_ms,
            least(until_ms, (part + 1) * part_ms) AS to_ms,
            -- Hour 0 of the epoch was the first of a Thursday.
            if({is_flat:Bool}, 1, arrayMap(weight -> toFloat64(weight), {profile:Array(String)})[(part + 72) % 168 + 1]) AS weight,
            weight * (to_ms - from_ms) / 86400000 AS days,
            weight * (exp2(-(end_ms - to_ms) / half_life_ms) - exp2(-(end_ms - from_ms) / half_life_ms)) * half_life_ms / log(2) / 86400000 AS exposure
        FROM sales
        WHERE in_stock AND until_ms > at_ms
    )
