import { MINUTE_MS } from '../../schemas/time.ts';
import type { AttributionConfig } from './config.ts';
import { type OrderState, conversionTimeMs, mergedOrders, newestMs, takeOldest } from './orders.ts';
import { type Span, type Visits, dropVisits, mergeVisits } from './visits.ts';

/** What is kept of one visitor. Visitors who never ordered have neither `orders` nor `pathsFromMs`. */
export interface AttributionState extends Visits {
  /** Placed ones in order of time, ties by event id; then those of which only a withdrawal is known. */
  orders?: OrderState[];
  /** Time of the newest conversion that has left the state: no path reaches back to it. */
  pathsFromMs?: number;
}

/** Event time of the newest order that stands, −Infinity without one. */
export function newestConversionMs({ orders }: AttributionState): number {
  if (orders === undefined) return Number.NEGATIVE_INFINITY;
  for (let index = orders.length - 1; index >= 0; index -= 1) {
    const order = orders[index];
    const timeMs = order === undefined ? undefined : conversionTimeMs(order);
    if (timeMs !== undefined) return timeMs;
  }
  return Number.NEGATIVE_INFINITY;
}

/** The span between two conversions that a touch at `timeMs` belongs to, without regard to look-back. */
export function spanAround(state: AttributionState, timeMs: number): Span {
  let afterMs = state.pathsFromMs ?? Number.NEGATIVE_INFINITY;
  for (const order of state.orders ?? []) {
    const conversionMs = conversionTimeMs(order);
    if (conversionMs === undefined) continue;
    if (conversionMs >= timeMs) return { afterMs, untilMs: conversionMs };
    afterMs = Math.max(afterMs, conversionMs);
  }
  return { afterMs, untilMs: Number.POSITIVE_INFINITY };
}

/** Drops the oldest order; what it was credited with stands from now on. */
export function forgetOldestOrder(state: AttributionState): void {
  const { orders } = state;
  if (orders === undefined) return;
  const oldest = takeOldest(orders);
  if (oldest !== undefined) endPaths(state, oldest);
}

/**
 * Drops what can change no result any more: orders whose withdrawals can no longer arrive, and
 * touches that neither they nor later orders look back to.
 *
 * @param watermarkMs what arrives from now on is accepted by a task with at least this watermark
 */
export function prune(
  state: AttributionState,
  watermarkMs: number,
  config: AttributionConfig,
): void {
  const arrivesFromMs = watermarkMs - arrivesLateMs(config);
  const oldestMs = state.touches[0]?.[0] ?? Number.POSITIVE_INFINITY;
  // Whatever is needed, it is not older than this; so there is mostly nothing to drop.
  if (state.orders === undefined && oldestMs >= arrivesFromMs - config.lookbackMs) return;
  let creditedFromMs = arrivesFromMs;
  const isOver = (order: OrderState): boolean =>
    newestMs(order) + config.returnsKeptMs < arrivesFromMs;
  if (state.orders?.some(isOver) === true) dropOrders(state, state.orders, isOver);
  for (const order of state.orders ?? []) {
    creditedFromMs = Math.min(creditedFromMs, conversionTimeMs(order) ?? creditedFromMs);
  }
  const neededFromMs = creditedFromMs - config.lookbackMs;
  dropVisits(state, {
    untilMs: Math.max(neededFromMs - 1, state.pathsFromMs ?? Number.NEGATIVE_INFINITY),
    sessionsFromMs: neededFromMs - config.sessionGapMs,
  });
}

/**
 * Drops the orders that are over. A conversion ends paths when it leaves, so it stays as long as an
 * older one does: that one's touches may have to be credited anew.
 */
function dropOrders(
  state: AttributionState,
  orders: readonly OrderState[],
  isOver: (order: OrderState) => boolean,
): void {
  const kept: OrderState[] = [];
  let hasConversion = false;
  for (const order of orders) {
    const isConversion = conversionTimeMs(order) !== undefined;
    if (isOver(order) && !(isConversion && hasConversion)) endPaths(state, order);
    else {
      kept.push(order);
      hasConversion ||= isConversion;
    }
  }
  state.orders = kept;
}

/** Makes `state` what it would be if the events of both had come to it. */
export function mergeStates(
  state: AttributionState,
  other: AttributionState,
  config: AttributionConfig,
): void {
  mergeVisits(state, other, config.sessionGapMs);
  const orders = mergedOrders(state.orders ?? [], other.orders ?? [], config.returnsKeptMs);
  if (orders.length > 0) state.orders = orders;
  const firstMs = Math.min(...orders.flatMap((order) => conversionTimeMs(order) ?? []));
  // What one of the two has forgotten must not cut the paths of older orders that the other still has.
  const ends = [state.pathsFromMs, other.pathsFromMs].filter(
    (endMs) => endMs !== undefined && endMs < firstMs,
  );
  delete state.pathsFromMs;
  for (const endMs of ends)
    state.pathsFromMs = Math.max(state.pathsFromMs ?? -Infinity, endMs ?? 0);
}

/** The watermark at which nothing can change the credit of `state` any more. */
export function expiresAtMs(state: AttributionState, config: AttributionConfig): number {
  const visitedMs = state.sessions.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY;
  let orderedMs = Number.NEGATIVE_INFINITY;
  for (const order of state.orders ?? []) orderedMs = Math.max(orderedMs, newestMs(order));
  const neededMs = Math.max(
    visitedMs + Math.max(config.lookbackMs, config.sessionGapMs),
    orderedMs + config.returnsKeptMs,
  );
  return neededMs + arrivesLateMs(config);
}

/** How far behind the watermark an accepted event may be: lateness is judged by whole minutes. */
function arrivesLateMs(config: AttributionConfig): number {
  return config.allowedLatenessMs + MINUTE_MS;
}

/** A conversion that leaves still ended a path: nothing up to its time is credited again. */
function endPaths(state: AttributionState, order: OrderState): void {
  const timeMs = conversionTimeMs(order);
  if (timeMs === undefined) return;
  state.pathsFromMs = Math.max(state.pathsFromMs ?? timeMs, timeMs);
}
