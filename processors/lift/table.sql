CREATE TABLE IF NOT EXISTS weir.lift_cohorts_rows
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the cohort: visitors whose first click lies in it, UTC',
    test LowCardinality(String) COMMENT 'Id of the test; lift_tests says what it is',
    channel LowCardinality(String) COMMENT 'The channel that the holdout does not get',
    arm LowCardinality(String) COMMENT 'treated or holdout',
    stratum LowCardinality(String) COMMENT 'known: ordered in the 14 days before the first click; new: all others',
    task LowCardinality(String) COMMENT 'Task that counted the row; tasks add up',
    corrected_on Date COMMENT 'UTC day on which a final cohort was corrected, 1970-01-01 for the cohort''s own row; days add up',
    visitors Int64 COMMENT 'Visitors of the test, by intention to treat',
    converters Int64 COMMENT 'Visitors with an order that stands, placed within the horizon',
    orders Int64 COMMENT 'Their orders that stand, placed within the horizon',
    orders_squared Int64 COMMENT 'Sum of each visitor''s orders squared',
    revenue_minor Int64 COMMENT 'Value of these orders less what came back, capped per visitor, minor units of the currency',
    revenue_squared_high Int64 COMMENT 'Sum of each visitor''s revenue squared: high part, in units of 2^26',
    revenue_squared_low Int64 COMMENT 'Sum of each visitor''s revenue squared: low part',
    revenue_by_orders Int64 COMMENT 'Sum of each visitor''s revenue times orders',
    margin_minor Int64 COMMENT 'Price less cost of these orders less what came back, capped per visitor, minor units of the currency',
    margin_squared_high Int64 COMMENT 'Sum of each visitor''s margin squared: high part, in units of 2^26',
    margin_squared_low Int64 COMMENT 'Sum of each visitor''s margin squared: low part',
    before_minor Int64 COMMENT 'Value ordered in the 14 days before the first click, capped per visitor, minor units of the currency',
    before_squared_high Int64 COMMENT 'Sum of each visitor''s before_minor squared: high part, in units of 2^26',
    before_squared_low Int64 COMMENT 'Sum of each visitor''s before_minor squared: low part',
    before_by_revenue_high Int64 COMMENT 'Sum of each visitor''s before_minor times revenue: high part, in units of 2^26',
    before_by_revenue_low Int64 COMMENT 'Sum of each visitor''s before_minor times revenue: low part',
    before_by_converters Int64 COMMENT 'Sum of before_minor over the converters',
    before_by_orders Int64 COMMENT 'Sum of each visitor''s before_minor times orders',
    filtered Int64 COMMENT 'Visitors whose every day the bot filter has withdrawn: they are in no other number',
    excluded Int64 COMMENT 'Visitors that were seen in both arms: they are in no other number',
    version UInt64 COMMENT 'Grows with every change of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (test, window_start, channel, arm, stratum, corrected_on, task)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Visitors and outcomes of tests per cohort: partial sums by task and day of correction. Query lift_cohorts';

CREATE TABLE IF NOT EXISTS weir.lift_tests_log
(
    recorded_at DateTime64(3, 'UTC') COMMENT 'When Weir took the test as it stands in this row',
    change LowCardinality(String) COMMENT 'declared, changed (before it began) or stopped (its stop was set or moved)',
    test LowCardinality(String) COMMENT 'Id of the test',
    channel LowCardinality(String) COMMENT 'The channel that the holdout does not get',
    salt String COMMENT 'Decides, with the channel, who is held out',
    holdout_share Float64 COMMENT 'Share of all visitors that is held out, ratio',
    start DateTime64(3, 'UTC') COMMENT 'Visitors count from their first click at or after it',
    stop Nullable(DateTime64(3, 'UTC')) COMMENT 'and before it; NULL while none is set',
    horizon_ms Int64 COMMENT 'What a visitor orders this long after the first click counts, milliseconds',
    cohort_ms Int64 COMMENT 'Length of a cohort, milliseconds',
    planned_visitors Int64 COMMENT 'Visitors expected at the decision, for which the interval is narrowest',
    outcome LowCardinality(String) COMMENT 'What the verdict is about: converted, orders or revenue',
    value_minor_max Int64 COMMENT 'Cap of a visitor''s revenue and margin, minor units of the currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts of the test'
)
ENGINE = ReplacingMergeTree
ORDER BY (test, recorded_at)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Every test as it was declared, and every change of it; nothing is ever removed. Query lift_tests';

