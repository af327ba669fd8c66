-- Recomputes weir.parity_current; goes on from audit-beginning.sql.
    ,
    known AS
    (
        -- A row holds for the newest moment of its cell, or for the watermark where that is later.
        SELECT
            moments.*,
            greatest(
                max(at) OVER (PARTITION BY sku, channel),
                ifNull((SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress), 0)) AS until_ms
        FROM moments
    ),
    compared AS
    (
        SELECT
            *,
            row_number() OVER earlier = 1 AS is_first,
            is_first OR NOT lagInFrame(is_known) OVER earlier OR lagInFrame(stale_at) OVER earlier < at AS is_returned,
            if(is_first OR NOT lagInFrame(is_known) OVER earlier, 0, log(net / lagInFrame(net) OVER earlier)) AS price_part,
            if(is_first OR NOT lagInFrame(is_known) OVER earlier, 0, -log(reference_net / lagInFrame(reference_net) OVER earlier)) AS reference_part,
            if(is_first OR NOT lagInFrame(is_known) OVER earlier, 0, -log(fx / lagInFrame(fx) OVER earlier)) AS fx_part,
            is_known AND (is_returned OR price_part != 0 OR reference_part != 0) AS is_own,
            is_own AND (is_returned OR (net / reference_net - lagInFrame(net / reference_net) OVER earlier) * side > 0) AS is_push
        FROM known
        WINDOW earlier AS (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    anchored AS
    (
        SELECT
            *,
            argMaxIf(fx, at, is_own AND (side = 0 OR is_push)) OVER earlier AS anchor_fx,
            is_known AND (is_push OR abs(fx / anchor_fx - 1) > {fx_band_bp:UInt32} / 10000) AS is_beginning,
            is_first OR is_returned OR side != lagInFrame(side) OVER earlier AS is_side_start
        FROM compared
        WINDOW earlier AS (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    sided AS
    (
        SELECT *, sum(is_side_start) OVER (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS side_number
        FROM anchored
    ),
    excused AS
    (
        -- A rate that moves inside its band begins no run, but it does not end one either.
        SELECT
            *,
            if(
                max(is_beginning) OVER (PARTITION BY sku, channel, side_number ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                side,
                0) AS run,
            multiIf(
                NOT is_push, 'fx',
                reference_part * run > price_part * run AND reference_part * run >= fx_part * run, 'reference',
                fx_part * run > price_part * run, 'fx',
                'price') AS move
        FROM sided
    ),
    starts AS
    (
        SELECT
            *,
            is_first OR is_returned OR run != lagInFrame(run) OVER earlier AS is_run_start
        FROM excused
        WINDOW earlier AS (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    runs AS
    (
        SELECT
            *,
            argMaxIf((at, move), at, is_run_start) OVER earlier AS began
        FROM starts
        WINDOW earlier AS (PARTITION BY sku, channel ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ),
    cells AS
    (
        -- A last entry stands for the moment after the row: nothing leaves there, but a run may have lasted.
        SELECT
            sku,
            channel,
            any(until_ms) AS until_ms,
            arraySort(row -> row.1, groupArray((at, toInt8(run), toInt64(began.1), toString(began.2), toInt64(stale_at), toInt8(half_side), toUInt8(is_known)))) AS seen,
            arrayConcat(seen, [(until_ms + 1, toInt8(0), toInt64(0), '', toInt64(0), toInt8(0), toUInt8(0))]) AS ordered,
            arrayFold(
                (standing, index) -> arrayMap(
                    entered -> if(
                        ordered[index].7 = 1 AND entered.1 != ordered[index].6,
                        (toInt8(0), toInt64(0), ''),
                        entered),
                    [
                        if(
                            index > 1 AND standing.1 = 0 AND ordered[index - 1].2 != 0
                                AND ordered[index - 1].3 + {dwell_ms:UInt64} < least(ordered[index].1, ordered[index - 1].5),
                            (ordered[index - 1].2, ordered[index - 1].3, ordered[index - 1].4),
                            standing)
                    ])[1],
                arrayEnumerate(ordered),
                (toInt8(0), toInt64(0), '')) AS standing,
            argMax((is_known, stale_at, side, run, began.1, began.2, gap, minor, currency, promo, reference_minor, reference_currency, fx), at) AS newest,
            newest.1 AS was_known,
            newest.1 AND newest.2 > until_ms AS is_shown
        FROM runs
        GROUP BY sku, channel
    )
SELECT
    sku,
    channel,
    multiIf(
        NOT was_known, 'UNKNOWN',
        NOT is_shown, 'STALE',
        standing.1 < 0, 'UNDER',
        standing.1 > 0, 'OVER',
        'PARITY') AS status,
    multiIf(
        NOT was_known, '',
        standing.1 != 0 OR NOT is_shown, standing.3,
        newest.4 != 0, newest.6,
        newest.3 != 0, 'fx_in_band',
        '') AS cause,
    if(is_shown, newest.7, NULL) AS gap,
    if(is_shown, newest.8, NULL) AS price_minor,
    if(is_shown, newest.9, '') AS currency,
    if(is_shown, newest.10, '') AS promo_id,
    if(is_shown, newest.11, NULL) AS reference_minor,
    if(is_shown, newest.12, '') AS reference_currency,
    if(is_shown, newest.13, NULL) AS fx
FROM cells
