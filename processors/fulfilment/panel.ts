import type { Panel } from '../../schemas/panel.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { FULFILMENT_1H, FULFILMENT_REASONS_1H } from './row.ts';

/** The longest promise of a band is three days; a fourth shows what has come of it. */
const LIVE_RETENTION_MS = 4 * DAY_MS;

/** 96 hours × 3 zones × 4 nodes × (one row and about 20 buckets), about 12 MB in the live view. */
const LIVE_ROWS_MAX = 25_000;

/** Promises, deliveries and cycle times by the hour, zone and node. */
export const FULFILMENT_PANEL: Panel = {
  topic: 'fulfilment',
  path: 'fulfilment',
  needs: ['fulfilment'],
  live: {
    table: FULFILMENT_1H.name,
    key: ['window_start', ...FULFILMENT_1H.dimensions],
    sums: FULFILMENT_1H.sums,
    retentionMs: LIVE_RETENTION_MS,
    rowsMax: LIVE_ROWS_MAX,
    windowMs: FULFILMENT_1H.windowMs,
  },
  query: {
    views: { hour: 'fulfilment_1h' },
    columns: [
      'window_start',
      'zone',
      'node_id',
      'due',
      'on_time',
      'delivered_late',
      'pending',
      'late',
      'on_time_rate',
      'on_time_low',
      'on_time_high',
      'placed',
      'on_time_24h',
      'on_time_48h',
      'on_time_72h',
      'cycles',
      'cycle_p50_minutes',
      'cycle_p90_minutes',
      'cycle_p99_minutes',
      'state',
    ],
    filters: ['zone', 'node_id'],
    timeColumn: 'window_start',
    orderBy: ['window_start', 'zone', 'node_id'],
  },
};

/** How orders are handed over and why they come back, by the hour. */
export const FULFILMENT_REASONS_PANEL: Panel = {
  topic: 'fulfilment_reasons',
  path: 'fulfilment/reasons',
  needs: ['fulfilment'],
  live: {
    table: FULFILMENT_REASONS_1H.name,
    key: ['window_start', ...FULFILMENT_REASONS_1H.dimensions],
    sums: FULFILMENT_REASONS_1H.sums,
    retentionMs: LIVE_RETENTION_MS,
    rowsMax: LIVE_ROWS_MAX,
    windowMs: FULFILMENT_REASONS_1H.windowMs,
  },
  query: {
    views: { hour: 'fulfilment_reasons_1h' },
    columns: ['window_start', 'fulfilment', 'status', 'reason', 'orders', 'state'],
    filters: ['fulfilment', 'status', 'reason'],
    timeColumn: 'window_start',
    orderBy: ['window_start', 'fulfilment', 'status', 'reason'],
  },
};

/** Room at the nodes, and what to move where; the topic's updates are those of promises. */
export const NODE_CAPACITY_PANEL: Panel = {
  topic: 'fulfilment',
  path: 'fulfilment/capacity',
  needs: ['fulfilment'],
  live: FULFILMENT_PANEL.live,
  query: {
    views: { all: 'weir.node_capacity' },
    columns: [
      'area',
      'node_id',
      'capacity',
      'used',
      'buffer',
      'state',
      'breached_since',
      'shift_units',
      'shift_to',
      'as_of',
    ],
    filters: ['area', 'node_id', 'state'],
    timeColumn: undefined,
    orderBy: ['area', 'node_id'],
  },
};

/** Whether deliveries are as soon as each zone's bands mean them to be. */
export const FULFILMENT_BANDS_PANEL: Panel = {
  topic: 'fulfilment',
  path: 'fulfilment/bands',
  needs: ['fulfilment'],
  live: FULFILMENT_PANEL.live,
  query: {
    views: { all: 'weir.fulfilment_bands' },
    columns: [
      'zone',
      'hours',
      'target_low',
      'target_high',
      'from_time',
      'to_time',
      'placed',
      'delivered',
      'share',
      'share_low',
      'share_high',
      'place',
      'is_broken',
    ],
    filters: ['zone', 'hours', 'place'],
    timeColumn: undefined,
    orderBy: ['zone', 'hours'],
  },
};
