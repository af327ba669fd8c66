import { ALERTS } from '../../schemas/alert.ts';
import type { Panel } from '../../schemas/panel.ts';

/** Rows the live view of alerts holds, about 6 MB: a storm of 10,000 and what was open before. */
const ALERT_ROWS_MAX = 12_000;

const LIVE: Panel['live'] = {
  table: ALERTS.name,
  key: ALERTS.key,
  sums: [],
  retentionMs: undefined,
  rowsMax: ALERT_ROWS_MAX,
  windowMs: undefined,
};

/** Alerts of every kind, by when they opened. */
export const ALERTS_PANEL: Panel = {
  topic: 'alerts',
  path: 'alerts',
  needs: ['stock', 'parity', 'fulfilment'],
  live: LIVE,
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

/** How long it takes per kind until somebody has taken an alert over, and until it is resolved. */
export const ALERT_TIMES_PANEL: Panel = {
  topic: 'alerts',
  path: 'alerts/times',
  needs: ['stock', 'parity', 'fulfilment'],
  live: LIVE,
  query: {
    views: { all: 'weir.alert_times' },
    columns: [
      'kind',
      'incidents',
      'open',
      'acknowledged',
      'mean_minutes_to_acknowledge',
      'mean_minutes_to_resolve',
    ],
    filters: ['kind'],
    timeColumn: undefined,
    orderBy: ['kind'],
  },
};
