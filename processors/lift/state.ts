import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import type { LiftConfig } from './config.ts';
import { type OrderEvent, TIME, ordersIn, placedIn } from './orders.ts';
import { BEFORE_MS, type LiftTest } from './row.ts';

/** What is remembered of one visitor. */
export interface LiftState {
  /**
   * The first click of each UTC day on which a test took visitors, UTC milliseconds, ascending; days
   * that can decide nothing any more are left out. Tests start with a day, so one list serves all.
   */
  days: number[];
  /** Events of orders, oldest first; absent for those who never ordered. */
  orders?: OrderEvent[];
}

/** The visitor's first click while the test takes visitors; undefined without one. */
export function firstClickMs(
  { days }: LiftState,
  { startMs, stopMs }: LiftTest,
): number | undefined {
  for (const firstMs of days) {
    if (firstMs >= startMs)
      return firstMs < (stopMs ?? Number.POSITIVE_INFINITY) ? firstMs : undefined;
  }
  return undefined;
}

/** Whether a click at `timeMs` comes before every one that is known of its day, and no earlier day settles all tests. */
export function isNews({ days }: LiftState, timeMs: number): boolean {
  const day = dayOf(timeMs);
  for (let at = days.length - 1; at >= 0; at -= 1) {
    const firstMs = days[at] ?? 0;
    if (dayOf(firstMs) === day) return timeMs < firstMs;
    if (firstMs < timeMs) return true;
  }
  return true;
}

/** Remembers a click, the first of its day so far, if a test took visitors then. */
export function takeClick(state: LiftState, timeMs: number, { tests }: LiftConfig): void {
  const isTested = tests.some(
    ({ startMs, stopMs }) => timeMs >= startMs && timeMs < (stopMs ?? Number.POSITIVE_INFINITY),
  );
  if (!isTested) return;
  const day = dayOf(timeMs);
  // A new array is as long as its elements; most visitors have one.
  state.days = [...state.days.filter((firstMs) => dayOf(firstMs) !== day), timeMs].toSorted(
    (a, b) => a - b,
  );
}

/**
 * Drops days that can decide nothing any more: those behind one that nothing can take from its test.
 *
 * @param watermarkMs what arrives from now on is accepted by a task with at least this watermark
 */
export function pruneDays(state: LiftState, watermarkMs: number, config: LiftConfig): void {
  if (state.days.length < 2) return;
  const arrivesFromMs = watermarkMs - arrivesLateMs(config);
  const kept = new Set<number>();
  for (const { startMs } of config.tests) {
    for (const firstMs of state.days) {
      if (firstMs < startMs) continue;
      kept.add(firstMs);
      // Whatever still comes is newer, so this is the test's first click for good.
      if (firstMs < arrivesFromMs) break;
    }
  }
  if (kept.size < state.days.length) state.days = state.days.filter((firstMs) => kept.has(firstMs));
}

/**
 * Drops orders that can change nothing any more.
 *
 * @param watermarkMs what arrives from now on is accepted by a task with at least this watermark
 */
export function pruneOrders(state: LiftState, watermarkMs: number, config: LiftConfig): void {
  if (state.orders === undefined) return;
  const arrivesFromMs = watermarkMs - arrivesLateMs(config);
  const [oldest] = state.orders;
  if (oldest === undefined || oldest[TIME] + config.returnsKeptMs >= arrivesFromMs) return;
  const dropped = new Set<OrderEvent>();
  for (const order of ordersIn(state.orders, config.returnsKeptMs)) {
    const newestMs = order.at(-1)?.[TIME] ?? Number.POSITIVE_INFINITY;
    const placedMs = placedIn(order)?.placedMs;
    const isOver = newestMs + config.returnsKeptMs < arrivesFromMs;
    const isWanted =
      placedMs !== undefined && isPlacedForTest(state, placedMs, arrivesFromMs, config);
    if (isOver && !isWanted) for (const event of order) dropped.add(event);
  }
  if (dropped.size > 0) state.orders = state.orders.filter((event) => !dropped.has(event));
}

/** The watermark at which nothing can change what the visitor contributes any more. */
export function expiresAtMs(state: LiftState, config: LiftConfig): number {
  let neededMs = Number.NEGATIVE_INFINITY;
  for (const test of config.tests) {
    const firstMs = firstClickMs(state, test);
    if (firstMs === undefined) continue;
    const { stopMs, horizonMs } = test;
    // Until the test stops the visitor must be remembered, or its next click would count it again.
    neededMs = Math.max(neededMs, stopMs ?? Number.POSITIVE_INFINITY, firstMs + horizonMs);
  }
  const orderedMs = state.orders?.at(-1)?.[TIME];
  if (orderedMs !== undefined) {
    neededMs = Math.max(neededMs, orderedMs + Math.max(BEFORE_MS, config.returnsKeptMs));
  }
  return neededMs + arrivesLateMs(config);
}

/** Whether an order placed at `placedMs` counts for a test, or still may. */
function isPlacedForTest(
  state: LiftState,
  placedMs: number,
  arrivesFromMs: number,
  config: LiftConfig,
): boolean {
  if (placedMs >= arrivesFromMs - BEFORE_MS) return true;
  return config.tests.some((test) => {
    const firstMs = firstClickMs(state, test);
    if (firstMs === undefined) return false;
    return placedMs >= firstMs - BEFORE_MS && placedMs < firstMs + test.horizonMs;
  });
}

/** How far behind the watermark an accepted event may be: lateness is judged by whole minutes. */
function arrivesLateMs(config: LiftConfig): number {
  return config.allowedLatenessMs + MINUTE_MS;
}

function dayOf(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS);
}
