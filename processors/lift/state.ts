import { armOf } from '../../schemas/assignment.ts';
import type { Click } from '../../schemas/events/click.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { type Standing, isWithdrawn } from '../engine/operator/standing.ts';
import type { LiftConfig } from './config.ts';
import { type OrderEvent, TIME, ordersIn, placedIn, withEvent } from './orders.ts';
import { BEFORE_MS, type LiftTest } from './row.ts';

/** What ids in the same arms did. */
export interface Seen {
  /**
   * The first click of each UTC day on which a test took visitors, UTC milliseconds, ascending; days
   * that can decide nothing any more are left out. Tests start with a day, so one list serves all.
   */
  days: number[];
  /** Ids of the tests of whose channel the visitor is held out; absent where it is of none. */
  held?: string[];
}

/** What is remembered of one visitor. */
export interface LiftState extends Seen {
  /** Present where the visitor was merged of several ids, or seen in another arm than its own: what it did in other arms. */
  others?: Seen[];
  /** Events of orders, oldest first; absent for those who never ordered. */
  orders?: OrderEvent[];
}

/** The visitor's first click while the test takes visitors, of days that count; undefined without one. */
export function firstClickMs(
  { days }: Seen,
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
export function isNews({ days }: Seen, timeMs: number): boolean {
  const day = dayOf(timeMs);
  for (let at = days.length - 1; at >= 0; at -= 1) {
    const firstMs = days[at] ?? 0;
    if (dayOf(firstMs) === day) return timeMs < firstMs;
    if (firstMs < timeMs) return true;
  }
  return true;
}

/**
 * What is remembered of the visitor's ids in the arms of `id`, to be read and changed.
 *
 * @param isMember whether the id is another than the one that the state is kept under
 */
export function seenAs(
  state: LiftState,
  { id, isMember }: { readonly id: string; readonly isMember: boolean },
  config: LiftConfig,
): Seen {
  if (state.others === undefined && !isMember) return state;
  return seenIn(state, heldOf(id, config));
}

/** What is remembered of the visitor in the arms that are held out of `held`, to be read and changed. */
export function seenIn(state: LiftState, held: readonly string[]): Seen {
  const others = (state.others ??= []);
  const found = [state, ...others].find((seen) => isAlike(seen, held));
  if (found !== undefined) return found;
  if (state.days.length === 0 && state.held === undefined) return state;
  const seen: Seen = held.length > 0 ? { days: [], held: [...held] } : { days: [] };
  others.push(seen);
  return seen;
}

/** Makes `state` what it would be if the events of both had come to it. */
export function mergeStates(state: LiftState, other: LiftState): void {
  const all = [state, ...(state.others ?? []), other, ...(other.others ?? [])];
  const merged: Seen[] = [];
  for (const { days, held = [] } of all) {
    // Of an id without clicks no arm is known.
    if (days.length === 0) continue;
    const alike = merged.find((seen) => isAlike(seen, held));
    if (alike !== undefined) alike.days = firstOfDays([...alike.days, ...days]);
    else merged.push(held.length > 0 ? { days, held } : { days });
  }
  const [first = { days: [] }, ...others] = merged;
  state.days = first.days;
  delete state.held;
  if (first.held !== undefined) state.held = first.held;
  state.others = others;
  const orders = (other.orders ?? []).reduce<OrderEvent[]>(
    (events, event) => withEvent(events, event),
    state.orders ?? [],
  );
  if (orders.length > 0) state.orders = orders;
}

/** Remembers a click, the first of its day so far, if a test took visitors then. */
export function takeClick(
  seen: Seen,
  { timeMs, held }: { readonly timeMs: number; readonly held: readonly string[] },
  config: LiftConfig,
): void {
  if (!config.tests.some((test) => takesVisitors(test, timeMs))) return;
  // A new array is as long as its elements; most visitors have one.
  seen.days = firstOfDays([...seen.days, timeMs]);
  if (held.length > 0) seen.held = [...held];
}

/**
 * The tests that hold `id` out if it is in the arm that the click names, in the tests of the click's
 * channel that take visitors then; undefined where that is what the assignment says.
 */
export function heldAgainst(
  id: string,
  click: Pick<Click, 'arm' | 'channel' | 'occurred_at'>,
  config: LiftConfig,
): string[] | undefined {
  const assigned = heldOf(id, config);
  const named = config.tests.filter(
    (test) => test.channel === click.channel && takesVisitors(test, click.occurred_at),
  );
  const isCrossed = named.some((test) => assigned.includes(test.id) !== (click.arm === 'holdout'));
  if (!isCrossed) return undefined;
  return config.tests
    .filter((test) => (named.includes(test) ? click.arm === 'holdout' : assigned.includes(test.id)))
    .map((test) => test.id);
}

function takesVisitors({ startMs, stopMs }: LiftTest, timeMs: number): boolean {
  return timeMs >= startMs && timeMs < (stopMs ?? Number.POSITIVE_INFINITY);
}

/**
 * Drops days that can decide nothing any more: those behind one that nothing can take from its test,
 * and those that are withdrawn for good. What was counted of them stays.
 *
 * @param record.watermarkMs what arrives from now on is accepted by a task with at least this watermark
 */
export function pruneDays(
  seen: Seen,
  record: { readonly watermarkMs: number; readonly standing: Standing | undefined },
  config: LiftConfig,
): void {
  if (seen.days.length < 2) return;
  const settledBeforeMs = record.watermarkMs - arrivesLateMs(config) - config.withdrawalReachMs;
  const kept = new Set<number>();
  for (const { startMs } of config.tests) {
    for (const firstMs of seen.days) {
      if (firstMs < startMs) continue;
      const isSettled = firstMs < settledBeforeMs;
      if (isSettled && isWithdrawn(record.standing, firstMs)) continue;
      kept.add(firstMs);
      // Whatever still comes is newer, so this is the test's first click for good.
      if (isSettled) break;
    }
  }
  if (kept.size < seen.days.length) seen.days = seen.days.filter((firstMs) => kept.has(firstMs));
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
  const newestMs = daysOf(state).at(-1);
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
  return daysOf(state).some(
    (firstMs) => placedMs >= firstMs - BEFORE_MS && placedMs < firstMs + horizonMs,
  );
}

/** The first clicks of days of all the visitor's ids, ascending. */
export function daysOf({ days, others }: LiftState): readonly number[] {
  if (others === undefined) return days;
  return others
    .flatMap((seen) => seen.days)
    .concat(days)
    .toSorted((a, b) => a - b);
}

/** The tests that hold `id` out, by the assignment. */
export function heldOf(id: string, { tests }: LiftConfig): string[] {
  return tests.filter((test) => armOf(test, id) === 'holdout').map((test) => test.id);
}

function isAlike(seen: Seen, held: readonly string[]): boolean {
  return (seen.held ?? []).join(' ') === held.join(' ');
}

/** The first of each UTC day, ascending. */
function firstOfDays(timesMs: readonly number[]): number[] {
  const sorted = timesMs.toSorted((a, b) => a - b);
  return sorted.filter((timeMs, at) => at === 0 || dayOf(sorted[at - 1] ?? 0) !== dayOf(timeMs));
}

/** How far behind the watermark an accepted event may be: lateness is judged by whole minutes. */
function arrivesLateMs(config: LiftConfig): number {
  return config.allowedLatenessMs + MINUTE_MS;
}

function dayOf(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS);
}
