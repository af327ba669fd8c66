import { fingerprintOf } from './identity.ts';
import type { Outage } from './level.ts';
import type { StockoutRow } from './row.ts';

/** That a person took a stockout over, as the log has it. */
export interface Acknowledgement {
  readonly eventId: string;
  readonly timeMs: number;
  readonly actor: string;
  /** When the stockout had opened that the person saw; late events may have moved it since. */
  readonly openedMs: number;
}

/** An outage with the acknowledgement that holds for it. */
export interface Incident {
  readonly outage: Outage;
  readonly acknowledgement: Acknowledgement | undefined;
}

const ALERT_ID = /^stockout:([0-9a-f]{16}):(\d{1,16})$/;

/**
 * The id of the stockout of a SKU at a node that opened at `openedMs`:
 * `stockout:<fingerprint of SKU and node>:<opened, UTC milliseconds>`. The opening is readable in it,
 * so that an acknowledgement finds its stockout after a late event has moved it.
 */
export function alertIdOf(sku: string, nodeId: string, openedMs: number): string {
  return `stockout:${fingerprintOf(`${sku}\u0000${nodeId}`)}:${openedMs}`;
}

/** When the stockout of this id opened; undefined when the id is not one of this SKU and node. */
export function openedMsOf(alertId: string, sku: string, nodeId: string): number | undefined {
  const match = ALERT_ID.exec(alertId);
  if (match === null || match[1] !== fingerprintOf(`${sku}\u0000${nodeId}`)) return undefined;
  return Number(match[2]);
}

/**
 * The outages with their acknowledgements, a function of the two sets: an acknowledgement holds for
 * the outage that covers the opening it names; when there is none any more, for the first that opened
 * after it and before the acknowledgement. The earliest of several holds.
 */
export function incidentsOf(
  outages: readonly Outage[],
  acknowledgements: readonly Acknowledgement[],
): Incident[] {
  const incidents = outages.map(
    (outage): { outage: Outage; acknowledgement?: Acknowledgement } => ({
      outage,
    }),
  );
  for (const acknowledgement of acknowledgements) {
    const outage = outageFor(acknowledgement, outages);
    const incident = incidents.find((candidate) => candidate.outage === outage);
    if (incident !== undefined && isEarlier(acknowledgement, incident.acknowledgement)) {
      incident.acknowledgement = acknowledgement;
    }
  }
  return incidents.map(({ outage, acknowledgement }) => ({ outage, acknowledgement }));
}

/** The outage that an acknowledgement is for, undefined when there is none. */
export function outageFor(
  acknowledgement: Acknowledgement,
  outages: readonly Outage[],
): Outage | undefined {
  const { openedMs, timeMs } = acknowledgement;
  return (
    outageCovering(openedMs, outages) ??
    outages.find((outage) => outage.openedMs > openedMs && outage.openedMs <= timeMs)
  );
}

/** The outage that was going on at an instant, undefined when there was none. */
export function outageCovering(instantMs: number, outages: readonly Outage[]): Outage | undefined {
  return outages.find(
    ({ openedMs, resolvedMs }) =>
      openedMs <= instantMs && (resolvedMs === null || resolvedMs > instantMs),
  );
}

/** The rows to write so that what was written for `before` becomes what holds for `after`. */
export function changedRows(
  key: { readonly sku: string; readonly nodeId: string },
  before: readonly Incident[],
  after: readonly Incident[],
): StockoutRow[] {
  const rows: StockoutRow[] = [];
  for (const incident of before) {
    if (!after.some((other) => other.outage.openedMs === incident.outage.openedMs)) {
      rows.push(rowOf(key, incident, true));
    }
  }
  for (const incident of after) {
    const previous = before.find((other) => other.outage.openedMs === incident.outage.openedMs);
    if (previous === undefined || !isSame(previous, incident)) {
      rows.push(rowOf(key, incident, false));
    }
  }
  return rows;
}

function rowOf(
  { sku, nodeId }: { readonly sku: string; readonly nodeId: string },
  { outage, acknowledgement }: Incident,
  isWithdrawn: boolean,
): StockoutRow {
  return {
    alertId: alertIdOf(sku, nodeId, outage.openedMs),
    sku,
    nodeId,
    openedAtMs: outage.openedMs,
    openedUnits: outage.openedUnits,
    resolvedAtMs: outage.resolvedMs ?? undefined,
    acknowledgedAtMs: acknowledgement?.timeMs,
    acknowledgedBy: acknowledgement?.actor,
    isWithdrawn,
  };
}

function isSame(a: Incident, b: Incident): boolean {
  return (
    a.outage.openedUnits === b.outage.openedUnits &&
    a.outage.resolvedMs === b.outage.resolvedMs &&
    a.acknowledgement?.eventId === b.acknowledgement?.eventId
  );
}

function isEarlier(a: Acknowledgement, b: Acknowledgement | undefined): boolean {
  if (b === undefined) return true;
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.eventId < b.eventId);
}
