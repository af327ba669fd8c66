-- On which side every price was, since when and why: what the audits of parity_current and of drifts have in common;
-- goes on from audit-beginning.sql.
    ,
    known AS
    (
        -- A row holds for the newest moment of its cell, or for the watermark where that is later, or for where its partition
        -- was when it was written: that may be ahead of the watermark of the node.
        SELECT
            moments.*,
            is_known AND stale_at > at AS is_observed,
            greatest(
                max(at) OVER (PARTITION BY moments.sku, moments.channel),
                ifNull((SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress), 0),
                ifNull(toUnixTimestamp64Milli(shown.as_of), 0)) AS until_ms
        FROM moments
        LEFT JOIN (SELECT sku, channel, as_of FROM weir.parity_current) AS shown
            ON shown.sku = moments.sku AND shown.channel = moments.channel
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
    )
