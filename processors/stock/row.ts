import { type Alert, type AlertCost, type AlertOwners, alertStateOf } from '../../schemas/alert.ts';
import type { Value } from '../../schemas/panel.ts';

/** States a SKU × node can be in; `docs/stock.md` has the rules. The first that holds is shown. */
export const STOCK_STATES = [
  'UNKNOWN',
  'STALE',
  'BACKORDER',
  'OUT',
  'AT_RISK',
  'RECOVERING',
  'LOW',
  'IN_STOCK',
] as const;
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
    { name: 'inbound', type: 'integer' },
    { name: 'rate_per_day', type: 'double' },
    { name: 'rate_low', type: 'double' },
    { name: 'rate_high', type: 'double' },
    { name: 'days_of_cover', type: 'double' },
    { name: 'lead_time_days', type: 'double' },
    { name: 'p_stockout', type: 'double' },
    { name: 'phantom_p', type: 'double' },
    { name: 'tsb_per_day', type: 'double' },
    { name: 'croston_per_day', type: 'double' },
    { name: 'sba_per_day', type: 'double' },
    { name: 'wape', type: 'double' },
    { name: 'changed_at', type: 'nullable-instant' },
    { name: 'as_of', type: 'instant' },
    { name: 'exact', type: 'boolean' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const;

/** One row per stockout or risk of one; `weir.stock_incidents` shows those that are not withdrawn. */
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
    { name: 'lost_units', type: 'double' },
    { name: 'lost_units_low', type: 'double' },
    { name: 'lost_units_high', type: 'double' },
    { name: 'lost_minor', type: 'nullable-integer' },
    { name: 'currency', type: 'nullable-text' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const;

/** What is known of the demand for one SKU × node; see `docs/stock.md`. */
export interface DemandRow {
  /** Units per day in stock, and the ends of its 95 % interval. */
  readonly ratePerDay: number;
  readonly rateLow: number;
  readonly rateHigh: number;
  readonly daysOfCover: number;
  /** Chance that it runs out before it is replenished. */
  readonly stockoutChance: number;
}

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
  /** Units announced and not yet due. */
  readonly inboundUnits: number;
  readonly leadTimeDays: number;
  /** Undefined until there was some time in stock. */
  readonly demand: DemandRow | undefined;
  /** Chance of the present pause in sales; undefined until the first sale. */
  readonly phantomChance: number | undefined;
  /** Forecasts for items that sell on few days, units per day; undefined until a day with a sale is over. */
  readonly intermittent:
    | { readonly tsb: number; readonly croston: number; readonly sba: number }
    | undefined;
  /** Σ|sold − expected| ÷ Σ sold over past days; undefined until a day with a sale is over. */
  readonly forecastError: number | undefined;
  /** Since when the SKU has been in or out of stock; undefined until the first count. */
  readonly changedAtMs: number | undefined;
  /** The newest event in the numbers. */
  readonly asOfMs: number;
  /** False when something came later than what is kept, so that what follows from the past may be off. */
  readonly isExact: boolean;
  /** True when every change of a node without a count was taken back: there is nothing to show. */
  readonly isWithdrawn: boolean;
}

/** What an outage is estimated to have cost so far. */
export interface LostSales {
  /** Units that would have been sold, and the ends of the 95 % interval. */
  readonly units: number;
  readonly unitsLow: number;
  readonly unitsHigh: number;
  /** The units at the list price; undefined when no price is known. */
  readonly cost: AlertCost | undefined;
}

/** One stockout of a SKU at a node, or a time in which one was likely, in event time. */
export interface StockIncidentRow {
  readonly alertId: string;
  readonly kind: 'stockout' | 'at_risk';
  readonly sku: string;
  readonly nodeId: string;
  readonly openedAtMs: number;
  /** Units available when it opened. */
  readonly openedUnits: number;
  readonly resolvedAtMs: number | undefined;
  readonly acknowledgedAtMs: number | undefined;
  readonly acknowledgedBy: string | undefined;
  /** Undefined where nothing is known of the demand, and for risks. */
  readonly lost: LostSales | undefined;
  /** True when a late event has shown that there was no such incident, or that it began at another time. */
  readonly isWithdrawn: boolean;
}

/** Decimals of stored estimates. */
const SCALE = 1e6;

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
    row.inboundUnits,
    estimate(row.demand?.ratePerDay),
    estimate(row.demand?.rateLow),
    estimate(row.demand?.rateHigh),
    estimate(row.demand?.daysOfCover),
    estimate(row.leadTimeDays),
    estimate(row.demand?.stockoutChance),
    estimate(row.phantomChance),
    estimate(row.intermittent?.tsb),
    estimate(row.intermittent?.croston),
    estimate(row.intermittent?.sba),
    estimate(row.forecastError),
    row.changedAtMs ?? null,
    row.asOfMs,
    row.isExact,
    row.isWithdrawn,
  ];
}

