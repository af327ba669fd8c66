import type { AlertRow } from '../live/rows.ts';
import { rankOfSeverity } from './incident-order.ts';

/** Incidents of one kind at one node that are not resolved, taken together. */
export interface IncidentGroup {
  readonly kind: string;
  readonly severity: string;
  /** Empty for kinds that are about no node. */
  readonly nodeId: string;
  readonly openCount: number;
  readonly acknowledgedCount: number;
  /** When the first of them opened, UTC milliseconds. */
  readonly firstOpenedAt: number;
  /** What they cost so far, minor units by ISO 4217 currency; without those whose cost is not known. */
  readonly costs: ReadonlyMap<string, number>;
}

/** What the group of an incident is known by. */
export function groupKeyOf(of: { readonly kind: string; readonly node_id: string }): string {
  return `${of.kind} ${of.node_id}`;
}

/** Groups unresolved incidents by kind and node: the worst severity first, then the most. */
export function digestOf(unresolved: readonly AlertRow[]): readonly IncidentGroup[] {
  const groups = new Map<string, AlertRow[]>();
  for (const alert of unresolved) {
    const key = groupKeyOf(alert);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [alert]);
    else known.push(alert);
  }
  return [...groups.values()]
    .flatMap((alerts) => groupOf(alerts))
    .toSorted(
      (a, b) => rankOfSeverity(a.severity) - rankOfSeverity(b.severity) || countOf(b) - countOf(a),
    );
}

function groupOf(alerts: readonly AlertRow[]): readonly IncidentGroup[] {
  const [first] = alerts;
  if (first === undefined) return [];
  const costs = new Map<string, number>();
  for (const { cost_minor: costMinor, currency } of alerts) {
    if (costMinor === undefined || currency === undefined) continue;
    costs.set(currency, (costs.get(currency) ?? 0) + costMinor);
  }
  return [
    {
      kind: first.kind,
      severity: first.severity,
      nodeId: first.node_id,
      openCount: alerts.filter((alert) => alert.acknowledged_at === undefined).length,
      acknowledgedCount: alerts.filter((alert) => alert.acknowledged_at !== undefined).length,
      firstOpenedAt: alerts.reduce((min, alert) => Math.min(min, alert.opened_at), Infinity),
      costs,
    },
  ];
}

function countOf({ openCount, acknowledgedCount }: IncidentGroup): number {
  return openCount + acknowledgedCount;
}
