-- Visitors whose ids turned out to be one, and were seen in both arms.

ALTER TABLE weir.lift_cohorts_rows
    ADD COLUMN IF NOT EXISTS excluded Int64 DEFAULT 0 COMMENT 'Visitors that were seen in both arms under different ids: they are in no other number' AFTER filtered;

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
    excluded Int64 COMMENT 'Visitors that were seen in both arms under different ids: they are in no other number',
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
    excluded Int64 COMMENT 'Visitors that were seen in both arms under different ids: they are in no other number'
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
