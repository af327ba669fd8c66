/** An absolute count: what a person or a system found there at `timeMs`. */
export interface Count {
  readonly timeMs: number;
  readonly eventId: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly safety: number;
}

/** How the stock of one SKU × node stands at one point of its timeline, beside its newest count. */
export interface Level {
  /** Units moved, sold and brought back since the newest count; since ever while there was none. */
  units: number;
  /** Since when it has been in or out of stock; meaningless without a count. */
  sinceMs: number;
  /** Units available at `sinceMs`. */
  sinceUnits: number;
}

/** A stretch of event time in which a counted node had nothing available. */
export interface Outage {
  readonly openedMs: number;
  /** Units available when it opened. */
  readonly openedUnits: number;
  /** Null while it goes on. */
  readonly resolvedMs: number | null;
}

/**
 * What happened to the stock of one SKU × node, by event time. The oldest part is folded into one
 * level; the part that late events can still change is kept entry by entry. The order of arrival
 * leaves no trace in it: several changes of one instant are one sum, of several counts of one instant
 * the one with the greatest event id holds, and a count includes the changes of its own instant.
 */
export interface Timeline {
  readonly folded: Level;
  /** The newest folded count. */
  foldedCount: Count | null;
  /** The oldest folded instant, null when nothing is folded. */
  foldedOldestMs: number | null;
  /** The newest folded instant: entries at or before it came too late to be placed exactly. */
  foldedNewestMs: number | null;
  /** Kept changes as pairs (event time, signed units), rising; no instant twice, no zero units. */
  changes: number[];
  /** Kept counts, rising; no instant twice. */
  counts: Count[];
  /** The level after everything: recomputable, kept for speed. */
  readonly newest: Level;
  /**
   * True when a count fell among changes that were folded before: the units since it are not known
   * exactly until the next count.
   */
  isInexact: boolean;
}

/**
 * Changes kept per SKU × node, 8 KiB: a busy node's day. Beyond it the oldest is folded early, which
 * keeps every sum exact and only blurs where an older late event belongs.
 */
export const CHANGES_MAX = 512;

/** Counts kept per SKU × node: one every twenty minutes within the default allowed lateness. */
export const COUNTS_MAX = 72;

const UNITS_OFFSET = 1;
const PAIR_LENGTH = 2;

export function createTimeline(): Timeline {
  return {
    folded: { units: 0, sinceMs: 0, sinceUnits: 0 },
    foldedCount: null,
    foldedOldestMs: null,
    foldedNewestMs: null,
    changes: [],
    counts: [],
    newest: { units: 0, sinceMs: 0, sinceUnits: 0 },
    isInexact: false,
  };
}

/** The newest count of all, null without one. */
export function newestCountOf(timeline: Timeline): Count | null {
  return timeline.counts.at(-1) ?? timeline.foldedCount;
}

/** Units available when `units` have come or gone since `count`; undefined without a count. */
export function availableAfter(count: Count | null, units: number): number | undefined {
  return count === null ? undefined : count.onHand - count.reserved - count.safety + units;
}

/** Whether the node is counted and has nothing available after everything known. */
export function isOut(timeline: Timeline): boolean {
  return isOutAfter(newestCountOf(timeline), timeline.newest.units);
}

/** The event time of the newest entry, −Infinity when the timeline is empty. */
export function newestMsOf(timeline: Timeline): number {
  return Math.max(
    timeline.changes.at(-PAIR_LENGTH) ?? Number.NEGATIVE_INFINITY,
    timeline.counts.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY,
    timeline.foldedNewestMs ?? Number.NEGATIVE_INFINITY,
  );
}

/** Every outage that overlaps the kept part, oldest first. */
export function outagesOf(timeline: Timeline): Outage[] {
  const outages: Outage[] = [];
  const level = { ...timeline.folded };
  walk(timeline, level, outages);
  if (isOutAfter(newestCountOf(timeline), level.units)) outages.push(outageOf(level));
  return outages;
}

/** The outage that goes on after everything known; call it only while the timeline is out. */
export function currentOutageOf(timeline: Timeline): Outage {
  return outageOf(timeline.newest);
}

