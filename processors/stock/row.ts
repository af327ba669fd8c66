import { type Alert, alertStateOf } from '../../schemas/alert.ts';
import type { Value } from '../../schemas/panel.ts';

/** States a SKU × node can be in; `docs/stock.md` has the rules. The first that holds is shown. */
export const STOCK_STATES = ['UNKNOWN', 'STALE', 'OUT', 'IN_STOCK'] as const;
export type StockState = (typeof STOCK_STATES)[number];

/** The node of events that name none. */
export const DEFAULT_NODE_ID = 'default';

/** The node that an event names, undefined when it names none. */
export function nodeIdOf(event: { readonly node_id: string | null }): string | undefined {
  return event.node_id === null || event.node_id === '' ? undefined : event.node_id;
}

/** One current row per SKU × node; `weir.stock_current` shows those that are not withdrawn. */
export const STOCK_CURRENT = {
  kind: 'rows',
  name: 'stock_current_rows',
  key: ['sku', 'node_id'],
  columns: [
    { name: 'sku', type: 'text' },
    { name: 'node_id', type: 'text' },
    { name: 'state', type: 'text' },
    { name: 'available', type: 'nullable-integer' },
    { name: 'on_hand', type: 'nullable-integer' },
    { name: 'reserved', type: 'nullable-integer' },
    { name: 'safety', type: 'nullable-integer' },
    { name: 'changed_at', type: 'nullable-instant' },
    { name: 'as_of', type: 'instant' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const;

/** One row per stockout; `weir.stock_incidents` shows those that are not withdrawn. */
export const STOCK_INCIDENTS = {
  kind: 'rows',
  name: 'stock_incidents_rows',
  key: ['incident_id'],
  columns: [
    { name: 'incident_id', type: 'text' },
    { name: 'sku', type: 'text' },
    { name: 'node_id', type: 'text' },
    { name: 'kind', type: 'text' },
    { name: 'state', type: 'text' },
    { name: 'opened_at', type: 'instant' },
    { name: 'acknowledged_at', type: 'nullable-instant' },
    { name: 'acknowledged_by', type: 'nullable-text' },
    { name: 'resolved_at', type: 'nullable-instant' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const;

/** What `weir.stock_current` tells about one SKU × node; instants are event times. */
export interface StockRow {
  readonly sku: string;
  readonly nodeId: string;
  readonly state: StockState;
  /** Units; all four are undefined until the first count. `available = onHand − reserved − safety`. */
  readonly available: number | undefined;
  readonly onHand: number | undefined;
  readonly reserved: number | undefined;
  readonly safety: number | undefined;
  /** Since when the SKU has been in or out of stock; undefined until the first count. */
  readonly changedAtMs: number | undefined;
  /** The newest event in the numbers. */
  readonly asOfMs: number;
  /** True when every change of a node without a count was taken back: there is nothing to show. */
  readonly isWithdrawn: boolean;
}

/** One stockout of a SKU at a node, in event time. */
export interface StockoutRow {
  readonly alertId: string;
  readonly sku: string;
  readonly nodeId: string;
  readonly openedAtMs: number;
  /** Units available when it opened, zero or less. */
  readonly openedUnits: number;
  readonly resolvedAtMs: number | undefined;
  readonly acknowledgedAtMs: number | undefined;
  readonly acknowledgedBy: string | undefined;
  /** True when a late event has shown that there was no such stockout, or that it began at another time. */
  readonly isWithdrawn: boolean;
}

/** The values of a `STOCK_CURRENT` row in the order of its columns. */
export function stockCurrentValues(row: StockRow): readonly Value[] {
  return [
    row.sku,
    row.nodeId,
    row.state,
    row.available ?? null,
    row.onHand ?? null,
    row.reserved ?? null,
    row.safety ?? null,
    row.changedAtMs ?? null,
    row.asOfMs,
    row.isWithdrawn,
  ];
}

/** The values of a `STOCK_INCIDENTS` row in the order of its columns. */
export function stockIncidentValues(row: StockoutRow): readonly Value[] {
  return [
    row.alertId,
    row.sku,
    row.nodeId,
    'stockout',
    alertStateOf(row),
    row.openedAtMs,
    row.acknowledgedAtMs ?? null,
    row.acknowledgedBy ?? null,
    row.resolvedAtMs ?? null,
    row.isWithdrawn,
  ];
}

/** The stockout as the inbox shows it. */
export function stockoutAlert(row: StockoutRow, owner: string | undefined): Alert {
  return {
    alertId: row.alertId,
    kind: 'stockout',
    subject: `${row.sku} at ${row.nodeId}`,
    entityKey: row.sku,
    sku: row.sku,
    nodeId: row.nodeId,
    openedAtMs: row.openedAtMs,
    acknowledgedAtMs: row.acknowledgedAtMs,
    acknowledgedBy: row.acknowledgedBy,
    resolvedAtMs: row.resolvedAtMs,
    cost: undefined,
    owner,
    detail: detailOf(row),
    isWithdrawn: row.isWithdrawn,
  };
}

function detailOf(row: StockoutRow): string {
  const subject = `SKU ${row.sku} at node ${row.nodeId}`;
  const opened = textOf(row.openedAtMs);
  if (row.isWithdrawn) return `Withdrawn: a late event changed the stock of ${subject}`;
  if (row.resolvedAtMs !== undefined) {
    return `${subject} was out of stock from ${opened} until ${textOf(row.resolvedAtMs)}`;
  }
  const unit = Math.abs(row.openedUnits) === 1 ? 'unit' : 'units';
  return `${subject} has ${row.openedUnits} ${unit} available; out since ${opened}`;
}

/** Such as `2026-03-01 10:40:00 UTC`. */
function textOf(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
