CREATE TABLE IF NOT EXISTS weir.stock_current_rows
(
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker; default when events name none',
    state LowCardinality(String) COMMENT 'UNKNOWN (never counted), STALE (numbers not to be trusted), BACKORDER (sold beyond what is there, a delivery is announced), OUT (nothing available), AT_RISK (likely to run out before it is replenished), RECOVERING (restocked less than an hour ago), LOW (cover below lead time and review period), IN_STOCK',
    available Nullable(Int64) COMMENT 'Units that can be sold: on_hand − reserved − safety; null until the first count',
    on_hand Nullable(Int64) COMMENT 'Units there: the newest count with every movement, sale and return after it',
    reserved Nullable(Int64) COMMENT 'Units promised, of the newest count',
    safety Nullable(Int64) COMMENT 'Units held back, of the newest count',
    inbound Int64 COMMENT 'Units announced and not yet due',
    rate_per_day Nullable(Float64) COMMENT 'Demand in units per day in stock, Gamma-Poisson with a half-life of 28 days; null before there was any time in stock',
    rate_low Nullable(Float64) COMMENT 'Lower end of the 95 % interval of rate_per_day',
    rate_high Nullable(Float64) COMMENT 'Upper end of the 95 % interval of rate_per_day',
    days_of_cover Nullable(Float64) COMMENT 'Days until everything available is sold at the expected rate',
    lead_time_days Nullable(Float64) COMMENT 'Days from an order of goods to their delivery',
    p_stockout Nullable(Float64) COMMENT 'Chance that it runs out before it is replenished; 1 while it is out',
    phantom_p Nullable(Float64) COMMENT 'Chance of a pause in sales as long as the present one; small values suggest phantom stock. Null until the first sale',
    tsb_per_day Nullable(Float64) COMMENT 'Forecast by the method of Teunter, Syntetos and Babai, units per day in stock; for items that sell on few days',
    croston_per_day Nullable(Float64) COMMENT 'Forecast by the method of Croston, units per day in stock',
    sba_per_day Nullable(Float64) COMMENT 'Forecast by the method of Syntetos and Boylan, units per day in stock',
    wape Nullable(Float64) COMMENT 'Forecast error of rate_per_day over past days: sum of |sold − expected| divided by the sum of sold',
    changed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it has been in or out of stock, event time; null until the first count',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest event in the numbers',
    exact Bool COMMENT 'False when something came later than what is kept of the past: what is there is right all the same, rates, forecasts and times of stockouts may be off',
    withdrawn Bool COMMENT 'True when every change of a node without a count was taken back; hidden by the view',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (sku, node_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.stock_current';

CREATE OR REPLACE VIEW weir.stock_current
(
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker; default when events name none',
    state LowCardinality(String) COMMENT 'UNKNOWN (never counted), STALE (numbers not to be trusted), BACKORDER (sold beyond what is there, a delivery is announced), OUT (nothing available), AT_RISK (likely to run out before it is replenished), RECOVERING (restocked less than an hour ago), LOW (cover below lead time and review period), IN_STOCK',
    available Nullable(Int64) COMMENT 'Units that can be sold: on_hand − reserved − safety; null until the first count',
    on_hand Nullable(Int64) COMMENT 'Units there: the newest count with every movement, sale and return after it',
    reserved Nullable(Int64) COMMENT 'Units promised, of the newest count',
    safety Nullable(Int64) COMMENT 'Units held back, of the newest count',
    inbound Int64 COMMENT 'Units announced and not yet due',
    rate_per_day Nullable(Float64) COMMENT 'Demand in units per day in stock, Gamma-Poisson with a half-life of 28 days; null before there was any time in stock',
    rate_low Nullable(Float64) COMMENT 'Lower end of the 95 % interval of rate_per_day',
    rate_high Nullable(Float64) COMMENT 'Upper end of the 95 % interval of rate_per_day',
    days_of_cover Nullable(Float64) COMMENT 'Days until everything available is sold at the expected rate',
    lead_time_days Nullable(Float64) COMMENT 'Days from an order of goods to their delivery',
    p_stockout Nullable(Float64) COMMENT 'Chance that it runs out before it is replenished; 1 while it is out',
    phantom_p Nullable(Float64) COMMENT 'Chance of a pause in sales as long as the present one; small values suggest phantom stock. Null until the first sale',
    tsb_per_day Nullable(Float64) COMMENT 'Forecast by the method of Teunter, Syntetos and Babai, units per day in stock; for items that sell on few days',
    croston_per_day Nullable(Float64) COMMENT 'Forecast by the method of Croston, units per day in stock',
    sba_per_day Nullable(Float64) COMMENT 'Forecast by the method of Syntetos and Boylan, units per day in stock',
    wape Nullable(Float64) COMMENT 'Forecast error of rate_per_day over past days: sum of |sold − expected| divided by the sum of sold',
    changed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it has been in or out of stock, event time; null until the first count',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest event in the numbers',
    exact Bool COMMENT 'False when something came later than what is kept of the past: what is there is right all the same, rates, forecasts and times of stockouts may be off'
)
AS SELECT
    sku, node_id, state, available, on_hand, reserved, safety, inbound, rate_per_day, rate_low,
    rate_high, days_of_cover, lead_time_days, p_stockout, phantom_p, tsb_per_day, croston_per_day,
    sba_per_day, wape, changed_at, as_of, exact
FROM weir.stock_current_rows FINAL
WHERE NOT withdrawn;

CREATE TABLE IF NOT EXISTS weir.stock_incidents_rows
(
    incident_id String COMMENT 'Same as the alert_id of its alert',
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker',
    kind LowCardinality(String) COMMENT 'stockout, at_risk',
    state LowCardinality(String) COMMENT 'open, acknowledged, resolved; withdrawn rows are hidden by the view',
    opened_at DateTime64(3, 'UTC') COMMENT 'Event time of the change that left nothing available, or made a stockout likely',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person took it over',
    acknowledged_by Nullable(String) COMMENT 'Who took it over',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time of the change that ended it; null while it goes on',
    lost_units Nullable(Float64) COMMENT 'Units that would have been sold meanwhile, as of the newest event; null for risks and without known demand',
    lost_units_low Nullable(Float64) COMMENT 'Lower end of the 95 % interval of lost_units',
    lost_units_high Nullable(Float64) COMMENT 'Upper end of the 95 % interval of lost_units',
    lost_minor Nullable(Int64) COMMENT 'lost_units at the list price, minor units of currency; null when no price is known',
    currency LowCardinality(Nullable(String)) COMMENT 'ISO 4217 currency of lost_minor',
    withdrawn Bool COMMENT 'True when a late event has shown that there was no such incident; hidden by the view',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (incident_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.stock_incidents';

CREATE OR REPLACE VIEW weir.stock_incidents
(
    incident_id String COMMENT 'Same as the alert_id of its alert',
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker',
    kind LowCardinality(String) COMMENT 'stockout, at_risk',
    state LowCardinality(String) COMMENT 'open, acknowledged, resolved; withdrawn rows are hidden by the view',
    opened_at DateTime64(3, 'UTC') COMMENT 'Event time of the change that left nothing available, or made a stockout likely',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person took it over',
    acknowledged_by Nullable(String) COMMENT 'Who took it over',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time of the change that ended it; null while it goes on',
    lost_units Nullable(Float64) COMMENT 'Units that would have been sold meanwhile, as of the newest event; null for risks and without known demand',
    lost_units_low Nullable(Float64) COMMENT 'Lower end of the 95 % interval of lost_units',
    lost_units_high Nullable(Float64) COMMENT 'Upper end of the 95 % interval of lost_units',
    lost_minor Nullable(Int64) COMMENT 'lost_units at the list price, minor units of currency; null when no price is known',
    currency LowCardinality(Nullable(String)) COMMENT 'ISO 4217 currency of lost_minor'
)
AS SELECT
    incident_id, sku, node_id, kind, state, opened_at, acknowledged_at, acknowledged_by, resolved_at,
    lost_units, lost_units_low, lost_units_high, lost_minor, currency
FROM weir.stock_incidents_rows FINAL
WHERE NOT withdrawn;

CREATE OR REPLACE VIEW weir.stock_phantoms
(
    sku String COMMENT 'Stock keeping unit',
    node_id String COMMENT 'Warehouse, shop or locker; default when events name none',
    state LowCardinality(String) COMMENT 'UNKNOWN (never counted), STALE (numbers not to be trusted), BACKORDER (sold beyond what is there, a delivery is announced), OUT (nothing available), AT_RISK (likely to run out before it is replenished), RECOVERING (restocked less than an hour ago), LOW (cover below lead time and review period), IN_STOCK',
    available Nullable(Int64) COMMENT 'Units that can be sold: on_hand − reserved − safety; null until the first count',
    rate_per_day Nullable(Float64) COMMENT 'Demand in units per day in stock, Gamma-Poisson with a half-life of 28 days; null before there was any time in stock',
    phantom_p Float64 COMMENT 'Chance of a pause in sales as long as the present one; small values suggest phantom stock. Null until the first sale',
    lost_margin_minor_per_day Int64 COMMENT 'rate_per_day times the mean margin of a unit sold, minor units of currency per day; units without a cost count with their price',
    currency String COMMENT 'ISO 4217 currency in which most units of the SKU were sold; empty when none was',
    as_of DateTime64(3, 'UTC') COMMENT 'Event time of the newest event in the numbers'
)
AS WITH
    ranked AS
    (
        SELECT
            sku,
            node_id,
            state,
            available,
            rate_per_day,
            assumeNotNull(phantom_p) AS p,
            as_of,
            row_number() OVER (ORDER BY phantom_p, sku, node_id) AS place,
            count() OVER () AS tests
        FROM weir.stock_current_rows FINAL
        WHERE NOT withdrawn AND phantom_p IS NOT NULL AND available > 0
    ),
    margins AS
    (
        -- In the currency in which most units of the SKU sold, the mean margin of a unit; without a cost the price.
        SELECT
            sku,
            argMax(currency, units) AS currency,
            argMax(unit_margin_minor, units) AS margin_minor
        FROM
        (
            SELECT
                lines.sku AS sku,
                orders.currency AS currency,
                sum(lines.quantity) AS units,
                sum(lines.quantity * (lines.unit_price_minor - ifNull(lines.unit_cost_minor, 0))) / units AS unit_margin_minor
            FROM weir.order_lines AS lines
            INNER JOIN weir.orders AS orders USING (event_id)
            WHERE orders.status = 'placed'
            GROUP BY lines.sku, orders.currency
        )
        GROUP BY sku
    )
SELECT
    ranked.sku AS sku,
    ranked.node_id AS node_id,
    ranked.state AS state,
    ranked.available AS available,
    ranked.rate_per_day AS rate_per_day,
    ranked.p AS phantom_p,
    toInt64(round(ifNull(ranked.rate_per_day, 0) * margins.margin_minor)) AS lost_margin_minor_per_day,
    margins.currency AS currency,
    ranked.as_of AS as_of
FROM ranked
LEFT JOIN margins ON margins.sku = ranked.sku
WHERE ranked.p <= (SELECT max(p) FROM ranked WHERE p <= 0.1 * place / tests)
ORDER BY lost_margin_minor_per_day DESC, sku, node_id;

CREATE OR REPLACE VIEW weir.stock_sku_outages
(
    sku String COMMENT 'Stock keeping unit',
    opened_at DateTime64(3, 'UTC') COMMENT 'Event time from which no node with a count had any',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which one had again; null while none has'
)
AS WITH
    edges AS
    (
        SELECT sku, opened_at AS at, 1 AS change FROM weir.stock_incidents_rows FINAL WHERE NOT withdrawn AND kind = 'stockout'
        UNION ALL
        SELECT sku, assumeNotNull(resolved_at), -1 FROM weir.stock_incidents_rows FINAL WHERE NOT withdrawn AND kind = 'stockout' AND resolved_at IS NOT NULL
    ),
    moments AS
    (
        SELECT sku, at, sum(change) AS step FROM edges GROUP BY sku, at
    ),
    running AS
    (
        SELECT
            sku,
            at,
            sum(step) OVER (PARTITION BY sku ORDER BY at) AS out_nodes,
            leadInFrame(toNullable(at)) OVER (PARTITION BY sku ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS until
        FROM moments
    ),
    nodes AS
    (
        SELECT sku, count() AS counted FROM weir.stock_current_rows FINAL WHERE NOT withdrawn AND available IS NOT NULL GROUP BY sku
    )
SELECT running.sku AS sku, running.at AS opened_at, running.until AS resolved_at
FROM running
INNER JOIN nodes ON nodes.sku = running.sku
WHERE running.out_nodes >= nodes.counted;

CREATE OR REPLACE VIEW weir.stock_lost_views
(
    sku String COMMENT 'Stock keeping unit',
    views_while_out UInt64 COMMENT 'Product views, without those of machines, while every node was out',
    views_in_stock UInt64 COMMENT 'All other product views, without those of machines',
    units_sold Int64 COMMENT 'Units of orders placed',
    units_per_view Nullable(Float64) COMMENT 'units_sold / views_in_stock; null without such a view',
    lost_units Nullable(Float64) COMMENT 'views_while_out x units_per_view: units that might have been sold'
)
AS WITH
    views AS
    (
        SELECT clicks.sku AS sku, clicks.occurred_at AS occurred_at, outages.sku != '' AND (outages.resolved_at IS NULL OR clicks.occurred_at < outages.resolved_at) AS is_out
        FROM (SELECT toString(assumeNotNull(sku)) AS sku, occurred_at FROM weir.net_clicks WHERE kind = 'product_view' AND sku IS NOT NULL) AS clicks
        ASOF LEFT JOIN weir.stock_sku_outages AS outages
            ON outages.sku = clicks.sku AND outages.opened_at <= clicks.occurred_at
    ),
    sales AS
    (
        SELECT lines.sku AS sku, sum(lines.quantity) AS units
        FROM weir.order_lines AS lines
        INNER JOIN weir.orders AS orders USING (event_id)
        WHERE orders.status = 'placed'
        GROUP BY lines.sku
    )
SELECT
    views.sku AS sku,
    toUInt64(countIf(views.is_out)) AS views_while_out,
    toUInt64(countIf(NOT views.is_out)) AS views_in_stock,
    any(ifNull(sales.units, 0)) AS units_sold,
    if(views_in_stock = 0, NULL, units_sold / views_in_stock) AS units_per_view,
    views_while_out * units_per_view AS lost_units
FROM views
LEFT JOIN sales ON sales.sku = views.sku
GROUP BY views.sku;

CREATE OR REPLACE VIEW weir.stock_lost_ad_spend
(
    day DateTime('UTC') COMMENT 'UTC day of the clicks',
    channel LowCardinality(String) COMMENT 'Channel of the clicks',
    campaign LowCardinality(String) COMMENT 'Campaign of the clicks',
    sku String COMMENT 'Stock keeping unit that the clicks landed on',
    clicks_while_out UInt64 COMMENT 'Clicks of the campaign, without those of machines, that landed on the SKU while every node was out',
    clicks UInt64 COMMENT 'All clicks of the campaign on that day, without those of machines',
    currency Nullable(String) COMMENT 'ISO 4217 currency of the spend; empty when none is known',
    lost_spend_minor Int64 COMMENT 'Spend of the campaign on that day x clicks_while_out / clicks, minor units of currency'
)
AS WITH
    ad_clicks AS
    (
        SELECT
            visitor_id, occurred_at, toString(channel) AS channel, toString(assumeNotNull(campaign)) AS campaign,
            toString(ifNull(sku, '')) AS own_sku, toStartOfDay(occurred_at) AS day
        FROM weir.net_clicks
        WHERE kind = 'click' AND campaign IS NOT NULL
    ),
    landings AS
    (
        -- A click lands on the SKU that it names, or on the first product looked at within half an hour.
        SELECT
            ad_clicks.day AS day, ad_clicks.channel AS channel, ad_clicks.campaign AS campaign, ad_clicks.occurred_at AS occurred_at,
            multiIf(
                ad_clicks.own_sku != '', ad_clicks.own_sku,
                views.visitor_id != '' AND views.occurred_at <= ad_clicks.occurred_at + INTERVAL 30 MINUTE, views.sku,
                '') AS sku
        FROM ad_clicks
        ASOF LEFT JOIN
        (
            SELECT visitor_id, occurred_at, toString(assumeNotNull(sku)) AS sku
            FROM weir.net_clicks WHERE kind = 'product_view' AND sku IS NOT NULL
        ) AS views ON views.visitor_id = ad_clicks.visitor_id AND views.occurred_at >= ad_clicks.occurred_at
    ),
    marked AS
    (
        SELECT
            landings.day AS day, landings.channel AS channel, landings.campaign AS campaign, landings.sku AS sku,
            outages.sku != '' AND (outages.resolved_at IS NULL OR landings.occurred_at < outages.resolved_at) AS is_out
        FROM landings
        ASOF LEFT JOIN weir.stock_sku_outages AS outages
            ON outages.sku = landings.sku AND outages.opened_at <= landings.occurred_at
    ),
    totals AS
    (
        SELECT day, channel, campaign, count() AS clicks FROM marked GROUP BY day, channel, campaign
    ),
    spends AS
    (
        SELECT
            toStartOfDay(assumeNotNull(from)) AS day, toString(channel) AS channel, toString(ifNull(campaign, '')) AS campaign,
            toString(currency) AS currency, sum(assumeNotNull(amount_minor)) AS spend_minor
        FROM weir.reference
        WHERE kind = 'spend' AND from IS NOT NULL AND amount_minor IS NOT NULL
        GROUP BY day, channel, campaign, currency
    )
SELECT
    marked.day AS day,
    marked.channel AS channel,
    marked.campaign AS campaign,
    marked.sku AS sku,
    toUInt64(count()) AS clicks_while_out,
    any(totals.clicks) AS clicks,
    any(spends.currency) AS currency,
    toInt64(round(any(spends.spend_minor) * clicks_while_out / clicks)) AS lost_spend_minor
FROM marked
INNER JOIN totals ON totals.day = marked.day AND totals.channel = marked.channel AND totals.campaign = marked.campaign
LEFT JOIN spends ON spends.day = marked.day AND spends.channel = marked.channel AND spends.campaign = marked.campaign
WHERE marked.is_out
GROUP BY day, channel, campaign, sku;
