/**
 * Rows as they arrive, in the names of the contract: a column has one name from ClickHouse to this
 * page. Every value from outside passes through here once; what does not fit is refused and counted.
 */

/** Whether a window can still change: `provisional` is filling, `matured` may be corrected, `final` is closed. */
export type WindowState = 'provisional' | 'matured' | 'final';

/** Columns that count; they add up over currencies. */
export const COUNT_COLUMNS = [
  'impressions',
  'clicks_gross',
  'clicks_net',
  'clicks_givt',
  'clicks_sivt',
  'sessions',
  'add_to_carts',
  'orders',
  'units',
] as const;
export type CountColumn = (typeof COUNT_COLUMNS)[number];

/** Columns in minor units of the row's currency; they add up within one currency only. */
export const MONEY_COLUMNS = [
  'revenue_minor',
  'margin_minor',
  'returns_minor',
  'spend_minor',
] as const;
export type MoneyColumn = (typeof MONEY_COLUMNS)[number];

export interface ChannelRow extends Readonly<Record<CountColumn | MoneyColumn, number>> {
  readonly window_start: number;
  readonly channel: string;
  /** Empty for rows that carry traffic only. */
  readonly currency: string;
  /** Distinct visitors of this window; windows never add up. */
  readonly visitors: number;
  readonly state: WindowState;
}

export interface AttributionRow {
  readonly window_start: number;
  readonly model: string;
  readonly channel: string;
  readonly campaign: string;
  readonly currency: string;
  /** Thousandths of a conversion. */
  readonly conversions_milli: number;
  readonly credit_minor: number;
  readonly state: WindowState;
}

export interface StockRow {
  readonly sku: string;
  readonly node_id: string;
  readonly state: string;
  /** Units; all four are undefined until the first count. */
  readonly available: number | undefined;
  readonly on_hand: number | undefined;
  readonly reserved: number | undefined;
  readonly safety: number | undefined;
  /** Units announced and not yet due. */
  readonly inbound: number | undefined;
  /** Units per day in stock. */
  readonly rate_per_day: number | undefined;
  readonly days_of_cover: number | undefined;
  /** Chance that it runs out before it is replenished, 0 to 1. */
  readonly p_stockout: number | undefined;
  /** Chance of a pause in sales as long as the present one, 0 to 1. */
  readonly phantom_p: number | undefined;
  /** When the state was entered. */
  readonly changed_at: number | undefined;
}

export interface ParityRow {
  readonly sku: string;
  readonly channel: string;
  readonly status: string;
  /** What took it out of parity; empty at parity. */
  readonly cause: string;
  readonly since: number | undefined;
  /** Price ÷ (fx × reference) − 1; undefined when nothing can be compared. */
  readonly gap: number | undefined;
  readonly price_minor: number | undefined;
  readonly currency: string;
}

/** Counts of one hour, zone and node; with a `bin` one bucket of the sketch of cycle times. */
export interface FulfilmentRow {
  readonly window_start: number;
  readonly zone: string;
  readonly node_id: string;
  readonly bin: string;
  readonly due: number;
  readonly on_time: number;
  readonly delivered_late: number;
  readonly placed: number;
  readonly on_time_24h: number;
  readonly on_time_48h: number;
  readonly on_time_72h: number;
  readonly cycles: number;
}

export interface AlertRow {
  readonly alert_id: string;
  readonly kind: string;
  readonly severity: string;
  readonly subject: string;
  readonly sku: string;
  readonly node_id: string;
  readonly opened_at: number;
  readonly acknowledged_at: number | undefined;
  readonly acknowledged_by: string | undefined;
  readonly resolved_at: number | undefined;
  readonly cost_minor: number | undefined;
  readonly currency: string | undefined;
  readonly detail: string;
}

