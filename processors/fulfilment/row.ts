import { HOUR_MS } from '../../schemas/time.ts';
import type { RowsTable, SumsTable } from '../engine/operator/table.ts';

/**
 * Promises and deliveries per hour, zone and node. An order counts in the hour of its `due_at` with
 * `due`, `on_time`, `delivered_late`, and in the hour in which it was placed with the others. A row with
 * a `bin` holds `cycles` only: it is one bucket of the sketch of the cycle times of what was delivered
 * in the hour. So the sketch is a sum like any other: it merges, and takes back.
 */
export const FULFILMENT_1H = {
  kind: 'sums',
  name: 'fulfilment_1h_rows',
  windowMs: HOUR_MS,
  dimensions: ['zone', 'node_id', 'bin'],
  sums: [
    'due',
    'on_time',
    'delivered_late',
    'placed',
    'on_time_24h',
    'on_time_48h',
    'on_time_72h',
    'cycles',
  ],
} as const satisfies SumsTable;

/** How orders are handed over and why they come back, by the hour of the event. */
export const FULFILMENT_REASONS_1H = {
  kind: 'sums',
  name: 'fulfilment_reasons_1h_rows',
  windowMs: HOUR_MS,
  dimensions: ['fulfilment', 'status', 'reason'],
  sums: ['orders'],
} as const satisfies SumsTable;

/** The newest capacity of every node, by area. */
export const NODE_CAPACITY = {
  kind: 'rows',
  name: 'node_capacity_rows',
  key: ['area', 'node_id'],
  columns: [
    { name: 'area', type: 'text' },
    { name: 'node_id', type: 'text' },
    { name: 'capacity', type: 'integer' },
    { name: 'used', type: 'integer' },
    { name: 'breached_since', type: 'nullable-instant' },
    { name: 'as_of', type: 'instant' },
  ],
  isStoredOnly: true,
} as const satisfies RowsTable;

/** The place of a sum of `fulfilment_1h_rows`, by name. */
export function fulfilmentSum(name: (typeof FULFILMENT_1H.sums)[number]): number {
  return FULFILMENT_1H.sums.indexOf(name);
}

/** The bin of rows that are no bucket of a sketch. */
export const NO_BIN = '';

/** The node of orders that name none. */
export const DEFAULT_NODE_ID = 'default';

/** Share of delivered orders, as ratios, that a zone is meant to reach within so many hours. */
export interface Band {
  readonly zone: 'urban' | 'suburban' | 'rural';
  readonly hours: 24 | 48 | 72;
  readonly low: number;
  readonly high: number;
}

/** @see definitions.md §7 */
export const BANDS: readonly Band[] = [
  { zone: 'urban', hours: 24, low: 0.85, high: 0.95 },
  { zone: 'urban', hours: 48, low: 0.98, high: 1 },
  { zone: 'suburban', hours: 24, low: 0.7, high: 0.85 },
  { zone: 'suburban', hours: 48, low: 0.9, high: 0.95 },
  { zone: 'rural', hours: 48, low: 0.4, high: 0.6 },
  { zone: 'rural', hours: 72, low: 0.75, high: 0.85 },
];
