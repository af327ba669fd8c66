-- Recomputes weir.stock_current; goes on from audit-beginning.sql.
    ,
    exposures AS
    (
        -- Time in stock hour by hour, each hour weighted, each moment decayed by its age.
        SELECT
            sku,
            node_id,
            sum(weight * (exp2(-(end_ms - to_ms) / {half_life_ms:UInt64}) - exp2(-(end_ms - from_ms) / {half_life_ms:UInt64}))) * {half_life_ms:UInt64} / log(2) / 86400000 AS beta
        FROM
        (
            SELECT
                sku,
                node_id,
                end_ms,
                arrayJoin(if({is_flat:Bool}, [intDiv(at_ms, 3600000)], range(intDiv(at_ms, 3600000), intDiv(until_ms - 1, 3600000) + 1))) AS hour,
                if({is_flat:Bool}, at_ms, greatest(at_ms, hour * 3600000)) AS from_ms,
                if({is_flat:Bool}, until_ms, least(until_ms, (hour + 1) * 3600000)) AS to_ms,
                -- Hour 0 of the epoch was the first of a Thursday.
                arrayMap(weight -> toFloat64(weight), {profile:Array(String)})[(hour + 72) % 168 + 1] AS weight
            FROM sold_instants
            WHERE in_stock AND until_ms > at_ms
        )
        GROUP BY sku, node_id
    ),
    demands AS
    (
        -- Half a unit was believed in at the first count.
        SELECT
            sku,
            node_id,
            any(end_ms) AS newest_ms,
            0.5 * exp2(-(any(end_ms) - any(first_ms)) / {half_life_ms:UInt64})
                + sumIf(demand * exp2(-(end_ms - at_ms) / {half_life_ms:UInt64}), was_in_stock AND demand > 0) AS alpha,
            0.5 * exp2(-(any(end_ms) - any(first_ms)) / {half_life_ms:UInt64})
                + sumIf(demand * demand * exp2(-(end_ms - at_ms) / {half_life_ms:UInt64}), was_in_stock AND demand > 0) AS squares,
            maxIf(at_ms, count_number > 0 AND (NOT was_counted OR in_stock != was_in_stock)) AS since_ms,
            countIf(count_number > 0 AND NOT in_stock) > 0 AS has_run_out
        FROM sold_instants
        GROUP BY sku, node_id
    ),
    stale AS
    (
        SELECT DISTINCT sku, node_id FROM sequences WHERE has_gap
    ),
    deliveries AS
    (
        SELECT
            sku,
            ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
            groupArray((toUnixTimestamp64Milli(assumeNotNull(due_at)), assumeNotNull(quantity))) AS announced
        FROM weir.inventory AS inventory
        WHERE kind = 'inbound' AND quantity IS NOT NULL AND due_at IS NOT NULL
        GROUP BY sku, node_id
    ),
    leads AS
    (
        -- The newest lead time that a count or an announcement names.
        SELECT
            sku,
            ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
            argMax(assumeNotNull(lead_time_days), (occurred_at, kind = 'inbound', event_id)) AS days
        FROM weir.inventory AS inventory
        WHERE lead_time_days > 0
            AND ((kind = 'count' AND on_hand IS NOT NULL) OR (kind = 'inbound' AND quantity IS NOT NULL AND due_at IS NOT NULL))
        GROUP BY sku, node_id
    ),
    standings AS
    (
        SELECT
            levels.sku AS sku,
            levels.node_id AS node_id,
            is_counted,
            levels.on_hand AS on_hand,
            levels.reserved AS reserved,
            levels.safety AS safety,
            levels.on_hand - levels.reserved - levels.safety AS available,
            demands.newest_ms AS end_ms,
            demands.has_run_out AND demands.newest_ms - demands.since_ms < 3600000 AS is_recovering,
            demands.alpha AS alpha,
            greatest(1, demands.squares / demands.alpha) AS lump,
            exposures.beta AS beta,
            -- Below five units, decayed, nothing is said about risk.
            alpha >= 5 AND beta > 0 AND available > 0 AS is_known,
            if(leads.days > 0, leads.days * 86400000, toFloat64({lead_time_ms:UInt64})) AS lead_ms,
            arrayFilter(delivery -> delivery.1 > demands.newest_ms, deliveries.announced) AS inbound,
            -- Until when the cover has to reach to enter and to leave LOW, and the ends of what is at risk.
            arrayConcat(
                [end_ms + lead_ms + {review_period_ms:UInt64}, end_ms + 1.2 * (lead_ms + {review_period_ms:UInt64}), end_ms + lead_ms],
                arrayFilter(due_ms -> due_ms <= end_ms + lead_ms, arrayMap(delivery -> toFloat64(delivery.1), inbound))) AS untils,
            arrayMap(
                until_ms -> if(
                    {is_flat:Bool},
                    (until_ms - end_ms) / 86400000,
                    arraySum(
                        hour -> toFloat64(({profile:Array(String)})[(hour + 72) % 168 + 1]) * (least(until_ms, toFloat64((hour + 1) * 3600000)) - greatest(toFloat64(end_ms), toFloat64(hour * 3600000))),
                        range(toUInt64(intDiv(end_ms, 3600000)), toUInt64(floor(until_ms / 3600000)) + 1)) / 86400000),
                untils) AS days
        FROM levels
        LEFT JOIN exposures ON exposures.sku = levels.sku AND exposures.node_id = levels.node_id
        LEFT JOIN demands ON demands.sku = levels.sku AND demands.node_id = levels.node_id
        LEFT JOIN deliveries ON deliveries.sku = levels.sku AND deliveries.node_id = levels.node_id
        LEFT JOIN leads ON leads.sku = levels.sku AND leads.node_id = levels.node_id
    ),
    tails AS
    (
        SELECT
            *,
            alpha / lump AS r,
            arrayMap(
                (until_ms, place) -> (available + arraySum(delivery -> delivery.2 * (delivery.1 < until_ms OR (place = 1 AND delivery.1 = until_ms)), inbound)) / lump,
                arraySlice(untils, 3), arrayEnumerate(arraySlice(untils, 3))) AS ns,
            arrayMap(until_days -> until_days / (beta + until_days), arraySlice(days, 3)) AS xs,
            -- Ten standard deviations below the mean of Beta(n + 1, r) there is nothing to add up.
            arrayMap(n -> greatest(0, (n + 1) / (n + r + 1) - 10 * sqrt((n + 1) * r / (n + r + 2)) / (n + r + 1)), ns) AS lows
        FROM standings
    ),
    chances AS
    (
        -- P(NB >= n) = I_x(n, r), the integral of a beta density: one step of its recurrence in n, then 400 midpoints.
        SELECT
            *,
            if(NOT is_known, 0, arrayMax(arrayMap(
                (n, x, low) -> if(
                    n <= 0,
                    1,
                    exp(n * log(x) + r * log(1 - x) - log(n) - lgamma(n) - lgamma(r) + lgamma(n + r))
                        + if(low >= x, 0, (x - low) / 400 * arraySum(
                            step -> exp(
                                n * log(low + (x - low) * (step + 0.5) / 400)
                                + (r - 1) * log(1 - low - (x - low) * (step + 0.5) / 400)
                                - lgamma(n + 1) - lgamma(r) + lgamma(n + r + 1)),
                            range(400)))),
                ns, xs, lows))) AS chance
        FROM tails
    )
SELECT
    sku,
    node_id,
    -- A state that is left past a margin depends on what was before: within the margin the live one is taken.
    multiIf(
        NOT is_counted, 'UNKNOWN',
        (sku, node_id) IN (SELECT sku, node_id FROM stale), 'STALE',
        available < 0 AND arraySum(delivery -> delivery.2, inbound) > 0, 'BACKORDER',
        available <= 0, 'OUT',
        is_known AND (chance >= 0.201 OR (chance >= 0.099 AND shown.state = 'AT_RISK')), 'AT_RISK',
        is_recovering, 'RECOVERING',
        is_known AND available < alpha / beta * days[1], 'LOW',
        is_known AND available < alpha / beta * days[2] AND shown.state = 'LOW', 'LOW',
        'IN_STOCK') AS state,
    if(is_counted, available, NULL) AS available,
    if(is_counted, on_hand, NULL) AS on_hand,
    if(is_counted, reserved, NULL) AS reserved,
    if(is_counted, safety, NULL) AS safety,
    if(is_counted AND beta > 0, printf('%.3e', alpha / beta), NULL) AS rate
FROM chances
LEFT JOIN (SELECT sku, node_id, state FROM weir.stock_current) AS shown USING (sku, node_id)
