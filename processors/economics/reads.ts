import { DAY_MS } from '../../schemas/time.ts';

/** How long a cart has to become an order. */
const CART_MS = DAY_MS;
/** How long a customer has to come back. */
const REPURCHASE_MS = 90 * DAY_MS;

/**
 * The SQL of channel economics, which no table holds. Each reads events in [from_ms, to_ms), UTC
 * milliseconds, and takes the other parameters that it names. What `weir audit` recomputes has an
 * `audit-….sql` beside this file.
 *
 * Some read the tables behind the views: of a small shop the time goes into planning, and a view that
 * also says whether a window is final takes three times as long to plan as what it is asked for here.
 */
const IN_RANGE = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')`;

/** The surviving id of a row's visitor, for `FROM … AS events` joined with `IDENTITIES`. */
const VISITOR = `if(identities.into_token = '', events.visitor_id, identities.into_token)`;
const IDENTITIES = `LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = events.visitor_id`;

/** What verdicts withdraw of a visitor, who has one id by now. */
const HELD = `LEFT JOIN
      (
        SELECT visitor_token, groupArray((from_at, until_at)) AS spans FROM weir.bot_standings WHERE tier > 0 GROUP BY visitor_token
      ) AS held ON held.visitor_token = events.visitor_id`;

/** Traffic, sales and spend per channel; amounts in `currency`. */
export const CHANNELS_SQL = `SELECT channel,
    toFloat64(sum(counted.impressions)) AS impressions, toFloat64(sum(counted.clicks_gross)) AS clicks_gross, toFloat64(sum(counted.clicks_gross - counted.clicks_givt - counted.clicks_sivt)) AS clicks_net,
    toFloat64(sum(counted.sessions)) AS sessions, toFloat64(sum(counted.add_to_carts)) AS add_to_carts,
    toFloat64(sumIf(counted.orders, counted.currency = {currency:String})) AS orders, toFloat64(sumIf(counted.units, counted.currency = {currency:String})) AS units,
    toFloat64(sumIf(counted.revenue_minor, counted.currency = {currency:String})) AS revenue_minor,
    toFloat64(sumIf(counted.margin_minor, counted.currency = {currency:String})) AS margin_minor,
    toFloat64(sumIf(counted.lines_without_cost, counted.currency = {currency:String})) AS lines_without_cost,
    toFloat64(sumIf(counted.returns_minor, counted.currency = {currency:String})) AS returns_minor,
    toFloat64(sumIf(counted.spend_minor, counted.currency = {currency:String})) AS spend_minor,
    toFloat64(sum(counted.orders)) AS orders_all
  FROM weir.channel_1m_rows AS counted FINAL WHERE ${IN_RANGE('window_start')}
  GROUP BY channel ORDER BY channel`;

/** Credit by `model` per channel. */
export const CREDIT_SQL = `SELECT channel, sum(conversions_milli) / 1000 AS conversions, toFloat64(sum(credit_minor)) AS credit_minor
  FROM weir.attribution_1h_rows FINAL
  WHERE model = {model:String} AND currency = {currency:String} AND ${IN_RANGE('window_start')}
  GROUP BY channel`;

/** The newest target of each channel that holds at `to_ms`. */
export const TARGETS_SQL = `SELECT assumeNotNull(channel) AS channel, toFloat64(argMax(assumeNotNull(value), occurred_at)) AS target
  FROM weir.reference
  WHERE kind = 'target' AND metric = 'channel_mix_percent' AND channel IS NOT NULL AND value IS NOT NULL
    AND (\`from\` IS NULL OR \`from\` < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC'))
    AND (\`to\` IS NULL OR \`to\` >= fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC'))
  GROUP BY channel`;

/** Sums over the customers of a sales channel, for the interval of the order value: y their value, d their orders. */
export const CUSTOMERS_SQL = `SELECT sales_channel AS channel, toFloat64(count()) AS customers,
    sum(value) AS y, sum(value * value) AS yy, sum(orders) AS d, sum(orders * orders) AS dd, sum(value * orders) AS yd
  FROM
  (
    SELECT ${VISITOR} AS visitor, sales_channel, toInt128(sum(quantity * unit_price_minor)) AS value, toInt128(uniqExact(order_id)) AS orders
    FROM weir.order_lines AS events ${IDENTITIES}
    WHERE status = 'placed' AND currency = {currency:String} AND ${IN_RANGE('occurred_at')}
    GROUP BY visitor, sales_channel
  )
  GROUP BY channel`;

/**
 * Customers of each sales channel who ordered there in the stretch of the range's length before it, and how
 * many of them ordered there again in the range. Orders that were cancelled do not count.
 */
