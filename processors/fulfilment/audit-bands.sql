-- Recomputes when zones broke their bands and kept them again, hour by hour; goes on from audit-beginning.sql. Hours are
-- counted from the epoch.
    ,
    judged_orders AS
    (
        SELECT
            intDiv(placing.1, 3600000) AS placed_hour,
            placing.2 AS zone,
            if(is_delivered AND NOT is_void, delivered.1 - placing.1, NULL) AS cycle_ms,
            if(is_void, intDiv(cancelled.1 + 3599999, 3600000), NULL) AS cancelled_hour
        FROM
        (
            SELECT
                argMinIf((at, zone_name), (at, event_id), status = 'placed') AS placing,
                minIf((at, event_id), status = 'delivered') AS delivered,
                minIf((at, event_id), status = 'cancelled') AS cancelled,
                countIf(status = 'delivered') > 0 AS is_delivered,
                countIf(status = 'cancelled') > 0 AND (NOT is_delivered OR cancelled < delivered) AS is_void
            FROM numbered
            GROUP BY visitor_id, order_id, number
            HAVING countIf(status = 'placed') > 0
        )
    ),
    bands AS
    (
        SELECT band.1 AS zone, band.2 AS hours, band.3 AS low
        FROM
        (
            SELECT arrayJoin([
                ('urban', 24, 0.85), ('urban', 48, 0.98), ('suburban', 24, 0.7),
                ('suburban', 48, 0.9), ('rural', 48, 0.4), ('rural', 72, 0.75)]) AS band
        )
    ),
    counted AS
    (
        -- An order is judged for a day, from the hour by whose beginning every order of its hour has had its time.
        SELECT
            bands.zone AS zone,
            bands.hours AS hours,
            bands.low AS low,
            arrayJoin(range(toUInt64(placed_hour + hours + 1), toUInt64(placed_hour + hours + 26))) AS hour,
            countIf(hour < placed_hour + hours + 25 AND ifNull(hour < cancelled_hour, true)) AS placed,
            countIf(hour < placed_hour + hours + 25 AND ifNull(cycle_ms <= hours * 3600000, false)) AS delivered
        FROM judged_orders
        INNER JOIN bands ON judged_orders.zone = bands.zone
        GROUP BY zone, hours, low, hour
    ),
    marks AS
    (
        SELECT
            zone,
            hours,
            hour,
            delivered / placed AS share,
            pow(1.959963984540054, 2) AS square,
            (share + square / (2 * placed) + sqrt(square) * sqrt(share * (1 - share) / placed + square / (4 * placed * placed)))
                / (1 + square / placed) AS high_end,
            multiIf(
                placed = 0, 'kept',
                placed >= 20 AND delivered < placed AND high_end < low, 'broken',
                delivered >= low * placed, 'kept',
                '') AS mark
        FROM counted
        WHERE hour <= (SELECT intDiv(max(toUnixTimestamp64Milli(watermark)), 3600000) FROM weir.progress)
    ),
    turns AS
    (
        SELECT
            *,
            leadInFrame(hour, 1, 0) OVER (
                PARTITION BY zone, hours ORDER BY hour ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_hour
        FROM
        (
            SELECT
                *,
                lagInFrame(mark, 1, 'kept') OVER (
                    PARTITION BY zone, hours ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS previous
            FROM marks
            WHERE mark != ''
        )
        WHERE mark != previous
    )
SELECT
    concat(zone, ', within ', toString(hours), ' h') AS subject,
    fromUnixTimestamp64Milli(toInt64(hour) * 3600000, 'UTC') AS opened_at,
    if(next_hour = 0, 'open', toString(fromUnixTimestamp64Milli(toInt64(next_hour) * 3600000, 'UTC'))) AS resolved
FROM turns
WHERE mark = 'broken'