CREATE OR REPLACE VIEW weir.lift_test_changes
(
    recorded_at DateTime64(3, 'UTC') COMMENT 'When Weir took the test as it stands in this row',
    change LowCardinality(String) COMMENT 'declared, changed (before it began) or stopped (its stop was set or moved)',
    test LowCardinality(String) COMMENT 'Id of the test',
    channel LowCardinality(String) COMMENT 'The channel that the holdout does not get',
    salt String COMMENT 'Decides, with the channel, who is held out',
    holdout_share Float64 COMMENT 'Share of all visitors that is held out, ratio',
    start DateTime64(3, 'UTC') COMMENT 'Visitors count from their first click at or after it',
    stop Nullable(DateTime64(3, 'UTC')) COMMENT 'and before it; NULL while none is set',
    horizon_ms Int64 COMMENT 'What a visitor orders this long after the first click counts, milliseconds',
    planned_visitors Int64 COMMENT 'Visitors expected at the decision',
    outcome LowCardinality(String) COMMENT 'What the verdict is about: converted, orders or revenue',
    value_minor_max Int64 COMMENT 'Cap of a visitor''s revenue and margin, minor units of the currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts of the test'
)
AS SELECT recorded_at, change, test, channel, salt, holdout_share, start, stop, horizon_ms, planned_visitors, outcome, value_minor_max, currency
FROM weir.lift_tests_log FINAL
COMMENT 'Who is told of every change of a test, in order: the audit trail of tests';

CREATE OR REPLACE VIEW weir.lift_tests
(
    test LowCardinality(String) COMMENT 'Id of the test',
    channel LowCardinality(String) COMMENT 'The channel that the holdout does not get',
    salt String COMMENT 'Decides, with the channel, who is held out',
    holdout_share Float64 COMMENT 'Share of all visitors that is held out, ratio',
    start DateTime64(3, 'UTC') COMMENT 'Visitors count from their first click at or after it',
    stop Nullable(DateTime64(3, 'UTC')) COMMENT 'and before it; NULL while none is set',
    horizon_ms Int64 COMMENT 'What a visitor orders this long after the first click counts, milliseconds',
    cohort_ms Int64 COMMENT 'Length of a cohort, milliseconds',
    planned_visitors Int64 COMMENT 'Visitors expected at the decision, for which the interval is narrowest',
    outcome LowCardinality(String) COMMENT 'What the verdict is about: converted, orders or revenue',
    value_minor_max Int64 COMMENT 'Cap of a visitor''s revenue and margin, minor units of the currency',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of the amounts of the test',
    state String COMMENT 'planned, running or stopped, by the watermark'
)
AS SELECT
    tests.test, tests.channel, tests.salt, tests.holdout_share, tests.start, tests.stop, tests.horizon_ms, tests.cohort_ms,
    tests.planned_visitors, tests.outcome, tests.value_minor_max, tests.currency,
    multiIf(
        toUnixTimestamp64Milli(tests.start) > progress.watermark_ms, 'planned',
        isNotNull(tests.stop) AND toUnixTimestamp64Milli(assumeNotNull(tests.stop)) <= progress.watermark_ms, 'stopped',
        'running') AS state
FROM
(
    SELECT *
    FROM weir.lift_tests_log FINAL
    ORDER BY recorded_at DESC
    LIMIT 1 BY test
) AS tests
CROSS JOIN (SELECT max(toUnixTimestamp64Milli(watermark)) AS watermark_ms FROM weir.progress) AS progress
COMMENT 'Tests with a randomised holdout, as they stand now';