export interface PipelineRow {
  readonly ready: boolean;
  readonly problems: readonly string[];
  /** Processors that do not run. */
  readonly processors_off: readonly string[];
  readonly watermark: number | undefined;
  readonly lag_records: number;
  readonly received: number;
  readonly contributed: number;
  readonly duplicate: number;
  readonly late: number;
  readonly dead_lettered: number;
  readonly quarantined: number;
  readonly checkpoint_age_ms: number | undefined;
  readonly checkpoint_ms: number | undefined;
  readonly pending_rows: number;
  readonly events_per_second: number;
  readonly audit_checked_rows: number;
  readonly audit_differences: number;
  readonly audit_last_at: number | undefined;
}

/**
 * The farthest instant from the epoch that a JavaScript date can hold.
 *
 * @see ECMA-262, time values and time range
 */
const DATE_MS_MAX = 8.64e15;

/** A JSON object of unknown shape. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object in a field; an empty one where there is none. */
export function objectIn(row: JsonObject, name: string): JsonObject {
  const value = row[name];
  return isJsonObject(value) ? value : {};
}

/** The objects in a list; none where there is no list. */
export function listIn(row: JsonObject, name: string): readonly JsonObject[] {
  const value = row[name];
  return Array.isArray(value) ? value.filter((each) => isJsonObject(each)) : [];
}

/** A finite number; ClickHouse writes 64-bit integers as text in JSON, so digits in quotes count. */
export function numberIn(row: JsonObject, column: string): number | undefined {
  const value = row[column];
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return undefined;
}

/** A UTC instant in milliseconds that a date can show. */
export function instantIn(row: JsonObject, column: string): number | undefined {
  const value = numberIn(row, column);
  return value !== undefined && Math.abs(value) <= DATE_MS_MAX ? value : undefined;
}

export function textIn(row: JsonObject, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
}

function countIn(row: JsonObject, column: string): number {
  return numberIn(row, column) ?? 0;
}

function windowStateIn(row: JsonObject): WindowState {
  const state = row['state'];
  return state === 'final' || state === 'matured' ? state : 'provisional';
}

export function parseChannelRow(row: JsonObject): ChannelRow | undefined {
  const windowStart = instantIn(row, 'window_start');
  const channel = textIn(row, 'channel');
  if (windowStart === undefined || channel === undefined) return undefined;
  return {
    window_start: windowStart,
    channel,
    currency: textIn(row, 'currency') ?? '',
    impressions: countIn(row, 'impressions'),
    clicks_gross: countIn(row, 'clicks_gross'),
    clicks_net: countIn(row, 'clicks_net'),
    clicks_givt: countIn(row, 'clicks_givt'),
    clicks_sivt: countIn(row, 'clicks_sivt'),
    visitors: countIn(row, 'visitors'),
    sessions: countIn(row, 'sessions'),
    add_to_carts: countIn(row, 'add_to_carts'),
    orders: countIn(row, 'orders'),
    units: countIn(row, 'units'),
    revenue_minor: countIn(row, 'revenue_minor'),
    margin_minor: countIn(row, 'margin_minor'),
    returns_minor: countIn(row, 'returns_minor'),
    spend_minor: countIn(row, 'spend_minor'),
    state: windowStateIn(row),
  };
}

export function parseAttributionRow(row: JsonObject): AttributionRow | undefined {
  const windowStart = instantIn(row, 'window_start');
  const model = textIn(row, 'model');
  const channel = textIn(row, 'channel');
  const currency = textIn(row, 'currency');
  if (windowStart === undefined || model === undefined) return undefined;
  if (channel === undefined || currency === undefined) return undefined;
  return {
    window_start: windowStart,
    model,
    channel,
    campaign: textIn(row, 'campaign') ?? '',
    currency,
    conversions_milli: countIn(row, 'conversions_milli'),
    credit_minor: countIn(row, 'credit_minor'),
    state: windowStateIn(row),
  };
}

export function parseStockRow(row: JsonObject): StockRow | undefined {
  const sku = textIn(row, 'sku');
  const state = textIn(row, 'state');
  if (sku === undefined || state === undefined) return undefined;
  return {
    sku,
    node_id: textIn(row, 'node_id') ?? '',
    state,
    available: numberIn(row, 'available'),
    on_hand: numberIn(row, 'on_hand'),
    reserved: numberIn(row, 'reserved'),
    safety: numberIn(row, 'safety'),
    inbound: numberIn(row, 'inbound'),
    rate_per_day: numberIn(row, 'rate_per_day'),
    days_of_cover: numberIn(row, 'days_of_cover'),
    p_stockout: numberIn(row, 'p_stockout'),
    phantom_p: numberIn(row, 'phantom_p'),
    changed_at: instantIn(row, 'changed_at'),
  };
}

