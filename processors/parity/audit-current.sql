-- Recomputes weir.parity_current; goes on from audit-runs.sql.
    ,
    cells AS
    (
        -- A last entry stands for the moment after the row: nothing leaves there, but a run may have lasted.
        SELECT
            sku,
            channel,
            any(until_ms) AS until_ms,
            arraySort(row -> row.1, groupArray((at, toInt8(run), toInt64(began.1), toString(began.2), toInt64(stale_at), toInt8(half_side), toUInt8(is_observed)))) AS seen,
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
