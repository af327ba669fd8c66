import type { Row } from '../schemas/panel.ts';

/**
 * Where an alert stands: open → acknowledged → resolved, or withdrawn when a late event has shown that
 * there was no reason for it.
 */
export type AlertState = 'open' | 'acknowledged' | 'resolved' | 'withdrawn';

/**
 * Reads an alert's state from its row: from the `state` column, and from the instants at which the
 * alert was acknowledged and resolved, null or 0 when that has not happened.
 */
export function alertStateOf(row: Row): AlertState {
  if (row['state'] === 'withdrawn' || row['withdrawn'] === true) return 'withdrawn';
  if (row['state'] === 'resolved' || hasHappened(row, 'resolved_at')) return 'resolved';
  if (row['state'] === 'acknowledged' || hasHappened(row, 'acknowledged_at')) return 'acknowledged';
  return 'open';
}

export function isOpenAlert(row: Row): boolean {
  return alertStateOf(row) === 'open';
}

function hasHappened(row: Row, column: string): boolean {
  const instant = row[column];
  return typeof instant === 'number' && instant > 0;
}