export const RETENTION_SQL = `SELECT channel, toFloat64(countIf(has_before)) AS before, toFloat64(countIf(has_before AND has_within)) AS retained
  FROM
  (
    SELECT visitor, channel,
      countIf(placed_ms < {from_ms:Int64}) > 0 AS has_before, countIf(placed_ms >= {from_ms:Int64} AND placed_ms < {to_ms:Int64}) > 0 AS has_within
    FROM
    (
      SELECT ${VISITOR} AS visitor, order_id, argMinIf(toString(sales_channel), (occurred_at, event_id), status = 'placed') AS channel,
        toUnixTimestamp64Milli(minIf(occurred_at, status = 'placed')) AS placed_ms
      FROM weir.orders_log AS events ${IDENTITIES}
      WHERE status IN ('placed', 'cancelled')
      GROUP BY visitor, order_id
      HAVING countIf(status = 'placed') > 0 AND countIf(status = 'cancelled') = 0
    )
    WHERE placed_ms >= 2 * {from_ms:Int64} - {to_ms:Int64}
    GROUP BY visitor, channel
  )
  GROUP BY channel HAVING before > 0`;

/**
 * Customers by the month of their first order: who came back within 90 days, what all of them brought, how
 * many ordered in the stretch of the range's length before it, and how many of those in the range again.
 */
export const COHORTS_SQL = `SELECT
    toUnixTimestamp64Milli(toDateTime64(month, 3, 'UTC')) AS cohort_ms,
    toUnixTimestamp64Milli(toDateTime64(addMonths(month, 1), 3, 'UTC')) + ${REPURCHASE_MS} AS matured_ms,
    toFloat64(count()) AS customers, toFloat64(countIf(second_ms > 0 AND second_ms <= first_ms + ${REPURCHASE_MS})) AS repurchased,
    sum(margin_minor) AS margin_minor,
    toFloat64(countIf(has_before)) AS before, toFloat64(countIf(has_before AND has_within)) AS retained
  FROM
  (
    SELECT
      arraySort(groupArray(placed_ms)) AS times, times[1] AS first_ms, times[2] AS second_ms, sum(margin) AS margin_minor,
      toStartOfMonth(fromUnixTimestamp64Milli(first_ms, 'UTC')) AS month,
      countIf(placed_ms >= 2 * {from_ms:Int64} - {to_ms:Int64} AND placed_ms < {from_ms:Int64}) > 0 AS has_before,
      countIf(placed_ms >= {from_ms:Int64} AND placed_ms < {to_ms:Int64}) > 0 AS has_within
    FROM
    (
      SELECT
        visitor, order_id, minIf(at_ms, status = 'placed') AS placed_ms,
        toFloat64(sumIf(line_margin, status = 'placed') - sumIf(line_margin, status = 'returned')) AS margin
      FROM
      (
        SELECT ${VISITOR} AS visitor, order_id, status, at_ms, line_margin
        FROM
        (
          SELECT visitor_id, order_id, status, toUnixTimestamp64Milli(occurred_at) AS at_ms,
            if(currency = {currency:String}, ifNull(quantity * (unit_price_minor - unit_cost_minor), 0), 0) AS line_margin
          FROM weir.order_lines
          UNION ALL
          -- A cancellation may come without lines.
          SELECT visitor_id, order_id, status, 0, 0 FROM weir.orders_log WHERE status = 'cancelled'
        ) AS events ${IDENTITIES}
      )
      GROUP BY visitor, order_id
      HAVING countIf(status = 'placed') > 0 AND countIf(status = 'cancelled') = 0
    )
    GROUP BY visitor
  )
  GROUP BY month ORDER BY month`;

/**
 * A visitor's first add to cart of a UTC day, and whether an order follows within a day, by the channel of
 * the click, and by what held of its product then: whether it was out of stock at every node, and whether
 * some sales channel sold it for less (under) or for more (over) than the reference.
 *
 * Orders and clicks that are stored twice change nothing here, so their tables need no look for repeats.
 */