CREATE OR REPLACE VIEW weir.lift_cohorts
(
    window_start DateTime64(3, 'UTC') COMMENT 'Start of the cohort: visitors whose first click lies in it, UTC',
    test LowCardinality(String) COMMENT 'Id of the test; lift_tests says what it is',
    channel LowCardinality(String) COMMENT 'The channel that the holdout does not get',
    arm LowCardinality(String) COMMENT 'treated or holdout',
    stratum LowCardinality(String) COMMENT 'known: ordered in the 14 days before the first click; new: all others',
    visitors Int64 COMMENT 'Visitors of the test, by intention to treat',
    converters Int64 COMMENT 'Visitors with an order that stands, placed within the horizon',
    orders Int64 COMMENT 'Their orders that stand, placed within the horizon',
    orders_squared Int64 COMMENT 'Sum of each visitor''s orders squared',
    revenue_minor Int64 COMMENT 'Value of these orders less what came back, capped per visitor, minor units of the currency',
    revenue_squared Int128 COMMENT 'Sum of each visitor''s revenue squared',
    revenue_by_orders Int64 COMMENT 'Sum of each visitor''s revenue times orders',
    margin_minor Int64 COMMENT 'Price less cost of these orders less what came back, capped per visitor, minor units of the currency',
    margin_squared Int128 COMMENT 'Sum of each visitor''s margin squared',
    before_minor Int64 COMMENT 'Value ordered in the 14 days before the first click, capped per visitor, minor units of the currency',
    before_squared Int128 COMMENT 'Sum of each visitor''s before_minor squared',
    before_by_revenue Int128 COMMENT 'Sum of each visitor''s before_minor times revenue',
    before_by_converters Int64 COMMENT 'Sum of before_minor over the converters',
    before_by_orders Int64 COMMENT 'Sum of each visitor''s before_minor times orders',
    filtered Int64 COMMENT 'Visitors whose every day the bot filter has withdrawn: they are in no other number',
    excluded Int64 COMMENT 'Visitors that were seen in both arms: they are in no other number',
    state String COMMENT 'provisional until the horizon of the whole cohort is over, then matured, final once no late event can change it'
)
AS SELECT
    counted.window_start AS window_start, counted.test AS test, counted.channel AS channel, counted.arm AS arm, counted.stratum AS stratum,
    counted.visitors AS visitors,
    counted.converters AS converters,
    counted.orders AS orders,
    counted.orders_squared AS orders_squared,
    counted.revenue_minor AS revenue_minor,
    counted.revenue_squared AS revenue_squared,
    counted.revenue_by_orders AS revenue_by_orders,
    counted.margin_minor AS margin_minor,
    counted.margin_squared AS margin_squared,
    counted.before_minor AS before_minor,
    counted.before_squared AS before_squared,
    counted.before_by_revenue AS before_by_revenue,
    counted.before_by_converters AS before_by_converters,
    counted.before_by_orders AS before_by_orders,
    counted.filtered AS filtered,
    counted.excluded AS excluded,
    multiIf(
        toUnixTimestamp64Milli(counted.window_start) + tests.cohort_ms + tests.horizon_ms + progress.lateness_ms <= progress.watermark_ms, 'final',
        toUnixTimestamp64Milli(counted.window_start) + tests.cohort_ms + tests.horizon_ms <= progress.watermark_ms, 'matured',
        'provisional') AS state
FROM
(
    SELECT
        rows.window_start AS window_start, rows.test AS test, rows.channel AS channel, rows.arm AS arm, rows.stratum AS stratum,
        sum(rows.visitors) AS visitors,
        sum(rows.converters) AS converters,
        sum(rows.orders) AS orders,
        sum(rows.orders_squared) AS orders_squared,
        sum(rows.revenue_minor) AS revenue_minor,
        toInt128(sum(rows.revenue_squared_high)) * 67108864 + sum(rows.revenue_squared_low) AS revenue_squared,
        sum(rows.revenue_by_orders) AS revenue_by_orders,
        sum(rows.margin_minor) AS margin_minor,
        toInt128(sum(rows.margin_squared_high)) * 67108864 + sum(rows.margin_squared_low) AS margin_squared,
        sum(rows.before_minor) AS before_minor,
        toInt128(sum(rows.before_squared_high)) * 67108864 + sum(rows.before_squared_low) AS before_squared,
        toInt128(sum(rows.before_by_revenue_high)) * 67108864 + sum(rows.before_by_revenue_low) AS before_by_revenue,
        sum(rows.before_by_converters) AS before_by_converters,
        sum(rows.before_by_orders) AS before_by_orders,
        sum(rows.filtered) AS filtered,
        sum(rows.excluded) AS excluded
    FROM weir.lift_cohorts_rows AS rows FINAL
    GROUP BY window_start, test, channel, arm, stratum
) AS counted
INNER JOIN weir.lift_tests AS tests ON tests.test = counted.test
CROSS JOIN
(
    SELECT max(toUnixTimestamp64Milli(watermark)) AS watermark_ms, max(allowed_lateness_ms) AS lateness_ms
    FROM weir.progress
) AS progress
WHERE counted.visitors != 0 OR counted.filtered != 0 OR counted.excluded != 0
COMMENT 'Visitors and outcomes of tests per cohort, arm and stratum';

