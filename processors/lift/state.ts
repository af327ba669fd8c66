import { armOf } from '../../schemas/assignment.ts';
import type { Click } from '../../schemas/events/click.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { type Standing, isWithdrawn } from '../engine/operator/standing.ts';
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
  /** Ids of the tests of whose channel the visitor is held out; absent where it is of none. */
  held?: string[];
  /** Events of orders, oldest first; absent for those who never ordered. */
  orders?: OrderEvent[];
}

/** The visitor's first click while the test takes visitors, of days that count; undefined without one. */
export function firstClickMs(
  { days }: LiftState,
  { startMs, stopMs }: LiftTest,
  standing: Standing | undefined,
): number | undefined {
  for (const firstMs of days) {
    if (firstMs < startMs || isWithdrawn(standing, firstMs)) continue;
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
export function takeClick(state: LiftState, click: Click, { tests }: LiftConfig): void {
  const { occurred_at: timeMs, visitor_id: visitorToken } = click;
  const isTested = tests.some(
    ({ startMs, stopMs }) => timeMs >= startMs && timeMs < (stopMs ?? Number.POSITIVE_INFINITY),
  );
  if (!isTested) return;
  const day = dayOf(timeMs);
  // A new array is as long as its elements; most visitors have one.
  state.days = [...state.days.filter((firstMs) => dayOf(firstMs) !== day), timeMs].toSorted(
    (a, b) => a - b,
  );
  const held = tests.filter((test) => armOf(test, visitorToken) === 'holdout').map(({ id }) => id);
  if (held.length > 0) state.held = held;
}

/**
 * Drops days that can decide nothing any more: those behind one that nothing can take from its test,
 * and those that are withdrawn for good. What was counted of them stays.
 *
 * @param record.watermarkMs what arrives from now on is accepted by a task with at least this watermark
 */
export function pruneDays(
  state: LiftState,
  record: { readonly watermarkMs: number; readonly standing: Standing | undefined },
  config: LiftConfig,
): void {
  if (state.days.length < 2) return;
  const settledBeforeMs = record.watermarkMs - arrivesLateMs(config) - config.withdrawalReachMs;
  const kept = new Set<number>();
  for (const { startMs } of config.tests) {
    for (const firstMs of state.days) {
      if (firstMs < startMs) continue;
      const isSettled = firstMs < settledBeforeMs;
      if (isSettled && isWithdrawn(record.standing, firstMs)) continue;
      kept.add(firstMs);
      // Whatever still comes is newer, so this is the test's first click for good.
      if (isSettled) break;
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
  const newestMs = state.days.at(-1);
  for (const { startMs, stopMs, horizonMs } of config.tests) {
    if (newestMs === undefined || newestMs < startMs) continue;
    // Until the test stops the visitor must be remembered, or its next click would count it again.
    neededMs = Math.max(neededMs, stopMs ?? Number.POSITIVE_INFINITY, newestMs + horizonMs);
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
  const horizonMs = Math.max(...config.tests.map((test) => test.horizonMs));
  return state.days.some(
    (firstMs) => placedMs >= firstMs - BEFORE_MS && placedMs < firstMs + horizonMs,
  );
}

/** How far behind the watermark an accepted event may be: lateness is judged by whole minutes. */
function arrivesLateMs(config: LiftConfig): number {
  return config.allowedLatenessMs + MINUTE_MS;
}

function dayOf(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS);
}
