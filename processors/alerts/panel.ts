import { ALERTS } from '../../schemas/alert.ts';
import type { Panel } from '../../schemas/panel.ts';

/** Rows the live view of alerts holds; a day with more open stockouts has one cause. */
const ALERT_ROWS_MAX = 5_000;

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
      'entity_key',
      'sku',
      'node_id',
      'opened_at',
      'acknowledged_at',
      'acknowledged_by',
      'resolved_at',
      'cost_minor',
      'currency',
      'owner',
      'runbook',
      'detail',
    ],
    filters: ['kind', 'severity', 'state', 'sku', 'node_id', 'alert_id'],
    timeColumn: 'opened_at',
    orderBy: ['opened_at', 'alert_id'],
  },
};
