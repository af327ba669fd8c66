import type { AlertRow } from '../live/rows.ts';

/** What a SKU at a node is called in a map. */
export function placeOf(sku: string, nodeId: string): string {
  return `${sku} ${nodeId}`;
}

/** The stockouts that go on, by `placeOf`: their cost is what has been lost so far. */
export function stockoutsByPlace(alerts: Iterable<AlertRow>): ReadonlyMap<string, AlertRow> {
  const stockouts = new Map<string, AlertRow>();
  for (const alert of alerts) {
    if (alert.kind !== 'stockout' || alert.resolved_at !== undefined) continue;
    stockouts.set(placeOf(alert.sku, alert.node_id), alert);
  }
  return stockouts;
}
