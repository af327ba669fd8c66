import { ALERTS, alertValues } from '../../schemas/alert.ts';
import {
  type Incident,
  type IncidentChange,
  alertIdOf,
  changedIncidents,
} from '../engine/operator/incident.ts';
import type { Output } from '../engine/operator/operator.ts';
import type { Outage } from './level.ts';
import { STOCK_INCIDENTS, type StockoutRow, stockIncidentValues, stockoutAlert } from './row.ts';

/** Writes the rows that make what was written for `before` what holds for `after`. */
export function writeStockouts(
  key: { readonly sku: string; readonly nodeId: string },
  incidents: {
    readonly before: readonly Incident<Outage>[];
    readonly after: readonly Incident<Outage>[];
  },
  { output, owner }: { readonly output: Output; readonly owner: string | undefined },
): void {
  for (const change of changedIncidents(incidents.before, incidents.after, isSame)) {
    const row = rowOf(key, change);
    output.upsert(STOCK_INCIDENTS, stockIncidentValues(row));
    output.upsert(ALERTS, alertValues(stockoutAlert(row, owner)));
  }
}

function rowOf(
  { sku, nodeId }: { readonly sku: string; readonly nodeId: string },
  { incident: { spell, acknowledgement }, isWithdrawn }: IncidentChange<Outage>,
): StockoutRow {
  return {
    alertId: alertIdOf('stockout', [sku, nodeId], spell.openedMs),
    sku,
    nodeId,
    openedAtMs: spell.openedMs,
    openedUnits: spell.openedUnits,
    resolvedAtMs: spell.resolvedMs ?? undefined,
    acknowledgedAtMs: acknowledgement?.timeMs,
    acknowledgedBy: acknowledgement?.actor,
    isWithdrawn,
  };
}

function isSame(a: Outage, b: Outage): boolean {
  return a.openedUnits === b.openedUnits;
}
