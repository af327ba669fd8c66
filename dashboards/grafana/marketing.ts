import { CURRENCY_CODES, minorUnitsPerUnit } from '../../schemas/money.ts';
import { CLICKHOUSE } from './data-sources.ts';
import { type Frame, type Section, choice, derived, filter } from './frame.ts';
import { BAD, CHANNELS, GOOD, NEUTRAL, WATCH, WINDOW_STATES, thresholds } from './look.ts';
import { comparison, course, figure, list } from './panels.ts';
import { rowsOf, seriesOf } from './queries.ts';

const CHOSEN = '$__conditionalAll(channel IN (${channel:singlequote}), $channel)';
const IN_RANGE = `$__timeFilter(window_start) AND ${CHOSEN}`;
/** Of rows of hours the one in which the range begins belongs to it as well. */
const HOURS_IN_RANGE = `window_start >= toStartOfHour($__fromTime, 'UTC') AND window_start <= $__toTime AND ${CHOSEN}`;
/** Amounts of different currencies are never added up. */
const IN_CURRENCY = `${IN_RANGE} AND currency = \${currency:singlequote}`;
/** Rows of traffic have no currency; next to them stand the amounts of the chosen one. */
const WITH_TRAFFIC = `${IN_RANGE} AND currency IN ('', \${currency:singlequote})`;

/** Most rows of a table: more nobody reads. */
const LIST_ROWS_MAX = 100;

/** A sum per step of time. */
function total(value: string, where: string): string {
  return (
    `SELECT $__timeInterval(window_start) AS time, ${value} AS Value\n` +
    `FROM weir.channel_1m\nWHERE ${where}\nGROUP BY time\nORDER BY time`
  );
}

/** A sum per step of time and channel. */
function perChannel(value: string, where: string, view = 'channel_1m'): string {
  return (
    `SELECT $__timeInterval(window_start) AS time, channel, ${value} AS Value\n` +
    `FROM weir.${view}\nWHERE ${where}\nGROUP BY time, channel\nHAVING Value != 0\nORDER BY time`
  );
}

/** One value over the whole range. */
function overall(value: string, where: string): string {
  return `SELECT ${value} AS Value\nFROM weir.channel_1m\nWHERE ${where}`;
}

const money = (column: string): string => `sum(${column}) / \${minor_units}`;

const GLANCE: Section = {
  heading: 'At a glance',
  panels: [
    figure({
      title: 'Revenue (${currency})',
      description:
        'Value of the orders placed in the range, in the chosen currency. Returns are not subtracted.',
      source: CLICKHOUSE,
      queries: [seriesOf(total(money('revenue_minor'), IN_CURRENCY))],
      unit: 'short',
      reduce: 'sum',
    }),
    figure({
      title: 'Returned (${currency})',
      description: 'Value of what was returned or cancelled in the range, when it came back.',
      source: CLICKHOUSE,
      queries: [seriesOf(total(money('returns_minor'), IN_CURRENCY))],
      unit: 'short',
      reduce: 'sum',
    }),
    figure({
      title: 'Orders',
      description: 'Orders placed in the range, in all currencies.',
      source: CLICKHOUSE,
      queries: [seriesOf(total('sum(orders)', IN_RANGE))],
      unit: 'short',
      reduce: 'sum',
    }),
    figure({
      title: 'Average order (${currency})',
      description: 'Revenue by orders, in the chosen currency.',
      source: CLICKHOUSE,
      queries: [rowsOf(overall(`${money('revenue_minor')} / nullIf(sum(orders), 0)`, IN_CURRENCY))],
      unit: 'short',
      decimals: 2,
      isPlain: true,
    }),
    figure({
      title: 'Orders per session',
      description: 'Orders placed by sessions that started in the range, over all currencies.',
      source: CLICKHOUSE,
      queries: [seriesOf(total('sum(orders) / nullIf(sum(sessions), 0)', IN_RANGE))],
      unit: 'percentunit',
      decimals: 1,
    }),
    figure({
      title: 'Invalid clicks',
      description:
        'Share of clicks withdrawn as traffic of bots, in both tiers. Counts beside it are without them.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(overall('sum(clicks_givt + clicks_sivt) / nullIf(sum(clicks_gross), 0)', IN_RANGE)),
      ],
      unit: 'percentunit',
      decimals: 1,
      isPlain: true,
      thresholds: thresholds(GOOD, { from: 0.2, colour: WATCH }, { from: 0.4, colour: BAD }),
    }),
  ],
};

