import type { Value } from './panel.ts';
import type { ProcessorName } from './processors.ts';

/** What every kind of incident is called, who finds it, how bad it is, and where a person reads what to do. */
export const ALERT_KINDS = {
  at_risk: { processor: 'stock', severity: 'warning', runbook: 'docs/operations.md#stockout-risk' },
  capacity_low: {
    processor: 'fulfilment',
    severity: 'warning',
    runbook: 'docs/operations.md#capacity-low',
  },
  delivery_late: {
    processor: 'fulfilment',
    severity: 'warning',
    runbook: 'docs/operations.md#delivery-late',
  },
  price_drift: {
    processor: 'parity',
    severity: 'warning',
    runbook: 'docs/operations.md#price-drift',
  },
  price_feed_stale: {
    processor: 'parity',
    severity: 'info',
    runbook: 'docs/operations.md#price-feed-stale',
  },
  stockout: { processor: 'stock', severity: 'critical', runbook: 'docs/operations.md#stockout' },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly processor: ProcessorName;
      readonly severity: AlertSeverity;
      readonly runbook: string;
    }
  >
>;
export type AlertKind = keyof typeof ALERT_KINDS;

export const ALERT_SEVERITIES = ['critical', 'warning', 'info'] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

/** Longest name of an owner: a person, a team or an address. */
const OWNER_LENGTH_MAX = 200;

/** One row per incident of any kind; `weir.alerts` shows those that are not withdrawn. */
export const ALERTS = {
  kind: 'rows',
  name: 'alerts_rows',
  key: ['alert_id'],
  columns: [
    { name: 'alert_id', type: 'text' },
    { name: 'kind', type: 'text' },
    { name: 'severity', type: 'text' },
    { name: 'state', type: 'text' },
    { name: 'subject', type: 'text' },
    { name: 'entity_key', type: 'text' },
    { name: 'sku', type: 'text' },
    { name: 'node_id', type: 'text' },
    { name: 'opened_at', type: 'instant' },
    { name: 'acknowledged_at', type: 'nullable-instant' },
    { name: 'acknowledged_by', type: 'nullable-text' },
    { name: 'resolved_at', type: 'nullable-instant' },
    { name: 'cost_minor', type: 'nullable-integer' },
    { name: 'currency', type: 'nullable-text' },
    { name: 'owner', type: 'text' },
    { name: 'runbook', type: 'text' },
    { name: 'detail', type: 'text' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const;

/** Who is responsible for each kind of incident; a kind without an entry has no owner. */
export type AlertOwners = Readonly<Partial<Record<AlertKind, string>>>;

/** Reads `kind=owner`; undefined when the kind is none or nobody is named. */
export function parseAlertOwner(
  text: string,
): { readonly kind: AlertKind; readonly owner: string } | undefined {
  const at = text.indexOf('=');
  const kind = text.slice(0, Math.max(0, at));
  const owner = text.slice(at + 1).trim();
  return isAlertKind(kind) && owner !== '' && owner.length <= OWNER_LENGTH_MAX
    ? { kind, owner }
    : undefined;
}

/** The owners of a list of `kind=owner`; of several for one kind the last holds. */
export function alertOwnersOf(texts: readonly string[]): AlertOwners {
  const owners: Partial<Record<AlertKind, string>> = {};
  for (const text of texts) {
    const parsed = parseAlertOwner(text);
    if (parsed !== undefined) owners[parsed.kind] = parsed.owner;
  }
  return owners;
}

/** Whether `text` names a kind of incident. */
export function isAlertKind(text: string): text is AlertKind {
  return Object.hasOwn(ALERT_KINDS, text);
}

/** An estimate in minor units of an ISO 4217 currency. */
export interface AlertCost {
  readonly amountMinor: number;
  readonly currency: string;
}

/** One incident as the inbox shows it; instants are event times, UTC milliseconds. */
export interface Alert {
  readonly alertId: string;
  readonly kind: AlertKind;
  /** What it is about, in words. */
  readonly subject: string;
  /** Key of the sku stage whose state the incident follows from: an acknowledgement is sent to it. */
  readonly entityKey: string;
  /** Empty when it is about no SKU, or no node. */
  readonly sku: string;
  readonly nodeId: string;
  readonly openedAtMs: number;
  readonly acknowledgedAtMs: number | undefined;
  readonly acknowledgedBy: string | undefined;
  /** Undefined while it goes on. */
  readonly resolvedAtMs: number | undefined;
  /** What it has cost so far or is expected to cost; undefined when that is not known. */
  readonly cost: AlertCost | undefined;
  readonly owner: string | undefined;
  /** What has happened, in words. */
  readonly detail: string;
  /** True when late events have shown that there was no such incident, or that it began at another time. */
  readonly isWithdrawn: boolean;
}

/** The values of an `ALERTS` row in the order of its columns. */
export function alertValues(alert: Alert): readonly Value[] {
  const { severity, runbook } = ALERT_KINDS[alert.kind];
  return [
    alert.alertId,
    alert.kind,
    severity,
    alertStateOf(alert),
    alert.subject,
    alert.entityKey,
    alert.sku,
    alert.nodeId,
    alert.openedAtMs,
    alert.acknowledgedAtMs ?? null,
    alert.acknowledgedBy ?? null,
    alert.resolvedAtMs ?? null,
    alert.cost?.amountMinor ?? null,
    alert.cost?.currency ?? null,
    alert.owner ?? '',
    runbook,
    alert.detail,
    alert.isWithdrawn,
  ];
}

/** Where an incident stands: withdrawn before resolved before acknowledged before open. */
export function alertStateOf(
  alert: Pick<Alert, 'isWithdrawn' | 'resolvedAtMs' | 'acknowledgedAtMs'>,
): 'withdrawn' | 'resolved' | 'acknowledged' | 'open' {
  if (alert.isWithdrawn) return 'withdrawn';
  if (alert.resolvedAtMs !== undefined) return 'resolved';
  return alert.acknowledgedAtMs === undefined ? 'open' : 'acknowledged';
}
