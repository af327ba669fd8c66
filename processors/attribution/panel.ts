import type { Panel, Row } from '../../schemas/panel.ts';
import { HOUR_MS } from '../../schemas/time.ts';
import { ATTRIBUTION_1H, CONVERSION_MILLI } from './row.ts';

/** A day and the hours in which its last orders still change. */
const LIVE_RETENTION_MS = 26 * HOUR_MS;

/** 26 hours × 7 models × 100 channel–campaign–currency pairs, about 8 MB in the live view. */
const LIVE_ROWS_MAX = 20_000;

const KEY = ['window_start', ...ATTRIBUTION_1H.dimensions] as const;

/** Attributed conversions and credit, live by the hour, stored by hour and day. */
export const ATTRIBUTION_PANEL: Panel = {
  topic: 'attribution',
  path: 'attribution',
  needs: ['attribution'],
  live: {
    table: ATTRIBUTION_1H.name,
    key: KEY,
    sums: ATTRIBUTION_1H.sums,
    derive: withConversions,
    retentionMs: LIVE_RETENTION_MS,
    rowsMax: LIVE_ROWS_MAX,
    windowMs: ATTRIBUTION_1H.windowMs,
  },
  query: {
    views: { hour: 'attribution_1h', day: 'attribution_1d' },
    columns: [
      'window_start',
      'model',
      'channel',
      'campaign',
      'conversions',
      'conversions_milli',
      'currency',
      'credit_minor',
      'state',
    ],
    filters: ['model', 'channel', 'campaign', 'currency'],
    timeColumn: 'window_start',
    orderBy: KEY,
  },
};

function withConversions(row: Row): Row {
  return { ...row, conversions: Number(row['conversions_milli']) / CONVERSION_MILLI };
}
