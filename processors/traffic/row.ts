import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import type { SumsTable } from '../engine/operator/table.ts';

/**
 * Traffic, sales and spend per minute and channel. Counts of traffic have no currency: their rows
 * carry an empty one, and amounts of money carry theirs, so that a count is never added up once per
 * currency.
 */
export const CHANNEL_1M = {
  kind: 'sums',
  name: 'channel_1m_rows',
  windowMs: MINUTE_MS,
  dimensions: ['channel', 'currency'],
  sums: [
    'impressions',
    'clicks_gross',
    'clicks_givt',
    'clicks_sivt',
    'visitors',
    'sessions',
    'add_to_carts',
    'orders',
    'units',
    'revenue_minor',
    'margin_minor',
    'returns_minor',
    'lines_without_cost',
    'spend_minor',
  ],
} as const satisfies SumsTable;

/** Distinct visitors per hour: minutes cannot be added up, a visitor may be in several. */
export const CHANNEL_VISITORS_1H = {
  kind: 'sums',
  name: 'channel_visitors_1h_rows',
  windowMs: HOUR_MS,
  dimensions: ['channel'],
  sums: ['visitors'],
} as const satisfies SumsTable;

/** Distinct visitors per UTC day. */
export const CHANNEL_VISITORS_1D = {
  kind: 'sums',
  name: 'channel_visitors_1d_rows',
  windowMs: DAY_MS,
  dimensions: ['channel'],
  sums: ['visitors'],
} as const satisfies SumsTable;

/** Sales per hour and region of the order, whatever its channel: what comparisons of regions rest on. */
export const REGION_1H = {
  kind: 'sums',
  name: 'region_1h_rows',
  windowMs: HOUR_MS,
  dimensions: ['region', 'currency'],
  sums: ['orders', 'revenue_minor', 'returns_minor'],
} as const satisfies SumsTable;

/**
 * Clicks that are held to be a machine's, by the reason: withdrawn from the net by tier 1 or 2, or
 * suspect and counted. What no row has is a person's.
 */
export const BOT_CLICKS_1M = {
  kind: 'sums',
  name: 'bot_clicks_1m_rows',
  windowMs: MINUTE_MS,
  dimensions: ['channel', 'reason'],
  sums: ['clicks_suspect', 'clicks_givt', 'clicks_sivt'],
} as const satisfies SumsTable;

/** Clicks that were taken out of the net, less those given back, by the minute in which it was decided. */
export const BOT_WITHDRAWALS_1M = {
  kind: 'sums',
  name: 'bot_withdrawals_1m_rows',
  windowMs: MINUTE_MS,
  dimensions: ['channel', 'reason'],
  sums: ['clicks'],
  isTrail: true,
} as const satisfies SumsTable;

/** The currency of rows that hold no money. */
export const NO_CURRENCY = '';

/** The place of a sum of `channel_1m_rows`, by name. */
export function channelSum(name: (typeof CHANNEL_1M.sums)[number]): number {
  return CHANNEL_1M.sums.indexOf(name);
}
