import type { Panel } from '../../schemas/panel.ts';
import { ALERTS, STOCK_CURRENT } from './row.ts';

/** Rows the live view of stock holds: what a page can list; the rest is asked for by filter. */
const STOCK_ROWS_MAX = 20_000;

/** Rows the live view of alerts holds; a day with more open stockouts has one cause. */
const ALERT_ROWS_MAX = 5_000;

/** The current stock of every SKU × node. */
export const STOCK_PANEL: Panel = {
  topic: 'stock',
  path: 'stock',
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
      'changed_at',
      'as_of',
    ],
    filters: ['sku', 'node_id', 'state'],
    timeColumn: undefined,
    orderBy: ['sku', 'node_id'],
  },
};

/** Alerts of every kind, by when they opened. */
export const ALERTS_PANEL: Panel = {
  topic: 'alerts',
  path: 'alerts',
  live: {
    table: ALERTS.name,
    key: ALERTS.key,
    sums: [],
    retentionMs: undefined,
    rowsMax: ALERT_ROWS_MAX,
    windowMs: undefined,
  },
  query: {
    views: { all: 'weir.alerts' },
    columns: [
      'alert_id',
      'kind',
      'severity',
      'state',
      'subject',
      'sku',
      'node_id',
      'opened_at',
      'acknowledged_at',
      'acknowledged_by',
      'resolved_at',
      'owner',
      'runbook',
      'detail',
    ],
    filters: ['kind', 'severity', 'state', 'sku', 'node_id', 'alert_id'],
    timeColumn: 'opened_at',
    orderBy: ['opened_at', 'alert_id'],
  },
};
