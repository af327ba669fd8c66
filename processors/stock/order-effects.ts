import { DEFAULT_NODE_ID } from './row.ts';

/** One order event as far as stock needs it. */
export interface OrderPart {
  readonly status: 'placed' | 'cancelled' | 'returned';
  readonly timeMs: number;
  readonly eventId: string;
  /** Null when the event names no node. */
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
  /** The units that somebody wanted: those of a placed order, also when it is cancelled later. */
  readonly demand: number;
}

/**
 * What the events of one order id do to stock, as a function of their set:
 *
 * - The first placed event takes its units at its time; a repeat of it takes nothing.
 * - The first cancellation gives back what the order took and returns before it (by event time, ties
 *   by event id) did not bring back, at its own time but not before the order was placed. Without an
 *   order it does nothing.
 * - A return gives back its own lines at its own time, whether its order is known or not; after the
 *   cancellation only of SKUs that the order did not have. It comes back to the order's node when it
 *   names none.
 *
 * A pause of more than `orderPauseMs` between two events of an order id ends the order: what follows
 * is another order of that id. So a bound on what is kept never changes a result.
 *
 * @returns effects in an order that depends on the events alone; one place and instant may have several
 */
export function stockEffectsOf(
  parts: readonly OrderPart[],
  orderPauseMs: number,
): readonly StockEffect[] {
  const ordered = parts.toSorted(byTime);
  const effects: StockEffect[] = [];
  let start = 0;
  for (let end = 1; end <= ordered.length; end += 1) {
    const beforeMs = ordered[end - 1]?.timeMs ?? 0;
    const pauseMs = (ordered[end]?.timeMs ?? Number.POSITIVE_INFINITY) - beforeMs;
    if (pauseMs <= orderPauseMs) continue;
    addEffects(ordered.slice(start, end), effects);
    start = end;
  }
  return effects;
}

/** Adds the effects of one order, its events ascending. */
function addEffects(ordered: readonly OrderPart[], effects: StockEffect[]): void {
  const placed = ordered.find(({ status }) => status === 'placed');
  const cancellation = ordered.find(({ status }) => status === 'cancelled');
  const orderNodeId = placed?.nodeId ?? DEFAULT_NODE_ID;
  const leftUnits = new Map(placed?.lines.map(({ sku, quantity }) => [sku, quantity]));
  for (const part of ordered) {
    if (part === placed) {
      for (const { sku, quantity } of part.lines) {
        effects.push({
          sku,
          nodeId: orderNodeId,
          timeMs: part.timeMs,
          units: -quantity,
          demand: quantity,
        });
      }
    } else if (part.status === 'returned') {
      const isCancelled = cancellation !== undefined && byTime(part, cancellation) > 0;
      const nodeId = part.nodeId ?? orderNodeId;
      for (const { sku, quantity } of part.lines) {
        const left = leftUnits.get(sku);
        if (isCancelled && left !== undefined) continue;
        effects.push({ sku, nodeId, timeMs: part.timeMs, units: quantity, demand: 0 });
        if (left !== undefined) leftUnits.set(sku, Math.max(0, left - quantity));
      }
    } else if (part === cancellation && placed !== undefined) {
      const timeMs = Math.max(part.timeMs, placed.timeMs);
      // Returns before it are behind us: they come first in `ordered`.
      for (const [sku, units] of leftUnits) {
        effects.push({ sku, nodeId: orderNodeId, timeMs, units, demand: 0 });
      }
    }
  }
}

/**
 * What has to be added to `before` to make it `after`: one effect per SKU, node and instant, without
 * zeros, in an order that depends on the two alone.
 */
export function differenceOf(
  before: readonly StockEffect[],
  after: readonly StockEffect[],
): readonly StockEffect[] {
  const changes = new Map<string, StockEffect>();
  const add = (effect: StockEffect, sign: number): void => {
    const key = effectKeyOf(effect);
    const change = changes.get(key);
    changes.set(key, {
      ...effect,
      units: (change?.units ?? 0) + sign * effect.units,
      demand: (change?.demand ?? 0) + sign * effect.demand,
    });
  };
  for (const effect of after) add(effect, 1);
  for (const effect of before) add(effect, -1);
  return [...changes.values()].filter(({ units, demand }) => units !== 0 || demand !== 0);
}

function effectKeyOf(effect: Omit<StockEffect, 'units' | 'demand'>): string {
  return `${effect.timeMs}\u0000${effect.nodeId}\u0000${effect.sku}`;
}

function byTime(a: OrderPart, b: OrderPart): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.eventId === b.eventId) return 0;
  return a.eventId < b.eventId ? -1 : 1;
}
