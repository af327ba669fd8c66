-- Recomputes weir.lift_cohorts from the raw events alone, for cohorts in [from, to), which are whole
-- hours. It follows docs/lift.md and shares nothing with the operator. A visitor with more order
-- events than the operator keeps may differ.
WITH
    tests AS
    (
        SELECT
            line.1 AS test, line.2 AS channel, line.3 AS salt,
            toUInt32(line.4) AS held_out, toInt64(line.5) AS start_ms, toInt64(line.6) AS stop_ms,
            toInt64(line.7) AS horizon_ms, toInt64(line.8) AS cohort_ms, toInt64(line.9) AS cap_minor
        FROM
        (
            SELECT arrayJoin(arrayZip(
                {tests:Array(String)}, {channels:Array(String)}, {salts:Array(String)}, {held_out:Array(String)},
                {starts:Array(String)}, {stops:Array(String)}, {horizons:Array(String)}, {cohorts:Array(String)},
                {caps:Array(String)})) AS line
        )
    ),
    held_spans AS
    (
        SELECT
            visitor_token,
            groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
        FROM weir.bot_standings
        WHERE tier > 0
        GROUP BY visitor_token
    ),
    clicked AS
    (
        SELECT
            visitor_id, sent_visitor_id, toUnixTimestamp64Milli(occurred_at) AS at_ms, channel, ifNull(arm, '') AS named_arm,
            arrayExists(span -> at_ms >= span.1 AND at_ms < span.2, held_spans.spans) AS is_withdrawn
        FROM weir.visitor_clicks
        LEFT JOIN held_spans ON held_spans.visitor_token = visitor_id
        WHERE kind NOT IN ('impression', 'beacon')
    ),
    -- Nobody else can have a first click in the range.
    candidates AS
    (
        SELECT DISTINCT visitor_id
        FROM clicked
        WHERE at_ms >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')})
            AND at_ms < toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')})
    ),
    -- The arm follows from the id that a click was sent with, whoever that turned out to be. A click of the
    -- test's channel that names another arm was seen in both.
    seen AS
    (
        SELECT
            clicked.visitor_id AS member, clicked.sent_visitor_id AS sent_id, tests.test AS test,
            if(clicked.channel = tests.channel, clicked.named_arm, '') AS named,
            any(tests.channel) AS channel, any(tests.cohort_ms) AS cohort_length_ms,
            any(tests.horizon_ms) AS horizon_length_ms, any(tests.cap_minor) AS cap,
            if(reinterpretAsUInt32(reverse(substring(SHA256(concat(any(tests.salt), channel, sent_id)), 1, 4))) % 10000 < any(tests.held_out),
               'holdout', 'treated') AS assigned,
            arrayJoin(if(named IN ('', assigned), [assigned], [assigned, named])) AS arm,
            countIf(NOT clicked.is_withdrawn) > 0 AS is_counted,
            min(clicked.at_ms) AS any_ms,
            minIf(clicked.at_ms, NOT clicked.is_withdrawn) AS counted_ms
        FROM clicked
        CROSS JOIN tests
        WHERE clicked.visitor_id IN (SELECT visitor_id FROM candidates)
            AND clicked.at_ms >= tests.start_ms AND clicked.at_ms < tests.stop_ms
        GROUP BY member, sent_id, test, named
    ),
    members AS
    (
        SELECT
            member, test,
            any(channel) AS channel, any(cohort_length_ms) AS cohort_length_ms, any(horizon_length_ms) AS horizon_length_ms,
            any(cap) AS cap,
            countIf(is_counted) = 0 AS is_removed,
            if(is_removed, min(any_ms), minIf(counted_ms, is_counted)) AS first_ms,
            if(is_removed, argMin(arm, (any_ms, arm)), argMinIf(arm, (counted_ms, arm), is_counted)) AS first_arm,
            uniqExactIf(arm, is_counted) > 1 AS is_excluded
        FROM seen
        GROUP BY member, test
    ),
    order_events AS
    (
        SELECT
            orders.visitor_id AS visitor_id, orders.order_id AS order_id, orders.event_id AS event_id, orders.status AS status,
            toUnixTimestamp64Milli(orders.occurred_at) AS at_ms,
            if(orders.currency = {currency:String}, ifNull(lines.value_minor, 0), 0) AS value_minor,
            if(orders.currency = {currency:String}, ifNull(lines.margin_minor, 0), 0) AS margin_minor
        FROM weir.visitor_orders AS orders
        LEFT JOIN
        (
            SELECT
                event_id,
                sum(quantity * unit_price_minor) AS value_minor,
                sum(ifNull(quantity * (unit_price_minor - unit_cost_minor), 0)) AS margin_minor
            FROM weir.order_lines
            GROUP BY event_id
        ) AS lines ON lines.event_id = orders.event_id
        WHERE orders.status IN ('placed', 'returned', 'cancelled')
            AND orders.visitor_id IN (SELECT visitor_id FROM candidates)
    ),
    -- A pause longer than returns are kept ends an order; what follows under its id is another one.
    paused_events AS
    (
        SELECT
            *,
            at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > toInt64({returns_kept_ms:UInt64}) AS is_first
        FROM order_events
    ),
    numbered_events AS
    (
        SELECT
            *,
            sum(is_first) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS order_number
        FROM paused_events
    ),
    placed_orders AS
    (
        SELECT
            visitor_id,
            minIf(at_ms, status = 'placed') AS placed_ms,
            countIf(status = 'cancelled') > 0 AS is_cancelled,
            argMinIf(value_minor, (at_ms, event_id), status = 'placed') AS placed_minor,
            greatest(0, placed_minor - sumIf(value_minor, status = 'returned')) AS left_minor,
            argMinIf(margin_minor, (at_ms, event_id), status = 'placed') - sumIf(margin_minor, status = 'returned') AS margin_left_minor
        FROM numbered_events
        GROUP BY visitor_id, order_id, order_number
        HAVING countIf(status = 'placed') > 0
    ),
    weighed_orders AS
    (
        SELECT
            members.member AS member, members.test AS test, members.channel AS channel, members.first_arm AS first_arm,
            members.cap AS cap, members.is_removed AS is_removed, members.is_excluded AS is_excluded,
            intDiv(members.first_ms, members.cohort_length_ms) * members.cohort_length_ms AS cohort_start_ms,
            placed_orders.placed_minor AS placed_minor, placed_orders.left_minor AS left_minor,
            placed_orders.margin_left_minor AS margin_left_minor,
            arrayExists(span -> placed_orders.placed_ms >= span.1 AND placed_orders.placed_ms < span.2, held_spans.spans) AS is_withdrawn,
            placed_orders.visitor_id != '' AND NOT placed_orders.is_cancelled AND NOT members.is_removed AND NOT is_withdrawn
                AND placed_orders.placed_ms >= members.first_ms
                AND placed_orders.placed_ms < members.first_ms + members.horizon_length_ms AS in_horizon,
            placed_orders.visitor_id != '' AND (members.is_removed OR NOT is_withdrawn)
                AND placed_orders.placed_ms < members.first_ms
                AND placed_orders.placed_ms >= members.first_ms - 14 * 86400000 AS is_before
        FROM members
        LEFT JOIN placed_orders ON placed_orders.visitor_id = members.member
        LEFT JOIN held_spans ON held_spans.visitor_token = members.member
    ),
    outcomes AS
    (
        SELECT
            member, test, channel, cohort_start_ms,
            any(first_arm) AS arm,
            if(countIf(is_before) > 0, 'known', 'new') AS stratum,
            any(is_removed) AS removed,
            any(is_excluded) AS excluded,
            removed OR excluded AS is_out,
            toInt64(if(is_out, 0, countIf(in_horizon))) AS d,
            toInt64(d > 0) AS c,
            if(is_out, 0, least(sumIf(left_minor, in_horizon), any(cap))) AS y,
            if(is_out, 0, greatest(-any(cap), least(sumIf(margin_left_minor, in_horizon), any(cap)))) AS m,
            if(is_out, 0, least(sumIf(placed_minor, is_before), any(cap))) AS x
        FROM weighed_orders
        GROUP BY member, test, channel, cohort_start_ms
    )