/** Adds units that left (negative) or came (positive) after everything else: constant time. */
export function appendChange(timeline: Timeline, timeMs: number, units: number): void {
  timeline.changes.push(timeMs, units);
  stepChange(newestCountOf(timeline), timeline.newest, { timeMs, units });
}

/** Adds a count after everything else: constant time. */
export function appendCount(timeline: Timeline, count: Count): void {
  const before = newestCountOf(timeline);
  timeline.counts.push(count);
  stepCount(before, timeline.newest, count);
}

/**
 * Adds units at any time of the kept part, or, when they come too late for that, to the folded level.
 *
 * @returns `stock_late_change` when the time of the change could not be told exactly
 */
export function insertChange(
  timeline: Timeline,
  timeMs: number,
  units: number,
): 'ok' | 'stock_late_change' {
  if (timeline.foldedNewestMs !== null && timeMs <= timeline.foldedNewestMs) {
    const count = timeline.foldedCount;
    if (count !== null && timeMs <= count.timeMs) return 'ok';
    stepChange(count, timeline.folded, { timeMs: timeline.foldedNewestMs, units });
    timeline.foldedOldestMs = Math.min(timeline.foldedOldestMs ?? timeMs, timeMs);
    recompute(timeline);
    return 'stock_late_change';
  }
  const { changes } = timeline;
  let at = changes.length;
  while (at > 0 && timeMs < (changes[at - PAIR_LENGTH] ?? timeMs)) at -= PAIR_LENGTH;
  if (at > 0 && changes[at - PAIR_LENGTH] === timeMs) {
    const sum = (changes[at - PAIR_LENGTH + UNITS_OFFSET] ?? 0) + units;
    if (sum === 0) changes.splice(at - PAIR_LENGTH, PAIR_LENGTH);
    else changes[at - PAIR_LENGTH + UNITS_OFFSET] = sum;
  } else {
    changes.splice(at, 0, timeMs, units);
  }
  recompute(timeline);
  return 'ok';
}

/**
 * Adds a count at any time.
 *
 * @returns `stock_late_count` when it fell among folded changes: the timeline is inexact until the
 *   next count
 */
export function insertCount(timeline: Timeline, count: Count): 'ok' | 'stock_late_count' {
  if (timeline.foldedNewestMs !== null && count.timeMs <= timeline.foldedNewestMs) {
    return insertFoldedCount(timeline, timeline.foldedNewestMs, count);
  }
  const { counts } = timeline;
  let at = counts.length;
  while (at > 0 && isBefore(count, counts[at - 1])) at -= 1;
  const before = counts[at - 1];
  if (counts[at]?.timeMs === count.timeMs) return 'ok';
  if (before?.timeMs === count.timeMs) counts[at - 1] = count;
  else counts.splice(at, 0, count);
  recompute(timeline);
  return 'ok';
}

/**
 * Folds what lies before `horizonMs`, and more when a list has reached its bound.
 *
 * @returns `stock_entries_limit` when a bound made it fold entries that could still have changed
 */
export function foldTimeline(timeline: Timeline, horizonMs: number): 'ok' | 'stock_entries_limit' {
  while (oldestKeptMs(timeline) < horizonMs) foldOldest(timeline);
  if (timeline.changes.length <= CHANGES_MAX * PAIR_LENGTH && timeline.counts.length <= COUNTS_MAX)
    return 'ok';
  foldOldest(timeline);
  return 'stock_entries_limit';
}

/** Whether `foldTimeline` would fold anything. */
export function hasFoldable(timeline: Timeline, horizonMs: number): boolean {
  return (
    oldestKeptMs(timeline) < horizonMs ||
    timeline.changes.length > CHANGES_MAX * PAIR_LENGTH ||
    timeline.counts.length > COUNTS_MAX
  );
}

function oldestKeptMs(timeline: Timeline): number {
  return Math.min(
    timeline.changes[0] ?? Number.POSITIVE_INFINITY,
    timeline.counts[0]?.timeMs ?? Number.POSITIVE_INFINITY,
  );
}

