-- Recomputes the forecasts of weir.stock_current, their error and the chance of a pause in sales; goes on from
-- audit-demand.sql.
    ,
    firsts AS
    (
        SELECT
            sku,
            node_id,
            any(end_ms) AS last_ms,
            any(first_ms) AS counted_ms,
            any(prior) AS prior_units,
            any(half_life_ms) AS life_ms,
            countIf(sales.evidence > 0) > 0 AS has_sold,
            minIf(at_ms, sales.evidence > 0) AS first_sale_ms,
            maxIf(at_ms, sales.evidence > 0) AS last_sale_ms,
            prior_units + sum(sales.evidence) AS alpha,
            prior_units + sum(sales.evidence * demand) AS squares
        FROM sales
        GROUP BY sku, node_id
    ),
    parts AS
    (
        -- What each UTC day has sold and how long it was in stock, as far as it is over.
        SELECT
            sku,
            node_id,
            intDiv(at_ms, 86400000) AS day,
            if(evidence > 0, demand, 0) AS units,
            evidence AS learned,
            0. AS exposure,
            0. AS days,
            at_ms,
            toInt8(in_stock) AS standing
        FROM sales
        UNION ALL
        -- A day in which nothing happened and that has time in stock ended in stock.
        SELECT
            pieces.sku, pieces.node_id, intDiv(from_ms, 86400000), 0, 0., exposure,
            if(firsts.has_sold AND from_ms >= first_sale_ms, pieces.days, 0.), 0, 1
        FROM pieces
        INNER JOIN firsts ON firsts.sku = pieces.sku AND firsts.node_id = pieces.node_id
    ),
    sums AS
    (
        SELECT
            sku,
            node_id,
            day,
            sum(parts.units) AS units,
            sum(parts.learned) AS learned,
            sum(parts.exposure) AS exposure,
            sum(parts.days) AS days,
            argMax(standing, at_ms) AS is_selling
        FROM parts
        GROUP BY sku, node_id, day
    ),
    rated AS
    (
        SELECT
            sums.*,
            firsts.first_sale_ms AS first_sale_ms,
            firsts.has_sold AS has_sold,
            (prior_units + sum(learned) OVER until_now) / sum(exposure) OVER until_now AS rate_after
        FROM sums
        INNER JOIN firsts ON firsts.sku = sums.sku AND firsts.node_id = sums.node_id
        WHERE day >= intDiv(counted_ms, 86400000) AND day < intDiv(last_ms, 86400000)
        WINDOW until_now AS (PARTITION BY sku, node_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    compared AS
    (
        SELECT
            *,
            lagInFrame(day, 1, day) OVER earlier AS previous,
            lagInFrame(if(isFinite(rate_after) AND has_sold AND intDiv(first_sale_ms, 86400000) <= day, rate_after, 0.), 1, 0.) OVER earlier AS rate
        FROM rated
        WINDOW earlier AS (PARTITION BY sku, node_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    smoothed AS
    (
        -- Quiet days, units on a day with a sale (TSB and Croston alike), days between, share of days with a sale,
        -- decayed errors, decayed units.
        SELECT
            sku,
            node_id,
            arraySort(row -> row.1, groupArray((day, toFloat64(units), is_selling, days, rate, exp2(-(day - previous) * 86400000 / {half_life_ms:UInt64})))) AS ordered,
            arrayFold(
                (standing, row) -> (
                    multiIf(row.2 > 0, 0., row.3 = 1, standing.1 + 1, standing.1),
                    multiIf(row.2 = 0, standing.2, standing.3 = 0, row.2, standing.2 + 0.1 * (row.2 - standing.2)),
                    multiIf(row.2 = 0, standing.3, standing.3 = 0, standing.1 + 1, standing.3 + 0.1 * (standing.1 + 1 - standing.3)),
                    multiIf(
                        row.2 > 0 AND standing.3 = 0 AND standing.1 = 0, 1.,
                        row.2 > 0, standing.4 + 0.1 * (1 - standing.4),
                        row.3 = 1, standing.4 + 0.1 * (0 - standing.4),
                        standing.4),
                    standing.5 * row.6 + if(row.5 > 0, abs(row.2 - row.5 * row.4), 0.),
                    standing.6 * row.6 + if(row.5 > 0, row.2, 0.)),
                ordered,
                (0., 0., 0., 0., 0., 0.)) AS standing
        FROM compared
        GROUP BY sku, node_id
    ),
    pauses AS
    (
        -- As of the last sale, and the weighted days in stock since.
        SELECT
            firsts.sku AS sku,
            firsts.node_id AS node_id,
            greatest(1, squares / alpha) AS lump,
            exp2((last_ms - last_sale_ms) / life_ms) AS scale,
            alpha * scale / lump AS shape,
            sumIf(exposure, to_ms <= last_sale_ms) * scale AS known,
            sumIf(days, from_ms >= last_sale_ms) AS quiet,
            exp(-shape * log1p(quiet / known)) AS chance
        FROM firsts
        INNER JOIN pieces ON pieces.sku = firsts.sku AND pieces.node_id = firsts.node_id
        WHERE has_sold
        GROUP BY firsts.sku, firsts.node_id, squares, alpha, last_ms, last_sale_ms, life_ms
    )
SELECT
    firsts.sku AS sku,
    firsts.node_id AS node_id,
    -- Rounded as they are stored.
    arrayMap(
        value -> if(isFinite(value), printf('%.6f', floor(value * 1e6 + 0.5) / 1e6), ''),
        [
            if(pauses.sku != '' AND known > 0, pauses.chance, nan),
            if(standing.3 > 0, standing.4 * standing.2, nan),
            if(standing.3 > 0, standing.2 / standing.3, nan),
            if(standing.3 > 0, standing.2 / standing.3 * (1 - 0.1 / 2), nan),
            if(standing.6 > 0, standing.5 / standing.6, nan)
        ]) AS shown,
    shown[1] AS phantom,
    shown[2] AS tsb,
    shown[3] AS croston,
    shown[4] AS sba,
    shown[5] AS error
FROM firsts
LEFT JOIN pauses ON pauses.sku = firsts.sku AND pauses.node_id = firsts.node_id
LEFT JOIN smoothed ON smoothed.sku = firsts.sku AND smoothed.node_id = firsts.node_id