SELECT
    fromUnixTimestamp64Milli(cohort_start_ms, 'UTC') AS window_start,
    test,
    channel,
    arm,
    stratum,
    toInt64(countIf(NOT is_out)) AS visitors,
    toInt64(sum(c)) AS converters,
    toInt64(sum(d)) AS orders,
    toInt64(sum(d * d)) AS orders_squared,
    toInt64(sum(y)) AS revenue_minor,
    sum(toInt128(y) * y) AS revenue_squared,
    toInt64(sum(y * d)) AS revenue_by_orders,
    toInt64(sum(m)) AS margin_minor,
    sum(toInt128(m) * m) AS margin_squared,
    toInt64(sum(x)) AS before_minor,
    sum(toInt128(x) * x) AS before_squared,
    sum(toInt128(x) * y) AS before_by_revenue,
    toInt64(sum(x * c)) AS before_by_converters,
    toInt64(sum(x * d)) AS before_by_orders,
    toInt64(countIf(removed)) AS filtered,
    toInt64(countIf(excluded)) AS excluded
FROM outcomes
WHERE cohort_start_ms >= toUnixTimestamp64Milli({from:DateTime64(3, 'UTC')})
    AND cohort_start_ms < toUnixTimestamp64Milli({to:DateTime64(3, 'UTC')})
GROUP BY cohort_start_ms, test, channel, arm, stratum