/** Folds the oldest kept instant: a count with the changes that it includes, or a change. */
function foldOldest(timeline: Timeline): void {
  const timeMs = oldestKeptMs(timeline);
  const { changes, counts } = timeline;
  if (changes[0] === timeMs) {
    const units = changes[UNITS_OFFSET] ?? 0;
    changes.splice(0, PAIR_LENGTH);
    if (counts[0]?.timeMs !== timeMs) {
      stepChange(timeline.foldedCount, timeline.folded, { timeMs, units });
    }
  }
  const count = counts[0];
  if (count?.timeMs === timeMs) {
    counts.splice(0, 1);
    stepCount(timeline.foldedCount, timeline.folded, count);
    timeline.foldedCount = count;
    timeline.isInexact = false;
  }
  timeline.foldedOldestMs ??= timeMs;
  timeline.foldedNewestMs = timeMs;
}

function insertFoldedCount(
  timeline: Timeline,
  foldedNewestMs: number,
  count: Count,
): 'ok' | 'stock_late_count' {
  const before = timeline.foldedCount;
  if (before !== null && !isBefore(before, count)) return 'ok';
  const isExact =
    before === null && (timeline.foldedOldestMs === null || count.timeMs < timeline.foldedOldestMs);
  const { folded } = timeline;
  const wasOut = isOutAfter(before, folded.units);
  timeline.foldedCount = count;
  if (before === null || isOutAfter(count, folded.units) !== wasOut) {
    markSince(count, folded, foldedNewestMs);
  }
  timeline.foldedOldestMs = Math.min(timeline.foldedOldestMs ?? count.timeMs, count.timeMs);
  if (!isExact) timeline.isInexact = true;
  recompute(timeline);
  return isExact ? 'ok' : 'stock_late_count';
}

function recompute(timeline: Timeline): void {
  Object.assign(timeline.newest, timeline.folded);
  walk(timeline, timeline.newest, undefined);
}

/** Moves `level` over every kept entry, and adds each outage that ends on the way to `ended`. */
function walk(timeline: Timeline, level: Level, ended: Outage[] | undefined): void {
  const { changes, counts } = timeline;
  let count = timeline.foldedCount;
  let change = 0;
  let at = 0;
  while (change < changes.length || at < counts.length) {
    const timeMs = changes[change] ?? Number.POSITIVE_INFINITY;
    const next = counts[at];
    const outage =
      ended !== undefined && isOutAfter(count, level.units) ? outageOf(level) : undefined;
    if (next !== undefined && next.timeMs <= timeMs) {
      stepCount(count, level, next);
      count = next;
      at += 1;
      if (next.timeMs === timeMs) change += PAIR_LENGTH;
    } else {
      stepChange(count, level, { timeMs, units: changes[change + UNITS_OFFSET] ?? 0 });
      change += PAIR_LENGTH;
    }
    if (outage !== undefined && !isOutAfter(count, level.units)) {
      ended?.push({ ...outage, resolvedMs: level.sinceMs });
    }
  }
}

function stepChange(
  count: Count | null,
  level: Level,
  change: { readonly timeMs: number; readonly units: number },
): void {
  const wasOut = isOutAfter(count, level.units);
  level.units += change.units;
  if (isOutAfter(count, level.units) !== wasOut) markSince(count, level, change.timeMs);
}

function stepCount(before: Count | null, level: Level, count: Count): void {
  const wasOut = isOutAfter(before, level.units);
  level.units = 0;
  if (before === null || isOutAfter(count, 0) !== wasOut) markSince(count, level, count.timeMs);
}

function markSince(count: Count | null, level: Level, timeMs: number): void {
  level.sinceMs = timeMs;
  level.sinceUnits = availableAfter(count, level.units) ?? 0;
}

function isOutAfter(count: Count | null, units: number): boolean {
  return count !== null && count.onHand - count.reserved - count.safety + units <= 0;
}

function outageOf(level: Level): Outage {
  return { openedMs: level.sinceMs, openedUnits: level.sinceUnits, resolvedMs: null };
}

/** Whether `a` comes before `b` by event time, ties by event id. */
function isBefore(a: Count, b: Count | undefined): boolean {
  if (b === undefined) return false;
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.eventId < b.eventId);
}
