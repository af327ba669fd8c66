CREATE TABLE IF NOT EXISTS weir.fulfilment_1h_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    zone LowCardinality(String) COMMENT 'urban, suburban or rural; empty when the order names none',
    node_id LowCardinality(String) COMMENT 'Node that the order is sent from; default when it names none',
    bin LowCardinality(String) COMMENT 'Bucket of the sketch of cycle times; empty in rows of the other sums',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final hour was corrected, 1970-01-01 for the hour''s own row; days add up',
    due Int64 COMMENT 'Orders promised for this hour, by due_at; cancelled ones left out',
    on_time Int64 COMMENT 'Those of due that were delivered at or before due_at',
    delivered_late Int64 COMMENT 'Those of due that were delivered after due_at',
    placed Int64 COMMENT 'Orders placed in this hour; cancelled ones left out',
    on_time_24h Int64 COMMENT 'Those of placed that were delivered within 24 hours',
    on_time_48h Int64 COMMENT 'Those of placed that were delivered within 48 hours',
    on_time_72h Int64 COMMENT 'Those of placed that were delivered within 72 hours',
    cycles Int64 COMMENT 'Orders delivered in this hour whose time from placing to delivery is in the bucket',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, zone, node_id, bin, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Promises and deliveries: partial sums by task and day of correction. Query fulfilment_1h';

CREATE TABLE IF NOT EXISTS weir.fulfilment_reasons_1h_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    fulfilment LowCardinality(String) COMMENT 'ship, pickup, curbside or locker, as the event says; empty when it names none, whatever its order does',
    status LowCardinality(String) COMMENT 'placed, cancelled or returned',
    reason LowCardinality(String) COMMENT 'Why it was cancelled or came back, as the event says; empty for placed',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final hour was corrected, 1970-01-01 for the hour''s own row; days add up',
    orders Int64 COMMENT 'Orders placed, first cancellations and returns in the hour',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, fulfilment, status, reason, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Ways of handing over and reasons: partial sums by task and day of correction. Query fulfilment_reasons_1h';

CREATE OR REPLACE VIEW weir.fulfilment_cycles_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour of the delivery, UTC',
    zone LowCardinality(String) COMMENT 'urban, suburban or rural; empty when the order names none',
    node_id LowCardinality(String) COMMENT 'Node that the order is sent from',
    bin Int64 COMMENT 'Bucket of a DDSketch with a relative accuracy of 1 %: the least i with milliseconds <= g^i, g = 1.01 / 0.99',
    cycles Int64 COMMENT 'Orders in the bucket; buckets of any hours and places add up'
)
AS SELECT window_start, zone, node_id, toInt64(rows.bin) AS bin, sum(rows.cycles) AS cycles
FROM weir.fulfilment_1h_rows AS rows FINAL
WHERE rows.bin != ''
GROUP BY window_start, zone, node_id, bin
HAVING cycles != 0
COMMENT 'Sketch of the time from placing to delivery: counts per bucket';

CREATE OR REPLACE VIEW weir.fulfilment_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    zone LowCardinality(String) COMMENT 'urban, suburban or rural; empty when the order names none',
    node_id LowCardinality(String) COMMENT 'Node that the order is sent from; default when it names none',
    due Int64 COMMENT 'Orders promised for this hour, by due_at; cancelled ones left out',
    on_time Int64 COMMENT 'Those of due that were delivered at or before due_at',
    delivered_late Int64 COMMENT 'Those of due that were delivered after due_at',
    pending Int64 COMMENT 'Those of due that are not delivered while the hour is not over',
    late Int64 COMMENT 'Those of due that broke the promise: delivered late, or not delivered and the hour is over',
    on_time_rate Nullable(Float64) COMMENT 'on_time / (due - pending); null when nothing is decided',
    on_time_low Nullable(Float64) COMMENT 'Lower end of Wilson''s 95 % interval of on_time_rate',
    on_time_high Nullable(Float64) COMMENT 'Upper end of Wilson''s 95 % interval of on_time_rate',
    placed Int64 COMMENT 'Orders placed in this hour; cancelled ones left out',
    on_time_24h Int64 COMMENT 'Those of placed that were delivered within 24 hours',
    on_time_48h Int64 COMMENT 'Those of placed that were delivered within 48 hours',
    on_time_72h Int64 COMMENT 'Those of placed that were delivered within 72 hours',
    cycles Int64 COMMENT 'Orders delivered in this hour',
    cycle_p50_minutes Nullable(Float64) COMMENT 'Median time from placing to delivery of what was delivered in the hour, within 1 %',
    cycle_p90_minutes Nullable(Float64) COMMENT '90th percentile of the same',
    cycle_p99_minutes Nullable(Float64) COMMENT '99th percentile of the same',
    state LowCardinality(String) COMMENT 'provisional until the watermark passes the hour, matured while late events may correct it, final after'
)
AS WITH
    start_ms + 3600000 <= watermark_ms AS is_over,
    if(is_over, 0, sum_due - sum_on_time - sum_late) AS undecided,
    sum_due - undecided AS decided,
    if(decided = 0, NULL, sum_on_time / decided) AS share,
    sqrt(square) * sqrt(share * (1 - share) / decided + square / (4 * decided * decided)) AS spread,
    1.01 / 0.99 AS base,
    arrayCumSum(counts) AS ranks
