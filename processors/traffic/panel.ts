import type { Panel, Row } from '../../schemas/panel.ts';
import { HOUR_MS } from '../../schemas/time.ts';
import { CHANNEL_1M } from './row.ts';

/** What a live page needs for its sparklines; older minutes come from ClickHouse. */
const LIVE_RETENTION_MS = 3 * HOUR_MS;

/** 180 minutes × 20 channels × (traffic and four currencies), about 8 MB in the live view. */
const LIVE_ROWS_MAX = 18_000;

const KEY = ['window_start', ...CHANNEL_1M.dimensions] as const;

/** Traffic, sales and spend per channel: live by the minute, stored by minute, hour and UTC day. */
export const CHANNELS_PANEL: Panel = {
  topic: 'channels',
  path: 'channels',
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

function withNetClicks(row: Row): Row {
  const { clicks_gross: gross, clicks_givt: givt, clicks_sivt: sivt } = row;
  return { ...row, clicks_net: Number(gross) - Number(givt) - Number(sivt) };
}
