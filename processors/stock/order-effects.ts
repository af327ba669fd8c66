import { DEFAULT_NODE_ID } from './row.ts';

/** One order event as far as stock needs it. */
export interface OrderPart {
  readonly status: 'placed' | 'cancelled' | 'returned';
  readonly timeMs: number;
  readonly eventId: string;
  readonly nodeId: string | null;
  /** Units per SKU. */
  readonly lines: readonly OrderPartLine[];
}

export interface OrderPartLine {
  readonly sku: string;
  readonly quantity: number;
}

/** Units of a SKU that an order takes from a node (negative) or gives back, at an instant. */
export interface StockEffect {
  readonly sku: string;
  readonly nodeId: string;
  readonly timeMs: number;
  readonly units: number;
}

/**
 * What an order does to stock, as a function of the set of its events:
 *
 * - Every placed line takes its units at the time it was placed.
 * - The order is cancelled by its first cancellation, for good: that gives back what the lines took
 *   and returns before it (by event time, ties by event id) did not bring back, earliest lines first,
 *   at the time of the cancellation but not before the line was placed. A cancellation of an order
 *   that was never seen gives back its own lines.
 * - A return gives back its own lines at its own time; after the cancellation, only of SKUs that the
 *   order did not have.
 *
 * A return that names no node comes back to the order's node.
 *
 * @returns one effect per SKU, node and instant, in an order that depends on the events alone; units
 *   may be 0
 */
export function stockEffectsOf(parts: readonly OrderPart[]): readonly StockEffect[] {
  const effects = new Map<string, StockEffect>();
  const add = (sku: string, nodeId: string, timeMs: number, units: number): void => {
    const key = effectKeyOf({ sku, nodeId, timeMs });
    effects.set(key, { sku, nodeId, timeMs, units: (effects.get(key)?.units ?? 0) + units });
  };
  const ordered = parts.toSorted(byTime);
  const placed = ordered.filter(({ status }) => status === 'placed');
  const cancellation = ordered.find(({ status }) => status === 'cancelled');
  const taken = placed.length > 0 || cancellation === undefined ? placed : [cancellation];
  const skus = new Set(taken.flatMap(({ lines }) => lines.map(({ sku }) => sku)));
  const orderNodeId = placed[0]?.nodeId ?? DEFAULT_NODE_ID;
  const returned = new Map<string, number>();

  for (const { lines, nodeId, timeMs } of placed) {
    for (const { sku, quantity } of lines) add(sku, nodeId ?? DEFAULT_NODE_ID, timeMs, -quantity);
  }
  for (const part of ordered) {
    if (part.status !== 'returned') continue;
    const isBefore = cancellation === undefined || byTime(part, cancellation) < 0;
    for (const { sku, quantity } of part.lines) {
      if (isBefore) returned.set(sku, (returned.get(sku) ?? 0) + quantity);
      if (isBefore || !skus.has(sku)) add(sku, part.nodeId ?? orderNodeId, part.timeMs, quantity);
    }
  }
  if (cancellation === undefined) return [...effects.values()];
  for (const { lines, nodeId, timeMs } of taken) {
    for (const { sku, quantity } of lines) {
      const back = Math.min(quantity, returned.get(sku) ?? 0);
      returned.set(sku, (returned.get(sku) ?? 0) - back);
      const restoredMs = Math.max(timeMs, cancellation.timeMs);
      add(sku, nodeId ?? DEFAULT_NODE_ID, restoredMs, quantity - back);
    }
  }
  return [...effects.values()];
}

/** What has to be added to `before` to make it `after`, without zeros, in a stable order. */
export function differenceOf(
  before: readonly StockEffect[],
  after: readonly StockEffect[],
): readonly StockEffect[] {
  const changed = new Map(after.map((effect) => [effectKeyOf(effect), effect]));
  for (const effect of before) {
    const key = effectKeyOf(effect);
    const units = (changed.get(key)?.units ?? 0) - effect.units;
    changed.set(key, { ...effect, units });
  }
  return [...changed.values()].filter(({ units }) => units !== 0);
}

function effectKeyOf(effect: Omit<StockEffect, 'units'>): string {
  return `${effect.timeMs}\u0000${effect.nodeId}\u0000${effect.sku}`;
}

function byTime(a: OrderPart, b: OrderPart): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.eventId === b.eventId) return 0;
  return a.eventId < b.eventId ? -1 : 1;
}
