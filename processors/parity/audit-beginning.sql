-- The comparison of every price with its reference at every instant, from the raw events alone: what the audits
-- of parity_1h and parity_current begin with. It follows docs/parity.md and shares nothing with the operator.
-- Prices beyond the operator's bounds may differ.
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
        -- Without a reference so far, its columns have their defaults.
        SELECT with_offer.*, reference.at AS heard_at, reference.minor AS newest_minor, reference.currency AS newest_currency,
            reference.promo AS newest_promo, reference.net AS newest_net
        FROM with_offer
        ASOF LEFT JOIN reference ON with_offer.sku = reference.sku AND with_offer.at >= reference.at
    ),
    with_reference AS
    (
        SELECT
            with_newest.*,
            with_newest.newest_promo = with_newest.promo AS is_same_scope,
            with_newest.heard_at > 0 AND (is_same_scope OR listed.sku != '') AS has_reference,
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
    )