CREATE OR REPLACE VIEW weir.lift_daily
(
    window_start DateTime64(3, 'UTC') COMMENT 'UTC day of the visitors'' first click',
    test LowCardinality(String) COMMENT 'Id of the test; lift_tests says what it is',
    channel LowCardinality(String) COMMENT 'The channel that the holdout does not get',
    arm LowCardinality(String) COMMENT 'treated or holdout',
    stratum LowCardinality(String) COMMENT 'known: ordered in the 14 days before the first click; new: all others',
    matured Bool COMMENT 'Whether the horizon of these visitors is over; a day has rows of both while it matures',
    visitors Int64 COMMENT 'Visitors of the test, by intention to treat',
    converters Int64 COMMENT 'Visitors with an order that stands, placed within the horizon',
    orders Int64 COMMENT 'Their orders that stand, placed within the horizon',
    orders_squared Int64 COMMENT 'Sum of each visitor''s orders squared',
    revenue_minor Int64 COMMENT 'Value of these orders less what came back, capped per visitor, minor units of the currency',
    revenue_squared Int128 COMMENT 'Sum of each visitor''s revenue squared',
    revenue_by_orders Int64 COMMENT 'Sum of each visitor''s revenue times orders',
    margin_minor Int64 COMMENT 'Price less cost of these orders less what came back, capped per visitor, minor units of the currency',
    margin_squared Int128 COMMENT 'Sum of each visitor''s margin squared',
    before_minor Int64 COMMENT 'Value ordered in the 14 days before the first click, capped per visitor, minor units of the currency',
    before_squared Int128 COMMENT 'Sum of each visitor''s before_minor squared',
    before_by_revenue Int128 COMMENT 'Sum of each visitor''s before_minor times revenue',
    before_by_converters Int64 COMMENT 'Sum of before_minor over the converters',
    before_by_orders Int64 COMMENT 'Sum of each visitor''s before_minor times orders',
    filtered Int64 COMMENT 'Visitors whose every day the bot filter has withdrawn: they are in no other number',
    excluded Int64 COMMENT 'Visitors that were seen in both arms: they are in no other number'
)
AS SELECT
    days.day AS window_start, days.test AS test, days.channel AS channel, days.arm AS arm, days.stratum AS stratum, days.matured AS matured,
    days.visitors AS visitors,
    days.converters AS converters,
    days.orders AS orders,
    days.orders_squared AS orders_squared,
    days.revenue_minor AS revenue_minor,
    days.revenue_squared AS revenue_squared,
    days.revenue_by_orders AS revenue_by_orders,
    days.margin_minor AS margin_minor,
    days.margin_squared AS margin_squared,
    days.before_minor AS before_minor,
    days.before_squared AS before_squared,
    days.before_by_revenue AS before_by_revenue,
    days.before_by_converters AS before_by_converters,
    days.before_by_orders AS before_by_orders,
    days.filtered AS filtered,
    days.excluded AS excluded
FROM
(
    SELECT
        CAST(toStartOfDay(cohorts.window_start) AS DateTime64(3, 'UTC')) AS day, cohorts.test AS test, cohorts.channel AS channel,
        cohorts.arm AS arm, cohorts.stratum AS stratum, CAST(cohorts.state != 'provisional' AS Bool) AS matured,
        sum(cohorts.visitors) AS visitors,
        sum(cohorts.converters) AS converters,
        sum(cohorts.orders) AS orders,
        sum(cohorts.orders_squared) AS orders_squared,
        sum(cohorts.revenue_minor) AS revenue_minor,
        sum(cohorts.revenue_squared) AS revenue_squared,
        sum(cohorts.revenue_by_orders) AS revenue_by_orders,
        sum(cohorts.margin_minor) AS margin_minor,
        sum(cohorts.margin_squared) AS margin_squared,
        sum(cohorts.before_minor) AS before_minor,
        sum(cohorts.before_squared) AS before_squared,
        sum(cohorts.before_by_revenue) AS before_by_revenue,
        sum(cohorts.before_by_converters) AS before_by_converters,
        sum(cohorts.before_by_orders) AS before_by_orders,
        sum(cohorts.filtered) AS filtered,
        sum(cohorts.excluded) AS excluded
    FROM weir.lift_cohorts AS cohorts
    GROUP BY day, test, channel, arm, stratum, matured
) AS days
COMMENT 'Visitors and outcomes of tests per day of the first click, arm and stratum';
