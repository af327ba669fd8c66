import type { Panel, Row } from '../../schemas/panel.ts';
import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { BOT_CLICKS_1M, BOT_WITHDRAWALS_1M, CHANNEL_1M } from './row.ts';

/** What a live page needs for its sparklines; older minutes come from ClickHouse. */
const LIVE_RETENTION_MS = 3 * HOUR_MS;

/** 180 minutes × 20 channels × (traffic and four currencies), about 8 MB in the live view. */
const LIVE_ROWS_MAX = 18_000;

/** The hour that the page shows, and one more minute, as the newest is not over. */
const BOTS_RETENTION_MS = 61 * MINUTE_MS;
/** The quarter of an hour that the page shows, and one more minute. */
const WITHDRAWALS_RETENTION_MS = 16 * MINUTE_MS;
/** 60 minutes × 20 channels × five reasons of the ten. */
const BOTS_ROWS_MAX = 6_000;

const KEY = ['window_start', ...CHANNEL_1M.dimensions] as const;

/** Traffic, sales and spend per channel: live by the minute, stored by minute, hour and UTC day. */
export const CHANNELS_PANEL: Panel = {
  topic: 'channels',
  path: 'channels',
  needs: ['traffic'],
  live: {
    table: CHANNEL_1M.name,
    key: KEY,
    sums: CHANNEL_1M.sums,
    derive: withNetClicks,
    retentionMs: LIVE_RETENTION_MS,
    rowsMax: LIVE_ROWS_MAX,
    windowMs: CHANNEL_1M.windowMs,
  },
  query: {
    views: { minute: 'channel_1m', hour: 'channel_1h', day: 'channel_1d' },
    columns: [
      'window_start',
      'channel',
      'currency',
      'impressions',
      'clicks_gross',
      'clicks_net',
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
      'state',
    ],
    filters: ['channel', 'currency'],
    timeColumn: 'window_start',
    orderBy: KEY,
  },
};

const BOTS_KEY = ['window_start', ...BOT_CLICKS_1M.dimensions] as const;

/** Clicks of machines and of those that look like one, by the minute and reason. */
export const BOTS_PANEL: Panel = {
  topic: 'bots',
  path: 'bots/reasons',
  needs: ['bots', 'traffic'],
  live: {
    table: BOT_CLICKS_1M.name,
    key: BOTS_KEY,
    sums: BOT_CLICKS_1M.sums,
    retentionMs: BOTS_RETENTION_MS,
    rowsMax: BOTS_ROWS_MAX,
    windowMs: BOT_CLICKS_1M.windowMs,
  },
  query: {
    views: { minute: 'bot_clicks_1m' },
    columns: [...BOTS_KEY, ...BOT_CLICKS_1M.sums, 'state'],
    filters: BOT_CLICKS_1M.dimensions,
    timeColumn: 'window_start',
    orderBy: BOTS_KEY,
  },
};

/** What was taken out of the net and given back, by the minute in which that was decided. */
export const BOT_WITHDRAWALS_PANEL: Panel = {
  topic: 'bot_withdrawals',
  path: 'bots/withdrawals',
  needs: ['bots', 'traffic'],
  live: {
    table: BOT_WITHDRAWALS_1M.name,
    key: BOTS_KEY,
    sums: BOT_WITHDRAWALS_1M.sums,
    retentionMs: WITHDRAWALS_RETENTION_MS,
    rowsMax: BOTS_ROWS_MAX,
    windowMs: undefined,
    isTrail: true,
  },
  query: {
    views: { minute: 'bot_withdrawals_1m' },
    columns: [...BOTS_KEY, ...BOT_WITHDRAWALS_1M.sums],
    filters: BOT_WITHDRAWALS_1M.dimensions,
    timeColumn: 'window_start',
    orderBy: BOTS_KEY,
  },
};

function withNetClicks(row: Row): Row {
  const { clicks_gross: gross, clicks_givt: givt, clicks_sivt: sivt } = row;
  return { ...row, clicks_net: Number(gross) - Number(givt) - Number(sivt) };
}
