,
    orders_promo AS
    (
        SELECT event_id, ifNull(promo_id, '') != '' AS has_promo FROM weir.orders
    ),
    -- One row for every time that a feature counts; an order is also one of clicks' visitor.
    counted AS
    (
        SELECT visitor, 1 AS feature, 0 AS value FROM net_events
        UNION ALL
        SELECT visitor, transform(kind, ['product_view', 'add_to_cart', 'checkout'], [2, 3, 4], 0) AS feature, 0 FROM net_events WHERE feature > 0
        UNION ALL
        SELECT visitor, 5, 0 FROM net_events WHERE kind = 'click' AND ifNull(campaign, '') != ''
        UNION ALL
        SELECT visitor, 6, 0 FROM placed_events
        UNION ALL
        SELECT visitor, 7, 0 FROM placed_events INNER JOIN orders_promo USING (event_id) WHERE has_promo
        UNION ALL
        SELECT visitor, 8, value_minor FROM placed_events WHERE currency = {currency:String}
    ),
    features AS
    (
        SELECT visitor, feature, toInt64(count()) AS times, sum(toInt64(value)) AS value FROM counted GROUP BY visitor, feature
    ),
    conditions AS
    (
        SELECT condition.1 AS rule, toUInt8(condition.2) AS feature, toInt64(condition.3) AS least
        FROM (SELECT arrayJoin(arrayZip({rule_of:Array(String)}, {feature_of:Array(String)}, {least_of:Array(String)})) AS condition)
    ),
    met AS
    (
        SELECT features.visitor AS visitor, conditions.rule AS rule, count() AS conditions_met
        FROM features
        INNER JOIN conditions ON conditions.feature = features.feature
        WHERE features.times >= conditions.least
        GROUP BY visitor, rule
    ),
    placements AS
    (
        SELECT met.visitor AS visitor, min(toUInt8(met.rule)) AS rule
        FROM met
        INNER JOIN (SELECT rule, count() AS needed FROM conditions GROUP BY rule) AS rules ON rules.rule = met.rule
        WHERE met.conditions_met = rules.needed
        GROUP BY visitor
    ),
    visitors AS
    (
        SELECT
            features.visitor AS visitor,
            sumIf(features.times, features.feature = 6) AS orders, sumIf(features.times, features.feature = 8) AS valued_orders,
            sum(features.value) AS value
        FROM features
        GROUP BY visitor
    )
SELECT
    if(placements.rule = 0, '', {segments:Array(String)}[placements.rule]) AS segment,
    toFloat64(count()) AS visitors, toFloat64(countIf(visitors.orders > 0)) AS customers, toFloat64(sum(visitors.orders)) AS orders,
    toFloat64(countIf(visitors.valued_orders > 0)) AS valued, sum(toInt128(visitors.value)) AS y, sum(toInt128(visitors.value) * visitors.value) AS yy,
    sum(toInt128(visitors.valued_orders)) AS d, sum(toInt128(visitors.valued_orders) * visitors.valued_orders) AS dd, sum(toInt128(visitors.value) * visitors.valued_orders) AS yd
FROM visitors
LEFT JOIN placements ON placements.visitor = visitors.visitor
GROUP BY segment