const SALES: Section = {
  heading: 'Sales by channel',
  panels: [
    course({
      title: 'Revenue by channel (${currency})',
      description: 'Value of orders placed, per step of time, in the chosen currency.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [seriesOf(perChannel(money('revenue_minor'), IN_CURRENCY))],
      unit: 'short',
      width: 12,
      isStacked: true,
      interval: '1m',
      legend: ['sum'],
    }),
    course({
      title: 'Orders by channel',
      description: 'Orders placed, per step of time, in all currencies.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [seriesOf(perChannel('sum(orders)', IN_RANGE))],
      unit: 'short',
      width: 12,
      isStacked: true,
      interval: '1m',
      legend: ['sum'],
    }),
    list({
      title: 'Channels',
      description:
        'Everything about a channel in the range, amounts in the chosen currency. Return on ad spend is revenue by spend of the channel, whoever is credited; for credited revenue see attribution below.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT channel AS "Channel", sum(impressions) AS "Impressions", sum(clicks_net) AS "Clicks",\n` +
            `  sum(sessions) AS "Sessions", sum(add_to_carts) AS "Carts", sum(orders) AS "Orders", sum(units) AS "Units",\n` +
            `  ${money('revenue_minor')} AS "Revenue", ${money('returns_minor')} AS "Returned", ${money('margin_minor')} AS "Margin",\n` +
            `  ${money('revenue_minor')} / nullIf(sum(orders), 0) AS "Average order", ${money('spend_minor')} AS "Spend",\n` +
            `  sum(revenue_minor) / nullIf(sum(spend_minor), 0) AS "Return on ad spend"\n` +
            `FROM weir.channel_1m\nWHERE ${WITH_TRAFFIC}\nGROUP BY channel\nORDER BY "Revenue" DESC, "Clicks" DESC\nLIMIT ${LIST_ROWS_MAX}`,
        ),
      ],
      unit: 'short',
      width: 16,
      height: 10,
      units: { 'Average order': 'none', 'Return on ad spend': 'none' },
      coloured: ['Channel'],
    }),
    comparison({
      title: 'Channel mix',
      description:
        'Share of each sales channel in the orders placed. The usual targets are dtc 40 %, amazon 25 %, messaging 15 % and retail 20 %.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [
        seriesOf(
          `SELECT $__toTime AS time, channel, sum(orders) / nullIf(sum(sum(orders)) OVER (), 0) AS Value\n` +
            `FROM weir.channel_1m\nWHERE ${IN_RANGE}\nGROUP BY channel\nHAVING sum(orders) > 0\nORDER BY time`,
        ),
      ],
      unit: 'percentunit',
      decimals: 1,
      width: 8,
      height: 10,
    }),
  ],
};

const TRAFFIC: Section = {
  heading: 'Traffic by channel',
  panels: [
    course({
      title: 'Clicks by channel, without bots',
      description: 'Clicks of every kind but beacons, less those withdrawn as invalid.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [seriesOf(perChannel('sum(clicks_net)', IN_RANGE))],
      unit: 'short',
      width: 12,
      isStacked: true,
      interval: '1m',
      legend: ['sum'],
    }),
    course({
      title: 'Visitors per hour',
      description:
        'Distinct visitors in each hour. Who comes in two hours counts in both, so hours must not be added up.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [
        seriesOf(
          `SELECT window_start AS time, channel, sum(visitors) AS Value\nFROM weir.channel_1h\n` +
            `WHERE ${HOURS_IN_RANGE}\nGROUP BY time, channel\nHAVING Value != 0\nORDER BY time`,
        ),
      ],
      unit: 'short',
      width: 12,
      interval: '1h',
      legend: ['lastNotNull', 'max'],
    }),
    course({
      title: 'Sessions by channel',
      description: 'Sessions that started, by the channel of their first click.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [seriesOf(perChannel('sum(sessions)', IN_RANGE))],
      unit: 'short',
      width: 12,
      isStacked: true,
      interval: '1m',
      legend: ['sum'],
    }),
    comparison({
      title: 'From seeing to buying',
      description: 'How many steps of each kind there were in the range, over the chosen channels.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          `SELECT sum(impressions) AS "Impressions", sum(clicks_net) AS "Clicks", sum(sessions) AS "Sessions",\n` +
            `  sum(add_to_carts) AS "Carts", sum(orders) AS "Orders"\nFROM weir.channel_1m\nWHERE ${IN_RANGE}`,
        ),
      ],
      unit: 'short',
      width: 12,
    }),
  ],
};

/** Credit follows the time of the conversion; `unattributed` had no touch within the look-back. */
function credited(value: string, rest: string): string {
  return `SELECT ${value}\nFROM weir.attribution_1h\nWHERE ${HOURS_IN_RANGE} AND currency = \${currency:singlequote}${rest}`;
}

const OF_MODEL = ' AND model = ${model:singlequote}';

