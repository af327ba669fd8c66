CREATE TABLE IF NOT EXISTS weir.parity_current_rows
(
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel, the reference channel aside',
    status LowCardinality(String) COMMENT 'UNKNOWN (nothing to compare with yet), STALE (too long without a price), UNDER, OVER, PARITY; changes after the dwell',
    cause LowCardinality(String) COMMENT 'What took it out of parity: price, reference or fx; also before the dwell is over. fx_in_band: a small move of the rate alone, which is let be. Empty at parity',
    since Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which it went out of parity, or silent; null at parity',
    gap Nullable(Float64) COMMENT 'Price / (fx x reference) - 1, both net of tax; null when nothing can be compared',
    price_minor Nullable(Int64) COMMENT 'Price on the channel as it is shown, minor units of currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 currency of the price',
    promo_id LowCardinality(String) COMMENT 'Promotion of the price; empty for the list price',
    reference_minor Nullable(Int64) COMMENT 'Price on the reference channel as it is shown, minor units of reference_currency',
    reference_currency LowCardinality(String) COMMENT 'ISO 4217 currency of the reference',
    fx Nullable(Float64) COMMENT 'Units of currency for one of reference_currency, in force at as_of',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest change in the row',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (sku, channel)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.parity_current';

CREATE OR REPLACE VIEW weir.parity_current
(
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel, the reference channel aside',
    status LowCardinality(String) COMMENT 'UNKNOWN (nothing to compare with yet), STALE (too long without a price), UNDER, OVER, PARITY; changes after the dwell',
    cause LowCardinality(String) COMMENT 'What took it out of parity: price, reference or fx; also before the dwell is over. fx_in_band: a small move of the rate alone, which is let be. Empty at parity',
    since Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which it went out of parity, or silent; null at parity',
    gap Nullable(Float64) COMMENT 'Price / (fx x reference) - 1, both net of tax; null when nothing can be compared',
    price_minor Nullable(Int64) COMMENT 'Price on the channel as it is shown, minor units of currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 currency of the price',
    promo_id LowCardinality(String) COMMENT 'Promotion of the price; empty for the list price',
    reference_minor Nullable(Int64) COMMENT 'Price on the reference channel as it is shown, minor units of reference_currency',
    reference_currency LowCardinality(String) COMMENT 'ISO 4217 currency of the reference',
    fx Nullable(Float64) COMMENT 'Units of currency for one of reference_currency, in force at as_of',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest change in the row'
)
AS SELECT
    sku, channel, status, cause, since, gap, price_minor, currency, promo_id, reference_minor,
    reference_currency, fx, as_of
FROM weir.parity_current_rows FINAL;

CREATE TABLE IF NOT EXISTS weir.parity_segments_rows
(
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel, the reference channel aside',
    started_at DateTime64(3, 'UTC') COMMENT 'Event time from which price, reference and rate are these',
    price_minor Int64 COMMENT 'Price on the channel as it is shown, minor units of currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 currency of the price',
    promo_id LowCardinality(String) COMMENT 'Promotion of the price; empty for the list price',
    reference_minor Int64 COMMENT 'Price on the reference channel as it is shown, minor units of reference_currency',
    reference_currency LowCardinality(String) COMMENT 'ISO 4217 currency of the reference',
    fx Float64 COMMENT 'Units of currency for one of reference_currency',
    gap_ppb Int64 COMMENT 'Price / (fx x reference) - 1, both net of tax, in billionths',
    side LowCardinality(String) COMMENT 'UNDER or OVER beyond the tolerance at once, without a dwell; else PARITY',
    reference_channel LowCardinality(String) COMMENT 'Sales channel it is compared with',
    stale_at DateTime64(3, 'UTC') COMMENT 'Event time from which the price or the reference is too old to be believed',
    withdrawn Bool COMMENT 'True when a late event has shown that there was no such segment; hidden by the views',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (sku, channel, started_at)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.parity_segments';

CREATE OR REPLACE VIEW weir.parity_segments
(
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel, the reference channel aside',
    started_at DateTime64(3, 'UTC') COMMENT 'Event time from which price, reference and rate are these',
    ended_at DateTime64(3, 'UTC') COMMENT 'Event time at which one of them changed or was too old; the watermark while neither has happened',
    price_minor Int64 COMMENT 'Price on the channel as it is shown, minor units of currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 currency of the price',
    promo_id LowCardinality(String) COMMENT 'Promotion of the price; empty for the list price',
    reference_minor Int64 COMMENT 'Price on the reference channel as it is shown, minor units of reference_currency',
    reference_currency LowCardinality(String) COMMENT 'ISO 4217 currency of the reference',
    reference_channel LowCardinality(String) COMMENT 'Sales channel it is compared with',
    fx Float64 COMMENT 'Units of currency for one of reference_currency',
    gap_ppb Int64 COMMENT 'Price / (fx x reference) - 1, both net of tax, in billionths',
    side LowCardinality(String) COMMENT 'UNDER or OVER beyond the tolerance, else PARITY',
    gap_log Float64 COMMENT 'ln(1 + gap): what the three parts of all changes add up to',
    fx_log Float64 COMMENT 'Part of the change of gap_log since the segment before that the exchange rate made; 0 in the first',
    reference_log Float64 COMMENT 'Part of that change that the reference made',
    price_log Float64 COMMENT 'Part of that change that the price made; without a change of currency exactly 0 when the price stayed'
)
AS SELECT
    sku,
    channel,
    started_at,
    ended_at,
    price_minor,
    currency,
    promo_id,
    reference_minor,
    reference_currency,
    reference_channel,
    fx,
    gap_ppb,
    side,
    log1p(gap_ppb / 1e9) AS gap_log,
    if(number = 1, 0, -log(fx / before_fx)) AS fx_log,
    if(number = 1, 0, -log(reference_minor / before_reference_minor)) AS reference_log,
    multiIf(
        number = 1, 0,
        currency = before_currency AND reference_currency = before_reference_currency, log(price_minor / before_price_minor),
        gap_log - log1p(before_gap_ppb / 1e9) - fx_log - reference_log) AS price_log
FROM
(
    SELECT
        rows.*,
        greatest(rows.started_at, least(
            leadInFrame(rows.started_at, 1, progress.watermark) OVER following,
            rows.stale_at)) AS ended_at,
        row_number() OVER preceding AS number,
        lagInFrame(rows.fx) OVER preceding AS before_fx,
        lagInFrame(rows.reference_minor) OVER preceding AS before_reference_minor,
        lagInFrame(rows.price_minor) OVER preceding AS before_price_minor,
        lagInFrame(rows.currency) OVER preceding AS before_currency,
        lagInFrame(rows.reference_currency) OVER preceding AS before_reference_currency,
        lagInFrame(rows.gap_ppb) OVER preceding AS before_gap_ppb
    FROM
    (
        SELECT * FROM weir.parity_segments_rows FINAL WHERE NOT withdrawn
    ) AS rows
    CROSS JOIN (SELECT max(watermark) AS watermark FROM weir.progress) AS progress
    WINDOW
        following AS (PARTITION BY rows.sku, rows.channel ORDER BY rows.started_at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING),
        preceding AS (PARTITION BY rows.sku, rows.channel ORDER BY rows.started_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
COMMENT 'Stretches of equal price, reference and exchange rate per SKU and channel, with what made each change';

CREATE OR REPLACE VIEW weir.parity_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel, the reference channel aside',
    observed_ms Int64 COMMENT 'Time of the hour in which price, reference and rate were known, milliseconds',
    gap_ppb_ms Int64 COMMENT 'Integral of the gap over that time, billionths x milliseconds',
    absolute_gap_ppb_ms Int64 COMMENT 'The same of the absolute gap',
    outside_ms Int64 COMMENT 'Time beyond the tolerance, milliseconds',
    under_ms Int64 COMMENT 'Time below the reference beyond the tolerance, milliseconds',
    mean_gap Float64 COMMENT 'Time-weighted mean of the gap',
    mean_absolute_gap Float64 COMMENT 'Time-weighted mean of the absolute gap',
    outside_minutes Float64 COMMENT 'Minutes beyond the tolerance',
    parity_score Float64 COMMENT '1 - minutes outside / minutes observed',
    state LowCardinality(String) COMMENT 'provisional until the watermark passes the hour, matured while late events may correct it, final after'
)
AS SELECT
    fromUnixTimestamp64Milli(hour_ms, 'UTC') AS window_start,
    sku,
    channel,
    sum(ms) AS observed_ms,
    sum(gap_ppb * ms) AS gap_ppb_ms,
    sum(abs(gap_ppb) * ms) AS absolute_gap_ppb_ms,
    sumIf(ms, side != 'PARITY') AS outside_ms,
    sumIf(ms, side = 'UNDER') AS under_ms,
    gap_ppb_ms / observed_ms / 1e9 AS mean_gap,
    absolute_gap_ppb_ms / observed_ms / 1e9 AS mean_absolute_gap,
    outside_ms / 60000 AS outside_minutes,
    1 - outside_ms / observed_ms AS parity_score,
    multiIf(
        hour_ms + 3600000 + any(lateness_ms) <= any(watermark_ms), 'final',
        hour_ms + 3600000 <= any(watermark_ms), 'matured',
        'provisional') AS state
FROM
(
    SELECT
        sku,
        channel,
        gap_ppb,
        side,
        toUnixTimestamp64Milli(started_at) AS from_ms,
        toUnixTimestamp64Milli(ended_at) AS to_ms,
        toInt64(arrayJoin(range(toUInt64(intDiv(from_ms, 3600000)), toUInt64(intDiv(to_ms - 1, 3600000) + 1)))) * 3600000 AS hour_ms,
        least(to_ms, hour_ms + 3600000) - greatest(from_ms, hour_ms) AS ms
    FROM weir.parity_segments
    WHERE ended_at > started_at
) AS pieces
CROSS JOIN
(
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
GROUP BY hour_ms, sku, channel
COMMENT 'Time-weighted price parity per hour, SKU and channel';

CREATE OR REPLACE VIEW weir.parity_exposure_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel that is compared with the reference channel',
    currency LowCardinality(String) COMMENT 'ISO 4217 currency of the amounts; empty in rows of views',
    views Int64 COMMENT 'Product views while the gap was known, bots included',
    views_undercut Int64 COMMENT 'Those of them while the channel was cheaper beyond the tolerance',
    undercut_rate Nullable(Float64) COMMENT 'views_undercut / views; null without views',
    revenue_minor Int64 COMMENT 'Value placed on the reference channel while the gap was known, minor units of currency',
    revenue_at_risk_minor Int64 COMMENT 'That of it while the channel was cheaper beyond the tolerance'
)
AS SELECT
    toDateTime64(toStartOfHour(at), 3, 'UTC') AS window_start,
    sku,
    channel,
    currency,
    toInt64(sum(is_view)) AS views,
    toInt64(sumIf(is_view, is_undercut)) AS views_undercut,
    if(views = 0, NULL, views_undercut / views) AS undercut_rate,
    sum(value_minor) AS revenue_minor,
    sumIf(value_minor, is_undercut) AS revenue_at_risk_minor
FROM
(
    SELECT
        clicks.occurred_at AS at,
        segments.sku AS sku,
        segments.channel AS channel,
        '' AS currency,
        1 AS is_view,
        toInt64(0) AS value_minor,
        segments.side = 'UNDER' AS is_undercut
    FROM weir.clicks AS clicks
    INNER JOIN weir.parity_segments AS segments ON clicks.sku = segments.sku
    WHERE clicks.kind = 'product_view'
        AND clicks.occurred_at >= segments.started_at AND clicks.occurred_at < segments.ended_at
    UNION ALL
    SELECT
        lines.occurred_at,
        segments.sku,
        segments.channel,
        lines.currency,
        0,
        lines.quantity * lines.unit_price_minor,
        segments.side = 'UNDER'
    FROM weir.order_lines AS lines
    INNER JOIN weir.parity_segments AS segments
        ON lines.sku = segments.sku AND lines.sales_channel = segments.reference_channel
    WHERE lines.status = 'placed'
        AND lines.occurred_at >= segments.started_at AND lines.occurred_at < segments.ended_at
)
GROUP BY window_start, sku, channel, currency
COMMENT 'What was seen and sold while a channel undercut the reference channel';

CREATE OR REPLACE VIEW weir.parity_drift_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC; the first 24 observed hours of a SKU and channel are its reference period and not here',
    sku String COMMENT 'Stock keeping unit',
    channel LowCardinality(String) COMMENT 'Sales channel, the reference channel aside',
    mean_gap Float64 COMMENT 'Time-weighted mean of the gap in the hour',
    sigma Float64 COMMENT 'Standard deviation of the hourly gap in the reference period, at least 0.002',
    cusum_up Float64 COMMENT 'CUSUM of rising gaps, allowance sigma / 2',
    cusum_down Float64 COMMENT 'CUSUM of falling gaps, allowance sigma / 2',
    cusum_alarm Bool COMMENT 'Whether one of them has reached 5 sigma',
    ewma Float64 COMMENT 'Exponentially weighted mean of the gap, lambda 0.2, from 0',
    ewma_limit Float64 COMMENT 'Exact limit for this hour, 2.7 sigma x sqrt(0.2 / 1.8 x (1 - 0.64^i))',
    ewma_alarm Bool COMMENT 'Whether the mean lies beyond the limit',
    page_hinkley Float64 COMMENT 'Greater of the Page-Hinkley sums of rising and falling gaps, in percent, delta 0.1',
    page_hinkley_alarm Bool COMMENT 'Whether it has reached 3 after at least 5 hours',
    changed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the change began that the CUSUM shows: the first hour after the sum was last 0; null without an alarm'
)
AS SELECT
    hours[index + 24] AS window_start,
    sku,
    channel,
    gaps[index] AS mean_gap,
    deviation AS sigma,
    up[index] AS cusum_up,
    down[index] AS cusum_down,
    greatest(cusum_up, cusum_down) >= 5 * deviation AS cusum_alarm,
    means[index] AS ewma,
    2.7 * deviation * sqrt(0.2 / 1.8 * (1 - pow(0.64, index))) AS ewma_limit,
    abs(ewma) > ewma_limit AS ewma_alarm,
    greatest(rising[index], falling[index]) AS page_hinkley,
    index >= 5 AND page_hinkley >= 3 AS page_hinkley_alarm,
    if(
        cusum_alarm,
        hours[25 + arrayLastIndex(sum -> sum = 0, arraySlice(if(cusum_up > cusum_down, up, down), 1, index))],
        NULL) AS changed_at
FROM
(
    SELECT
        sku,
        channel,
        hours,
        greatest(0.002, sqrt(arrayAvg(gap -> gap * gap, first_gaps) - pow(arrayAvg(first_gaps), 2))) AS deviation,
        gaps,
        arrayCumSumNonNegative(arrayMap(gap -> gap - deviation / 2, gaps)) AS up,
        arrayCumSumNonNegative(arrayMap(gap -> -gap - deviation / 2, gaps)) AS down,
        arrayFold((seen, gap) -> arrayPushBack(seen, 0.2 * gap + 0.8 * if(empty(seen), 0., seen[-1])), gaps, emptyArrayFloat64()) AS means,
        -- Each the running mean of the hours so far, in percent, and then the sum against it.
        arrayMap((total, number) -> 100 * total / number, arrayCumSum(gaps), arrayEnumerate(gaps)) AS running,
        arrayFold((seen, gap, mean) -> arrayPushBack(seen, greatest(0., 0.9999 * if(empty(seen), 0., seen[-1]) + 100 * gap - mean - 0.1)), gaps, running, emptyArrayFloat64()) AS rising,
        arrayFold((seen, gap, mean) -> arrayPushBack(seen, greatest(0., 0.9999 * if(empty(seen), 0., seen[-1]) - 100 * gap + mean - 0.1)), gaps, running, emptyArrayFloat64()) AS falling
    FROM
    (
        SELECT
            sku,
            channel,
            arraySort(hour -> hour.1, groupArray((window_start, mean_gap))) AS all_hours,
            all_hours.1 AS hours,
            arraySlice(all_hours.2, 1, 24) AS first_gaps,
            arraySlice(all_hours.2, 25) AS gaps
        FROM weir.parity_1h
        WHERE state != 'provisional'
        GROUP BY sku, channel
    )
)
ARRAY JOIN arrayEnumerate(gaps) AS index
COMMENT 'Slow drifts of the hourly gap by CUSUM, EWMA and Page-Hinkley';
