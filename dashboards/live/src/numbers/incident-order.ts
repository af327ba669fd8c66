import type { AlertRow } from '../live/rows.ts';

/** Incidents in the order of what needs a person: open, taken over, resolved; newest first in each. */
export function orderIncidents(alerts: Iterable<AlertRow>): {
  readonly open: readonly AlertRow[];
  readonly acknowledged: readonly AlertRow[];
  readonly resolved: readonly AlertRow[];
} {
  const newestFirst = [...alerts].toSorted(
    (a, b) => b.opened_at - a.opened_at || (a.alert_id < b.alert_id ? -1 : 1),
  );
  const unresolved = newestFirst.filter((alert) => alert.resolved_at === undefined);
  return {
    open: unresolved.filter((alert) => alert.acknowledged_at === undefined),
    acknowledged: unresolved.filter((alert) => alert.acknowledged_at !== undefined),
    resolved: newestFirst
      .filter((alert) => alert.resolved_at !== undefined)
      .toSorted((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0)),
  };
}
