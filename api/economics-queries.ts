import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';

/** What is asked for: [fromMs, toMs) in event time, amounts of one currency, credit by one model. */
export interface EconomicsQuestion {
  readonly fromMs: number;
  readonly toMs: number;
  readonly currency: string;
  readonly model: string;
  readonly watermarkMs: number;
}

/** How long a cart has to become an order. */
const CART_MS = 86_400_000;
/** How long a customer has to come back. */
const REPURCHASE_MS = 90 * 86_400_000;

const IN_RANGE = (column: string): string =>
  `${column} >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;

/** Traffic, sales and spend per channel. */
const CHANNELS_SQL = `SELECT channel,
    toFloat64(sum(counted.impressions)) AS impressions, toFloat64(sum(counted.clicks_gross)) AS clicks_gross, toFloat64(sum(counted.clicks_net)) AS clicks_net,
    toFloat64(sum(counted.sessions)) AS sessions, toFloat64(sum(counted.add_to_carts)) AS add_to_carts,
    toFloat64(sumIf(counted.orders, counted.currency = {currency:String})) AS orders, toFloat64(sumIf(counted.units, counted.currency = {currency:String})) AS units,
    toFloat64(sumIf(counted.revenue_minor, counted.currency = {currency:String})) AS revenue_minor,
    toFloat64(sumIf(counted.margin_minor, counted.currency = {currency:String})) AS margin_minor,
    toFloat64(sumIf(counted.lines_without_cost, counted.currency = {currency:String})) AS lines_without_cost,
    toFloat64(sumIf(counted.returns_minor, counted.currency = {currency:String})) AS returns_minor,
    toFloat64(sumIf(counted.spend_minor, counted.currency = {currency:String})) AS spend_minor,
    toFloat64(sum(counted.orders)) AS orders_all
  FROM weir.channel_1m AS counted WHERE ${IN_RANGE('window_start')}
  GROUP BY channel ORDER BY channel`;

/** Sums over customers of a sales channel, for the interval of the order value. */
const CUSTOMERS_SQL = `SELECT sales_channel AS channel, toFloat64(count()) AS customers, sum(value) AS y, sum(value * value) AS yy,
    sum(orders) AS d, sum(orders * orders) AS dd, sum(value * orders) AS yd
  FROM
  (
    SELECT visitor_id, sales_channel, toFloat64(sum(quantity * unit_price_minor)) AS value, toFloat64(uniqExact(order_id)) AS orders
    FROM weir.order_lines
    WHERE status = 'placed' AND currency = {currency:String} AND ${IN_RANGE('occurred_at')}
    GROUP BY visitor_id, sales_channel
  )
  GROUP BY channel`;

const CREDIT_SQL = `SELECT channel, sum(conversions_milli) / 1000 AS conversions, toFloat64(sum(credit_minor)) AS credit_minor
  FROM weir.attribution_1h
  WHERE model = {model:String} AND currency = {currency:String} AND ${IN_RANGE('window_start')}
  GROUP BY channel`;

/** The newest target of each channel that holds at the end of the range. */
const TARGETS_SQL = `SELECT assumeNotNull(channel) AS channel, toFloat64(argMax(assumeNotNull(value), occurred_at)) AS target
  FROM weir.reference
  WHERE kind = 'target' AND metric = 'channel_mix_percent' AND channel IS NOT NULL AND value IS NOT NULL
    AND (\`from\` IS NULL OR \`from\` < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    AND (\`to\` IS NULL OR \`to\` >= fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
  GROUP BY channel`;

/** Customers by the month of their first order: who came back within 90 days, and what all of them brought. */
const COHORTS_SQL = `WITH placed AS
  (
    SELECT
      visitor_id, order_id, minIf(toUnixTimestamp64Milli(occurred_at), status = 'placed') AS at_ms,
      toFloat64(sumIf(margin, status = 'placed') - sumIf(margin, status = 'returned')) AS margin_minor
    FROM
    (
      SELECT orders.*, if(orders.currency = {currency:String}, ifNull(lines.margin, 0), 0) AS margin
      FROM weir.visitor_orders AS orders
      LEFT JOIN
      (
        SELECT event_id, sum(ifNull(quantity * (unit_price_minor - unit_cost_minor), 0)) AS margin
        FROM weir.order_lines GROUP BY event_id
      ) AS lines ON lines.event_id = orders.event_id
    )
    GROUP BY visitor_id, order_id
    HAVING countIf(status = 'placed') > 0 AND countIf(status = 'cancelled') = 0
  )
  SELECT
    toUnixTimestamp64Milli(toDateTime64(toStartOfMonth(fromUnixTimestamp64Milli(first_ms, 'UTC')), 3, 'UTC')) AS cohort_ms,
    toUnixTimestamp64Milli(toDateTime64(addMonths(toStartOfMonth(fromUnixTimestamp64Milli(first_ms, 'UTC')), 1), 3, 'UTC')) + ${REPURCHASE_MS} AS matured_ms,
    toFloat64(count()) AS customers, toFloat64(countIf(second_ms > 0 AND second_ms <= first_ms + ${REPURCHASE_MS})) AS repurchased,
    sum(margin_minor) AS margin_minor
  FROM
  (
    SELECT arraySort(groupArray(at_ms)) AS times, times[1] AS first_ms, times[2] AS second_ms, sum(margin_minor) AS margin_minor
    FROM placed GROUP BY visitor_id
  )
  GROUP BY cohort_ms, matured_ms ORDER BY cohort_ms`;

/** Customers of the stretch of the same length before, and those of them who ordered again in the range. */
const RETENTION_SQL = `SELECT toFloat64(countIf(before > 0)) AS customers, toFloat64(countIf(before > 0 AND within > 0)) AS retained
  FROM
  (
    SELECT visitor_id,
      countIf(occurred_at < fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AS before,
      countIf(occurred_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AS within
    FROM weir.visitor_orders
    WHERE status = 'placed' AND occurred_at >= fromUnixTimestamp64Milli(2 * {from:Int64} - {to:Int64}, 'UTC')
      AND occurred_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    GROUP BY visitor_id
  )`;

/**
 * A visitor's first add to cart of a UTC day, and whether an order follows within a day. All that is
 * known of a visitor meets in one grouping, which costs a third less than joining it.
 */
const CARTS_SQL = `SELECT cart.2 AS channel,
    toFloat64(countIf(is_over)) AS carts,
    toFloat64(countIf(is_over AND NOT is_ordered)) AS abandoned,
    toFloat64(countIf(NOT is_over)) AS pending
  FROM
  (
    SELECT arrayJoin(carts) AS cart,
      arrayExists(time -> time >= cart.1 AND time < cart.1 + ${CART_MS}, times) AS is_ordered,
      -- Also those that have become orders wait: counted at once they would make every young share small.
      cart.1 + ${CART_MS} <= {watermark:Int64} AS is_over
    FROM
    (
      SELECT
        groupArrayIf((at_ms, until_ms), side = 2) AS spans,
        groupArrayIf(at_ms, side = 1) AS times,
        arrayFilter(
          cart -> NOT arrayExists(span -> cart.1 >= span.1 AND cart.1 < span.2, spans),
          groupArrayIf((at_ms, channel), side = 0)) AS carts
      FROM
      (
        SELECT if(identities.into_token = '', visitor_id, identities.into_token) AS visitor,
          min(toUnixTimestamp64Milli(occurred_at)) AS at_ms,
          argMin(channel, (occurred_at, event_id)) AS channel, toInt64(0) AS until_ms, 0 AS side
        -- A click that is stored twice is still the first, so the table needs no look for repeats.
        FROM weir.clicks_log AS clicks
        LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = clicks.visitor_id
        WHERE kind = 'add_to_cart' AND ${IN_RANGE('occurred_at')}
        GROUP BY visitor, toStartOfDay(occurred_at)
        UNION ALL
        SELECT visitor_id, toUnixTimestamp64Milli(occurred_at), '', 0, 1
        FROM weir.visitor_orders WHERE status = 'placed' AND occurred_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
        UNION ALL
        SELECT visitor_token, toUnixTimestamp64Milli(from_at), '', toUnixTimestamp64Milli(until_at), 2
        FROM weir.bot_standings WHERE tier > 0
      )
      GROUP BY visitor
      HAVING countIf(side = 0) > 0
    )
  )
  GROUP BY channel ORDER BY channel`;

/** The rows behind the answer, as ClickHouse has counted them. */
export interface EconomicsRows {
  readonly channels: readonly Row[];
  readonly customers: readonly Row[];
  readonly credits: readonly Row[];
  readonly targets: readonly Row[];
  readonly cohorts: readonly Row[];
  readonly retention: readonly Row[];
  readonly carts: readonly Row[];
}

/** Reads everything that channel economics is made of. */
export async function readEconomics(
  engine: EnginePort,
  question: EconomicsQuestion,
): Promise<EconomicsRows> {
  const { fromMs: from, toMs: to, currency, model, watermarkMs: watermark } = question;
  const range = { from, to };
  return {
    channels: await engine.query(CHANNELS_SQL, { ...range, currency }),
    customers: await engine.query(CUSTOMERS_SQL, { ...range, currency }),
    credits: await engine.query(CREDIT_SQL, { ...range, currency, model }),
    targets: await engine.query(TARGETS_SQL, { to }),
    cohorts: await engine.query(COHORTS_SQL, { currency }),
    retention: await engine.query(RETENTION_SQL, range),
    carts: await engine.query(CARTS_SQL, { ...range, watermark }),
  };
}
