import { ALERT_SEVERITIES } from '../../../../schemas/alert.ts';
import type { AlertRow } from '../live/rows.ts';

/**
 * Incidents in the order of what needs a person: open, taken over, resolved. What is not resolved goes
 * by severity and then newest first; what is, by when it was.
 */
export function orderIncidents(alerts: Iterable<AlertRow>): {
  readonly open: readonly AlertRow[];
  readonly acknowledged: readonly AlertRow[];
  readonly resolved: readonly AlertRow[];
} {
  const newestFirst = [...alerts].toSorted(
    (a, b) => b.opened_at - a.opened_at || (a.alert_id < b.alert_id ? -1 : 1),
  );
  const unresolved = newestFirst
    .filter((alert) => alert.resolved_at === undefined)
    .toSorted((a, b) => rankOfSeverity(a.severity) - rankOfSeverity(b.severity));
  return {
    open: unresolved.filter((alert) => alert.acknowledged_at === undefined),
    acknowledged: unresolved.filter((alert) => alert.acknowledged_at !== undefined),
    resolved: newestFirst
      .filter((alert) => alert.resolved_at !== undefined)
      .toSorted((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0)),
  };
}

/**
 * The first of a list, at most `perKindMax` of one kind while there are others, so that no kind hides the
 * rest; in the order of the list.
 */
export function spreadOverKinds(
  alerts: readonly AlertRow[],
  { max, perKindMax }: { readonly max: number; readonly perKindMax: number },
): readonly AlertRow[] {
  const counts = new Map<string, number>();
  const isEarly = alerts.map(({ kind }) => {
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    return count < perKindMax;
  });
  const early = alerts.filter((_, index) => isEarly[index]).slice(0, max);
  const late = alerts.filter((_, index) => isEarly[index] !== true).slice(0, max - early.length);
  const chosen = new Set([...early, ...late]);
  return alerts.filter((alert) => chosen.has(alert));
}

/** 0 for the worst; one that is not known comes last. */
export function rankOfSeverity(severity: string): number {
  const rank = ALERT_SEVERITIES.findIndex((known) => known === severity);
  return rank < 0 ? ALERT_SEVERITIES.length : rank;
}