SELECT
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS window_start,
    zone,
    node_id,
    sum_due AS due,
    sum_on_time AS on_time,
    sum_late AS delivered_late,
    undecided AS pending,
    sum_due - sum_on_time - undecided AS late,
    share AS on_time_rate,
    if(decided = 0, NULL, greatest(0, (share + square / (2 * decided) - spread) / (1 + square / decided))) AS on_time_low,
    if(decided = 0, NULL, least(1, (share + square / (2 * decided) + spread) / (1 + square / decided))) AS on_time_high,
    sum_placed AS placed,
    sum_24 AS on_time_24h,
    sum_48 AS on_time_48h,
    sum_72 AS on_time_72h,
    sum_cycles AS cycles,
    -- The bucket in which the rank lies; its value is 2 g^i / (1 + g).
    if(empty(buckets), NULL, 2 * pow(base, buckets[arrayFirstIndex(seen -> seen > 0.5 * (sum_cycles - 1), ranks)]) / (1 + base) / 60000) AS cycle_p50_minutes,
    if(empty(buckets), NULL, 2 * pow(base, buckets[arrayFirstIndex(seen -> seen > 0.9 * (sum_cycles - 1), ranks)]) / (1 + base) / 60000) AS cycle_p90_minutes,
    if(empty(buckets), NULL, 2 * pow(base, buckets[arrayFirstIndex(seen -> seen > 0.99 * (sum_cycles - 1), ranks)]) / (1 + base) / 60000) AS cycle_p99_minutes,
    multiIf(
        start_ms + 3600000 + lateness_ms <= watermark_ms, 'final',
        is_over, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        toUnixTimestamp64Milli(window_start) AS start_ms,
        zone,
        node_id,
        sum(parts_due) AS sum_due,
        sum(parts_on_time) AS sum_on_time,
        sum(parts_late) AS sum_late,
        sum(parts_placed) AS sum_placed,
        sum(parts_24) AS sum_24,
        sum(parts_48) AS sum_48,
        sum(parts_72) AS sum_72,
        sum(parts_cycles) AS sum_cycles,
        arraySort(pair -> pair.1, groupArrayIf((toInt64OrZero(bin), parts_cycles), bin != '' AND parts_cycles != 0)) AS sketch,
        sketch.1 AS buckets,
        sketch.2 AS counts
    FROM
    (
        SELECT
            window_start, zone, node_id, toString(bin) AS bin,
            sum(due) AS parts_due, sum(on_time) AS parts_on_time, sum(delivered_late) AS parts_late, sum(placed) AS parts_placed,
            sum(on_time_24h) AS parts_24, sum(on_time_48h) AS parts_48, sum(on_time_72h) AS parts_72, sum(cycles) AS parts_cycles
        FROM weir.fulfilment_1h_rows FINAL
        GROUP BY window_start, zone, node_id, bin
    )
    GROUP BY window_start, zone, node_id
) AS counted
CROSS JOIN
(
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms,
        pow(1.959963984540054, 2) AS square
    FROM weir.progress
) AS progress
WHERE sum_due != 0 OR sum_on_time != 0 OR sum_late != 0 OR sum_placed != 0 OR sum_24 != 0 OR sum_48 != 0 OR sum_72 != 0 OR sum_cycles != 0
COMMENT 'Delivery promises, deliveries and cycle times per hour, zone and node';

CREATE OR REPLACE VIEW weir.fulfilment_reasons_1h
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the hour, UTC',
    fulfilment LowCardinality(String) COMMENT 'ship, pickup, curbside or locker, as the event says; empty when it names none, whatever its order does',
    status LowCardinality(String) COMMENT 'placed, cancelled or returned',
    reason LowCardinality(String) COMMENT 'Why it was cancelled or came back, as the event says; empty for placed',
    orders Int64 COMMENT 'Orders placed, first cancellations and returns in the hour',
    state LowCardinality(String) COMMENT 'provisional until the watermark passes the hour, matured while late events may correct it, final after'
)
AS SELECT
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS window_start,
    fulfilment,
    status,
    reason,
    sum_orders AS orders,
    multiIf(
        start_ms + 3600000 + lateness_ms <= watermark_ms, 'final',
        start_ms + 3600000 <= watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT toUnixTimestamp64Milli(window_start) AS start_ms, fulfilment, status, reason, sum(rows.orders) AS sum_orders
    FROM weir.fulfilment_reasons_1h_rows AS rows FINAL
    GROUP BY start_ms, fulfilment, status, reason
) AS counted
CROSS JOIN
(
    SELECT
        max(toUnixTimestamp64Milli(watermark)) AS watermark_ms,
        max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE sum_orders != 0
COMMENT 'How orders are handed over, and why they are cancelled or come back, per hour';
