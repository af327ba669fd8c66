-- Recomputes weir.parity_current from the raw events alone. It follows docs/parity.md and shares nothing with
-- the operator. Prices beyond the operator's bounds may differ.
WITH
    prices AS
    (
        -- Of several at one instant the one with the greatest id holds.
        SELECT
            sku,
            toString(assumeNotNull(inventory.channel)) AS channel,
            toUnixTimestamp64Milli(occurred_at) AS at,
            argMax(
                (
                    assumeNotNull(price_minor),
                    toString(assumeNotNull(inventory.currency)),
                    toString(ifNull(inventory.promo_id, '')),
                    tax
                ),
                event_id) AS newest,
            newest.1 AS minor,
            newest.2 AS currency,
            newest.3 AS promo,
            newest.4 AS tax_bp
        FROM
        (
            SELECT
                *,
                arrayFirst(rate -> startsWith(rate, concat(toString(channel), '=')), {tax_rates:Array(String)}) AS configured,
                if(ifNull(tax_included, false), toInt64OrZero(substring(configured, length(toString(channel)) + 2)), 0) AS tax
            FROM weir.inventory
            WHERE kind = 'price' AND ifNull(channel, '') != '' AND ifNull(price_minor, 0) > 0 AND currency IS NOT NULL
        ) AS inventory
        WHERE NOT ifNull(tax_included, false) OR configured != ''
        GROUP BY sku, channel, at
    ),
    priced AS
    (
        SELECT
            *,
            multiIf(
                currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'), 1,
                currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'), 1000,
                100) AS units,
            minor * 10000 / ((10000 + tax_bp) * units) AS net
        FROM prices
    ),
    reference AS (SELECT * FROM priced WHERE channel = {reference_channel:String}),
    offers AS (SELECT * FROM priced WHERE channel != {reference_channel:String}),
    rates AS
    (
        SELECT source, target, at, argMax(rate, event_id) AS rate
        FROM
        (
            SELECT toString(base) AS source, toString(quote) AS target, toUnixTimestamp64Milli(occurred_at) AS at, assumeNotNull(reference.rate) AS rate, event_id
            FROM weir.reference AS reference
            WHERE kind = 'fx' AND reference.rate > 0
            UNION ALL
            SELECT toString(quote), toString(base), toUnixTimestamp64Milli(occurred_at), 1 / assumeNotNull(reference.rate), event_id
            FROM weir.reference AS reference
            WHERE kind = 'fx' AND reference.rate > 0
        )
        GROUP BY source, target, at
    ),
    instants AS
    (
        SELECT sku, channel, at FROM offers
        UNION DISTINCT
        SELECT DISTINCT offers.sku, offers.channel, reference.at
        FROM offers INNER JOIN reference ON offers.sku = reference.sku
        UNION DISTINCT
        SELECT DISTINCT pairs.sku, pairs.channel, rates.at
        FROM
        (
            SELECT DISTINCT offers.sku AS sku, offers.channel AS channel, reference.currency AS source, offers.currency AS target
            FROM offers INNER JOIN reference ON offers.sku = reference.sku
            WHERE reference.currency != offers.currency
        ) AS pairs
        INNER JOIN rates ON rates.source = pairs.source AND rates.target = pairs.target
    ),
    with_offer AS
    (
        SELECT instants.sku AS sku, instants.channel AS channel, instants.at AS at, offers.at AS offered_at, offers.minor AS minor,
            offers.currency AS currency, offers.promo AS promo, offers.tax_bp AS tax_bp, offers.units AS units, offers.net AS net
        FROM instants
        ASOF INNER JOIN offers ON instants.sku = offers.sku AND instants.channel = offers.channel AND instants.at >= offers.at
    ),
    with_newest AS
    (
        SELECT with_offer.*, reference.at AS heard_at, reference.minor AS newest_minor, reference.currency AS newest_currency,
            reference.promo AS newest_promo, reference.net AS newest_net
        FROM with_offer
        ASOF INNER JOIN reference ON with_offer.sku = reference.sku AND with_offer.at >= reference.at
    ),
    with_reference AS
    (
        SELECT
            with_newest.*,
            with_newest.newest_promo = with_newest.promo AS is_same_scope,
            is_same_scope OR listed.sku != '' AS has_reference,
            if(is_same_scope, with_newest.newest_minor, listed.minor) AS reference_minor,
            if(is_same_scope, with_newest.newest_currency, listed.currency) AS reference_currency,
            if(is_same_scope, with_newest.newest_net, listed.net) AS reference_net
        FROM with_newest
        ASOF LEFT JOIN (SELECT * FROM reference WHERE promo = '') AS listed
            ON with_newest.sku = listed.sku AND with_newest.at >= listed.at
    ),
    with_rate AS
    (
        SELECT
            with_reference.*,
            if(with_reference.currency = with_reference.reference_currency, 1, rates.rate) AS fx,
            has_reference AND fx > 0 AS is_known,
            least(with_reference.offered_at, with_reference.heard_at) + {stale_after_ms:UInt64} AS stale_at
        FROM with_reference
        ASOF LEFT JOIN rates
            ON with_reference.reference_currency = rates.source AND with_reference.currency = rates.target AND with_reference.at >= rates.at
    ),
    moments AS
    (
        SELECT
            *,
            least(net / (fx * reference_net) - 1, 1000) AS gap,
            toInt64(floor(gap * 1e9 + 0.5)) AS gap_ppb,
            fx * reference_net * ((10000 + tax_bp) * units) / 10000 AS parity_minor,
            greatest(parity_minor * {tolerance_bp:UInt32} / 10000, 1) AS limit_minor,
            minor - parity_minor AS deviation_minor,
            multiIf(NOT is_known, 0, deviation_minor < -limit_minor, -1, deviation_minor > limit_minor, 1, 0) AS side,
            multiIf(NOT is_known, 0, deviation_minor < -limit_minor * 0.5, -1, deviation_minor > limit_minor * 0.5, 1, 0) AS half_side
        FROM with_rate
    ),
    known AS
    (
        -- Until when each row was evaluated is taken from it: that depends on when events came.
        SELECT moments.*, toUnixTimestamp64Milli(written.as_of) AS until_ms
        FROM moments
        INNER JOIN weir.parity_current AS written ON moments.sku = written.sku AND moments.channel = written.channel
        WHERE moments.at <= until_ms
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