export const CARTS_SQL = `SELECT
    channel, stock, parity,
    toFloat64(countIf(is_over)) AS carts, toFloat64(countIf(is_over AND NOT is_ordered)) AS abandoned, toFloat64(countIf(NOT is_over)) AS pending
  FROM
  (
    SELECT
      carts.channel AS channel,
      orders.at_ms >= carts.at_ms AND orders.at_ms < carts.at_ms + ${CART_MS} AS is_ordered,
      -- Also those that have become orders wait: counted at once they would make every young share small.
      carts.at_ms + ${CART_MS} <= {watermark_ms:Int64} AS is_over,
      multiIf(carts.sku = '', 'unknown', outages.sku != '' AND carts.at_ms < outages.until_ms, 'out', 'in_stock') AS stock,
      multiIf(
        arrayExists(span -> carts.at_ms >= span.1 AND carts.at_ms < span.2, prices.under), 'under',
        arrayExists(span -> carts.at_ms >= span.1 AND carts.at_ms < span.2, prices.over), 'over',
        arrayExists(span -> carts.at_ms >= span.1 AND carts.at_ms < span.2, prices.equal), 'parity',
        'unknown') AS parity
    FROM
    (
      SELECT ${VISITOR} AS visitor, min(toUnixTimestamp64Milli(occurred_at)) AS at_ms,
        argMin(events.channel, (occurred_at, event_id)) AS channel, argMin(ifNull(events.sku, ''), (occurred_at, event_id)) AS sku
      FROM weir.clicks_log AS events ${IDENTITIES}
      WHERE kind = 'add_to_cart' AND ${IN_RANGE('occurred_at')}
      GROUP BY visitor, toStartOfDay(occurred_at)
    ) AS carts
    ASOF LEFT JOIN
    (
      SELECT ${VISITOR} AS visitor, toUnixTimestamp64Milli(occurred_at) AS at_ms FROM weir.orders_log AS events ${IDENTITIES}
      WHERE status = 'placed' AND occurred_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    ) AS orders ON orders.visitor = carts.visitor AND orders.at_ms >= carts.at_ms
    LEFT JOIN
    (
      SELECT visitor_token, groupArray((toUnixTimestamp64Milli(from_at), toUnixTimestamp64Milli(until_at))) AS spans
      FROM weir.bot_standings WHERE tier > 0 GROUP BY visitor_token
    ) AS held ON held.visitor_token = carts.visitor
    ASOF LEFT JOIN
    (
      SELECT sku, toUnixTimestamp64Milli(opened_at) AS from_ms, toUnixTimestamp64Milli(ifNull(resolved_at, toDateTime64('2200-01-01', 3, 'UTC'))) AS until_ms
      FROM weir.stock_sku_outages
    ) AS outages ON outages.sku = carts.sku AND outages.from_ms <= carts.at_ms
    LEFT JOIN
    (
      SELECT sku, groupArrayIf(span, side = 'UNDER') AS under, groupArrayIf(span, side = 'OVER') AS over, groupArrayIf(span, side = 'PARITY') AS equal
      FROM (SELECT sku, side, (toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at)) AS span FROM weir.parity_segments)
      GROUP BY sku
    ) AS prices ON prices.sku = carts.sku
    WHERE NOT arrayExists(span -> carts.at_ms >= span.1 AND carts.at_ms < span.2, held.spans)
  )
  GROUP BY channel, stock, parity ORDER BY channel, stock, parity`;

/** The rules of segments as they hold at `to_ms`: of each subject the newest, in order of the subjects. */
export const SEGMENT_RULES_SQL = `SELECT subject, argMax(assumeNotNull(rule), (occurred_at, event_id)) AS text,
    toUnixTimestamp64Milli(max(occurred_at)) AS since_ms
  FROM weir.reference
  WHERE kind = 'rule' AND startsWith(subject, 'segment') AND rule IS NOT NULL AND occurred_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  GROUP BY subject ORDER BY subject`;

/**
 * Visitors of the range by segment, the first of `segments` all of whose conditions they meet. Features are
 * those of `SEGMENT_FEATURES`, in that order; amounts are in `currency`.
 */
export const SEGMENTS_SQL = `SELECT segment, toFloat64(count()) AS visitors, toFloat64(countIf(features[6] > 0)) AS customers,
    sum(toFloat64(features[6])) AS orders,
    toFloat64(countIf(orders_in_currency > 0)) AS valued, sum(value) AS y, sum(value * value) AS yy, sum(orders_in_currency) AS d,
    sum(orders_in_currency * orders_in_currency) AS dd, sum(value * orders_in_currency) AS yd
  FROM
  (
    SELECT
      [countIf(side = 0 AND kind != 'impression' AND kind != 'beacon'), countIf(kind = 'product_view'), countIf(kind = 'add_to_cart'),
       countIf(kind = 'checkout'), countIf(kind = 'click' AND has_name), countIf(side = 1), countIf(side = 1 AND has_name)] AS features,
      toInt128(sum(value_minor)) AS value, toInt128(countIf(side = 1 AND is_valued)) AS orders_in_currency,
      arrayFilter((rule, feature, least) -> features[toUInt8(feature)] < toUInt64(least),
        {rule_of:Array(String)}, {feature_of:Array(String)}, {least_of:Array(String)}) AS failed,
      {segments:Array(String)}[arrayFirstIndex(rule -> NOT has(failed, toString(rule)), arrayEnumerate({segments:Array(String)}))] AS segment
    FROM
    (
      SELECT events.visitor_id AS visitor, 0 AS side, kind, ifNull(campaign, '') != '' AS has_name, toInt64(0) AS value_minor, false AS is_valued
      FROM weir.visitor_clicks AS events ${HELD}
      WHERE kind NOT IN ('impression', 'beacon') AND ${IN_RANGE('events.occurred_at')}
        AND NOT arrayExists(span -> events.occurred_at >= span.1 AND events.occurred_at < span.2, held.spans)
      UNION ALL
      SELECT ${VISITOR} AS visitor, 1, '', ifNull(promo_id, '') != '', if(currency = {currency:String}, lines.value_minor, 0), currency = {currency:String}
      FROM weir.orders AS events ${IDENTITIES}
      LEFT JOIN (SELECT event_id, sum(quantity * unit_price_minor) AS value_minor FROM weir.order_lines WHERE status = 'placed' GROUP BY event_id) AS lines
        ON lines.event_id = events.event_id
      WHERE status = 'placed' AND ${IN_RANGE('events.occurred_at')}
    )
    GROUP BY visitor
    HAVING features[1] > 0 OR features[6] > 0
  )
  GROUP BY segment ORDER BY segment`;
