import type { Panel } from '../../schemas/panel.ts';
import { STOCK_CURRENT } from './row.ts';

/** Rows the live view of stock holds: what a page can list; the rest is asked for by filter. */
const STOCK_ROWS_MAX = 20_000;

/** The current stock of every SKU × node. */
export const STOCK_PANEL: Panel = {
  topic: 'stock',
  path: 'stock',
  needs: ['stock'],
  live: {
    table: STOCK_CURRENT.name,
    key: STOCK_CURRENT.key,
    sums: [],
    retentionMs: undefined,
    rowsMax: STOCK_ROWS_MAX,
    windowMs: undefined,
  },
  query: {
    views: { all: 'weir.stock_current' },
    columns: [
      'sku',
      'node_id',
      'state',
      'available',
      'on_hand',
      'reserved',
      'safety',
      'inbound',
      'rate_per_day',
      'rate_low',
      'rate_high',
      'days_of_cover',
      'lead_time_days',
      'p_stockout',
      'phantom_p',
      'tsb_per_day',
      'croston_per_day',
      'sba_per_day',
      'wape',
      'changed_at',
      'as_of',
      'exact',
    ],
    filters: ['sku', 'node_id', 'state'],
    timeColumn: undefined,
    orderBy: ['sku', 'node_id'],
  },
};