/** The values of a `STOCK_INCIDENTS` row in the order of its columns. */
export function stockIncidentValues(row: StockIncidentRow): readonly Value[] {
  return [
    row.alertId,
    row.sku,
    row.nodeId,
    row.kind,
    alertStateOf(row),
    row.openedAtMs,
    row.acknowledgedAtMs ?? null,
    row.acknowledgedBy ?? null,
    row.resolvedAtMs ?? null,
    estimate(row.lost?.units),
    estimate(row.lost?.unitsLow),
    estimate(row.lost?.unitsHigh),
    row.lost?.cost?.amountMinor ?? null,
    row.lost?.cost?.currency ?? null,
    row.isWithdrawn,
  ];
}

/** The incident as the inbox shows it. */
export function stockAlert(row: StockIncidentRow, owners: AlertOwners): Alert {
  return {
    alertId: row.alertId,
    kind: row.kind,
    subject: `${row.sku} at ${row.nodeId}`,
    entityKey: row.sku,
    sku: row.sku,
    nodeId: row.nodeId,
    openedAtMs: row.openedAtMs,
    acknowledgedAtMs: row.acknowledgedAtMs,
    acknowledgedBy: row.acknowledgedBy,
    resolvedAtMs: row.resolvedAtMs,
    cost: row.lost?.cost,
    owner: owners[row.kind],
    detail: row.kind === 'stockout' ? stockoutDetail(row) : riskDetail(row),
    isWithdrawn: row.isWithdrawn,
  };
}

function stockoutDetail(row: StockIncidentRow): string {
  const subject = `SKU ${row.sku} at node ${row.nodeId}`;
  const opened = textOf(row.openedAtMs);
  if (row.isWithdrawn) return `Withdrawn: a late event changed the stock of ${subject}`;
  const lostUnits = Math.round((row.lost?.units ?? 0) * 10) / 10;
  const lost = lostUnits > 0 ? `; about ${lostUnits} sales lost` : '';
  if (row.resolvedAtMs !== undefined) {
    return `${subject} was out of stock from ${opened} until ${textOf(row.resolvedAtMs)}${lost}`;
  }
  return `${subject} has ${unitsText(row.openedUnits)} available; out since ${opened}${lost}`;
}

function riskDetail(row: StockIncidentRow): string {
  const subject = `SKU ${row.sku} at node ${row.nodeId}`;
  const opened = textOf(row.openedAtMs);
  if (row.isWithdrawn) return `Withdrawn: a late event changed the stock of ${subject}`;
  if (row.resolvedAtMs !== undefined) {
    return `${subject} was likely to run out from ${opened} until ${textOf(row.resolvedAtMs)}`;
  }
  return `${subject} is likely to run out before it is replenished; it had ${unitsText(row.openedUnits)} at ${opened}`;
}

function unitsText(units: number): string {
  return `${units} ${Math.abs(units) === 1 ? 'unit' : 'units'}`;
}

/** Rounded, so that it does not depend on the last bits of a sum. */
function estimate(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * SCALE) / SCALE;
}

/** Such as `2026-03-01 10:40:00 UTC`. */
function textOf(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
