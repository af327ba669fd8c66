import type { EventCounts } from '../../../schemas/ports.ts';

/** Mutable form of `EventCounts`. */
export type TopicCounts = { -readonly [Name in keyof EventCounts]: number };

/** All zero. */
export function noCounts(): TopicCounts {
  return { received: 0, contributed: 0, duplicate: 0, late: 0, dead_lettered: 0, quarantined: 0 };
}

/** Adds `counts` to `total`, in place. */
export function addCounts(total: TopicCounts, counts: EventCounts): void {
  total.received += counts.received;
  total.contributed += counts.contributed;
  total.duplicate += counts.duplicate;
  total.late += counts.late;
  total.dead_lettered += counts.dead_lettered;
  total.quarantined += counts.quarantined;
}

/** Received events less those with a known outcome: 0, always. */
export function unaccountedOf(counts: EventCounts): number {
  const { received, contributed, duplicate, late, dead_lettered, quarantined } = counts;
  return received - contributed - duplicate - late - dead_lettered - quarantined;
}
