-- The chance to run out before replenishment, at the last instant of every node or at all of them; goes on from
-- audit-demand.sql.
    ,
    beliefs AS
    (
        SELECT
            sales.sku AS sku,
            sales.node_id AS node_id,
            sales.at_ms AS at_ms,
            end_ms,
            available,
            in_stock,
            exp2((end_ms - at_ms) / half_life_ms) AS scale,
            scale * (prior + sum(evidence) OVER until_now) AS alpha,
            scale * (prior + sum(evidence * demand) OVER until_now) AS squares,
            scale * sum(stretches.exposure) OVER until_before AS beta,
            max(if(count_number > 0 AND (NOT was_counted OR in_stock != was_in_stock), at_ms, 0)) OVER until_now AS since_ms,
            max(count_number > 0 AND NOT in_stock) OVER until_now AS has_run_out
        FROM sales
        LEFT JOIN (SELECT sku, node_id, at_ms, sum(exposure) AS exposure FROM pieces GROUP BY sku, node_id, at_ms) AS stretches
            ON stretches.sku = sales.sku AND stretches.node_id = sales.node_id AND stretches.at_ms = sales.at_ms
        WINDOW
            until_now AS (PARTITION BY sales.sku, sales.node_id ORDER BY sales.at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
            until_before AS (PARTITION BY sales.sku, sales.node_id ORDER BY sales.at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    announcements AS
    (
        SELECT
            sku,
            ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
            groupArray((toUnixTimestamp64Milli(occurred_at), toUnixTimestamp64Milli(assumeNotNull(due_at)), assumeNotNull(quantity))) AS announced
        FROM weir.inventory AS inventory
        WHERE kind = 'inbound' AND quantity IS NOT NULL AND due_at IS NOT NULL
        GROUP BY sku, node_id
    ),
    leads AS
    (
        -- Lead times that counts and announcements name; of several of one instant the last holds.
        SELECT
            sku,
            ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
            arraySort(groupArray((toUnixTimestamp64Milli(occurred_at), kind = 'inbound', event_id, assumeNotNull(lead_time_days)))) AS named
        FROM weir.inventory AS inventory
        WHERE lead_time_days > 0
            AND ((kind = 'count' AND on_hand IS NOT NULL) OR (kind = 'inbound' AND quantity IS NOT NULL AND due_at IS NOT NULL))
        GROUP BY sku, node_id
    ),
    standings AS
    (
        SELECT
            beliefs.sku AS sku,
            beliefs.node_id AS node_id,
            beliefs.* EXCEPT (sku, node_id),
            greatest(1, squares / alpha) AS lump,
            -- Below five units, decayed, nothing is said about risk.
            alpha >= 5 AND beta > 0 AND in_stock AS is_known,
            arrayLast(lead -> lead.1 <= at_ms, leads.named).4 AS lead_days,
            if(lead_days > 0, lead_days * 86400000, toFloat64({lead_time_ms:UInt64})) AS lead_ms,
            arrayFilter(delivery -> delivery.1 <= at_ms AND delivery.2 > at_ms, announcements.announced) AS inbound,
            -- Until when the cover has to reach to enter and to leave LOW, and the ends of what is at risk.
            arrayConcat(
                [at_ms + lead_ms + {review_period_ms:UInt64}, at_ms + 1.2 * (lead_ms + {review_period_ms:UInt64}), at_ms + lead_ms],
                arrayFilter(due_ms -> due_ms <= at_ms + lead_ms, arrayMap(delivery -> toFloat64(delivery.2), inbound))) AS untils,
            arrayMap(
                until_ms -> if(
                    {is_flat:Bool},
                    (until_ms - at_ms) / 86400000,
                    arraySum(
                        hour -> toFloat64(({profile:Array(String)})[(hour + 72) % 168 + 1]) * (least(until_ms, toFloat64((hour + 1) * 3600000)) - greatest(toFloat64(at_ms), toFloat64(hour * 3600000))),
                        range(toUInt64(intDiv(at_ms, 3600000)), toUInt64(floor(until_ms / 3600000)) + 1)) / 86400000),
                untils) AS days
        FROM beliefs
        LEFT JOIN announcements ON announcements.sku = beliefs.sku AND announcements.node_id = beliefs.node_id
        LEFT JOIN leads ON leads.sku = beliefs.sku AND leads.node_id = beliefs.node_id
        WHERE at_ms = end_ms OR NOT {is_newest_only:Bool}
    ),
    tails AS
    (
        SELECT
            *,
            alpha / lump AS r,
            arrayMap(
                (until_ms, place) -> (available + arraySum(delivery -> delivery.3 * (delivery.2 < until_ms OR (place = 1 AND delivery.2 = until_ms)), inbound)) / lump,
                arraySlice(untils, 3), arrayEnumerate(arraySlice(untils, 3))) AS ns,
            arrayMap(until_days -> until_days / (beta + until_days), arraySlice(days, 3)) AS xs,
            arrayMap(until_days -> r * until_days / beta, arraySlice(days, 3)) AS means,
            arrayMap((mean, until_days) -> mean * (1 + until_days / beta), means, arraySlice(days, 3)) AS variances,
            -- Ten standard deviations below the mean of Beta(n + 1, r) there is nothing to add up.
            arrayMap(n -> greatest(0, (n + 1) / (n + r + 1) - 10 * sqrt((n + 1) * r / (n + r + 2)) / (n + r + 1)), ns) AS lows
        FROM standings
    ),
    chances AS
    (
        -- P(NB >= n) = I_x(n, r), the integral of a beta density: one step of its recurrence in n, then 400 midpoints. Where
        -- Cantelli's inequality says that it is below a twentieth, no threshold is near.
        SELECT
            *,
            if(NOT is_known, 0, arrayMax(arrayMap(
                (n, x, low, mean, variance) -> multiIf(
                    n <= 0,
                    1,
                    n > mean AND variance < 0.05 * (variance + (n - mean) * (n - mean)),
                    0,
                    exp(n * log(x) + r * log(1 - x) - log(n) - lgamma(n) - lgamma(r) + lgamma(n + r))
                        + if(low >= x, 0, (x - low) / 400 * arraySum(
                            step -> exp(
                                n * log(low + (x - low) * (step + 0.5) / 400)
                                + (r - 1) * log(1 - low - (x - low) * (step + 0.5) / 400)
                                - lgamma(n + 1) - lgamma(r) + lgamma(n + r + 1)),
                            range(400)))),
                ns, xs, lows, means, variances))) AS chance
        FROM tails
    )