export function parseParityRow(row: JsonObject): ParityRow | undefined {
  const sku = textIn(row, 'sku');
  const channel = textIn(row, 'channel');
  const status = textIn(row, 'status');
  if (sku === undefined || channel === undefined || status === undefined) return undefined;
  return {
    sku,
    channel,
    status,
    cause: textIn(row, 'cause') ?? '',
    since: instantIn(row, 'since'),
    gap: numberIn(row, 'gap'),
    price_minor: numberIn(row, 'price_minor'),
    currency: textIn(row, 'currency') ?? '',
  };
}

export function parseFulfilmentRow(row: JsonObject): FulfilmentRow | undefined {
  const windowStart = instantIn(row, 'window_start');
  const zone = textIn(row, 'zone');
  if (windowStart === undefined || zone === undefined) return undefined;
  return {
    window_start: windowStart,
    zone,
    node_id: textIn(row, 'node_id') ?? '',
    bin: textIn(row, 'bin') ?? '',
    due: countIn(row, 'due'),
    on_time: countIn(row, 'on_time'),
    delivered_late: countIn(row, 'delivered_late'),
    placed: countIn(row, 'placed'),
    on_time_24h: countIn(row, 'on_time_24h'),
    on_time_48h: countIn(row, 'on_time_48h'),
    on_time_72h: countIn(row, 'on_time_72h'),
    cycles: countIn(row, 'cycles'),
  };
}

export function parseAlertRow(row: JsonObject): AlertRow | undefined {
  const alertId = textIn(row, 'alert_id');
  const openedAt = instantIn(row, 'opened_at');
  if (alertId === undefined || openedAt === undefined) return undefined;
  return {
    alert_id: alertId,
    kind: textIn(row, 'kind') ?? '',
    severity: textIn(row, 'severity') ?? '',
    subject: textIn(row, 'subject') ?? alertId,
    sku: textIn(row, 'sku') ?? '',
    node_id: textIn(row, 'node_id') ?? '',
    opened_at: openedAt,
    acknowledged_at: instantIn(row, 'acknowledged_at'),
    acknowledged_by: textIn(row, 'acknowledged_by'),
    resolved_at: instantIn(row, 'resolved_at'),
    cost_minor: numberIn(row, 'cost_minor'),
    currency: textIn(row, 'currency'),
    detail: textIn(row, 'detail') ?? '',
  };
}

export function parsePipelineRow(row: JsonObject): PipelineRow | undefined {
  const received = numberIn(row, 'received');
  if (received === undefined) return undefined;
  return {
    ready: row['ready'] === true,
    problems: textsIn(row['problems']),
    processors_off: (textIn(row, 'processors_off') ?? '').split(' ').filter((name) => name !== ''),
    watermark: instantIn(row, 'watermark'),
    lag_records: countIn(row, 'lag_records'),
    received,
    contributed: countIn(row, 'contributed'),
    duplicate: countIn(row, 'duplicate'),
    late: countIn(row, 'late'),
    dead_lettered: countIn(row, 'dead_lettered'),
    quarantined: countIn(row, 'quarantined'),
    checkpoint_age_ms: numberIn(row, 'checkpoint_age_ms'),
    checkpoint_ms: numberIn(row, 'checkpoint_ms'),
    pending_rows: countIn(row, 'pending_rows'),
    events_per_second: countIn(row, 'events_per_second'),
    audit_checked_rows: countIn(row, 'audit_checked_rows'),
    audit_differences: countIn(row, 'audit_differences'),
    audit_last_at: instantIn(row, 'audit_last_at'),
  };
}

/** A list of texts, or one text: a row holds single values, so several problems may come joined. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