const ATTRIBUTION: Section = {
  heading: 'Attribution: who is credited',
  panels: [
    comparison({
      title: 'Credit by channel, ${model} (${currency})',
      description:
        'Order value credited to the channels that led to it, by the chosen model, less what was returned. Credit is not proof of effect.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [
        seriesOf(
          credited(
            'toStartOfHour(window_start) AS time, channel, sum(credit_minor) / ${minor_units} AS Value',
            `${OF_MODEL}\nGROUP BY time, channel\nORDER BY time`,
          ),
        ),
      ],
      unit: 'short',
      width: 8,
      height: 9,
      reduce: 'sum',
    }),
    course({
      title: 'Credited conversions, ${model}',
      description: 'Conversions credited to each channel, by the hour in which they were placed.',
      source: CLICKHOUSE,
      known: CHANNELS,
      queries: [
        seriesOf(
          credited(
            'window_start AS time, channel, sum(conversions_milli) / 1000 AS Value',
            `${OF_MODEL}\nGROUP BY time, channel\nORDER BY time`,
          ),
        ),
      ],
      unit: 'short',
      width: 16,
      height: 9,
      isStacked: true,
      interval: '1h',
      legend: ['sum'],
    }),
    list({
      title: 'Models side by side (${currency})',
      description:
        'Credit of each channel by each model. Every column adds up to the same total; a channel whose figures differ much depends on the model, not on the data.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          credited(
            'channel, model, sum(credit_minor) / ${minor_units} AS credit',
            '\nGROUP BY channel, model\nORDER BY channel, model',
          ),
        ),
      ],
      unit: 'short',
      width: 12,
      height: 9,
      coloured: ['channel\\model'],
      matrix: { row: 'channel', column: 'model', value: 'credit' },
    }),
    list({
      title: 'Campaigns, ${model}',
      description: 'Credited campaigns with the highest order value, by the chosen model.',
      source: CLICKHOUSE,
      queries: [
        rowsOf(
          credited(
            `channel AS "Channel", if(campaign = '', '(none)', campaign) AS "Campaign", sum(conversions_milli) / 1000 AS "Conversions",\n` +
              '  sum(credit_minor) / ${minor_units} AS "Credit", ' +
              'sum(credit_minor) / nullIf(sum(sum(credit_minor)) OVER (), 0) AS "Share"',
            `${OF_MODEL}\nGROUP BY channel, campaign\nORDER BY "Credit" DESC\nLIMIT ${LIST_ROWS_MAX}`,
          ),
        ),
      ],
      unit: 'short',
      width: 12,
      height: 9,
      units: { Share: 'percentunit' },
      coloured: ['Channel'],
    }),
  ],
};

const SETTLED: Section = {
  heading: 'How settled the numbers are',
  panels: [
    figure({
      title: 'No more events expected before',
      description:
        'The watermark. Windows that end after it are provisional; late events and returns still correct the others.',
      source: CLICKHOUSE,
      queries: [rowsOf('SELECT watermark AS "Watermark" FROM weir.progress')],
      unit: 'dateTimeFromNow',
      width: 6,
      isPlain: true,
      thresholds: thresholds(NEUTRAL),
    }),
    course({
      title: 'Minutes by state',
      description:
        'provisional: under way. matured: over, and late events may correct it. final: later changes are rows of their own, which these figures include.',
      source: CLICKHOUSE,
      known: WINDOW_STATES,
      queries: [
        seriesOf(
          `SELECT $__timeInterval(window_start) AS time, state, uniqExact(window_start) AS Value\n` +
            `FROM weir.channel_1m\nWHERE ${IN_RANGE}\nGROUP BY time, state\nORDER BY time`,
        ),
      ],
      unit: 'short',
      width: 18,
      height: 4,
      isStacked: true,
      interval: '1m',
    }),
  ],
};

/** Channels, sales and attribution, for those who spend the money. */
export const MARKETING: Frame = {
  name: 'marketing',
  title: 'Weir · Marketing',
  description: 'Sales, traffic and attributed credit per channel. Numbers correct themselves.',
  span: '24h',
  refresh: '1m',
  variables: [
    choice(
      'currency',
      'Currency',
      "SELECT currency FROM weir.channel_1d WHERE currency != '' GROUP BY currency ORDER BY sum(orders) DESC",
    ),
    filter('channel', 'Channel', 'SELECT DISTINCT channel FROM weir.channel_1d ORDER BY channel'),
    choice(
      'model',
      'Attribution model',
      "SELECT model FROM weir.attribution_1d GROUP BY model ORDER BY model != 'linear', model",
    ),
    derived(
      'minor_units',
      `SELECT transform(\${currency:singlequote}, ${listOf((code) => `'${code}'`)}, ${listOf((code) => String(minorUnitsPerUnit(code)))}, 100)`,
    ),
  ],
  sections: [GLANCE, SALES, TRAFFIC, ATTRIBUTION, SETTLED],
};

/** An array of ClickHouse with one element for each currency that has not two digits. */
function listOf(element: (code: string) => string): string {
  const codes = CURRENCY_CODES.filter((code) => minorUnitsPerUnit(code) !== 100);
  return `[${codes.map(element).join(', ')}]`;
}
