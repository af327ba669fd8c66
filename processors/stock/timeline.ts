import {
  type Count,
  LEVEL_LENGTH,
  type Outage,
  SINCE_MS,
  UNITS,
  baseOf,
  isOutAt,
  markSince,
  numberAt,
  outageAt,
  stepChange,
  stepCount,
} from './level.ts';

/**
 * What happened to the stock of one SKU × node, by event time. The oldest part is folded into one
 * level; the part that late events can still change is kept entry by entry. The order of arrival
 * leaves no trace in it: several changes of one instant are one sum, of several counts of one instant
 * the one with the greatest event id holds, and a count includes the changes of its own instant.
 */
export interface Timeline {
  /**
   * Everything that is a number, in one list: it takes a third of the memory that objects with named
   * fields take, and a shop has a million of these. The slots are named below.
   */
  numbers: number[];
  /** Kept counts, rising, no instant twice; null when there are none. */
  counts: Count[] | null;
  /** Event id of the folded count as long as another count of its instant can arrive, else empty. */
  foldedCountId: string;
}

/** 1 while a count fell among folded changes, so that the units since it are not known exactly. */
const INEXACT = 0;
/** The level at the end of the folded part. */
const FOLDED = 1;
/** The level after everything: recomputable, kept for speed. */
const NEWEST = 4;
/** Oldest and newest folded instant; 0 when nothing is folded, since events are younger than 2001. */
const FOLDED_OLDEST_MS = 7;
const FOLDED_NEWEST_MS = 8;
/** The newest folded count: time (0 when there is none), on hand, reserved, safety. */
const COUNT_MS = 9;
const COUNT_ON_HAND = 10;
const COUNT_RESERVED = 11;
const COUNT_SAFETY = 12;
/** From here on the kept changes as pairs (event time, signed units), rising; no instant twice, no zero. */
const CHANGES = 13;
const PAIR_LENGTH = 2;

/**
 * Changes kept per SKU × node, 8 KiB: a busy node's day. Beyond it the oldest is folded early, which
 * keeps every sum exact and only blurs where an older late event belongs.
 */
const CHANGES_MAX = 512;

/** Counts kept per SKU × node: one every twenty minutes within the default allowed lateness. */
const COUNTS_MAX = 72;

/** Up to this length a list is copied to grow or shrink, so that it takes no more than it needs: `push` and
 * spreading leave room for sixteen elements more. */
const EXACT_LENGTH_MAX = 64;

/** The numbers of an empty timeline. */
export function createNumbers(): number[] {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** How many numbers and counts are kept beyond the fixed part. */
export function keptLengthsOf({ numbers, counts }: Timeline): { numbers: number; counts: number } {
  return { numbers: numbers.length - CHANGES, counts: counts?.length ?? 0 };
}

/** The newest count of all, undefined without one. */
export function newestCountOf(timeline: Timeline): Count | undefined {
  return timeline.counts?.at(-1) ?? foldedCountOf(timeline);
}

/** The event time of the newest count, −Infinity without one. */
export function newestCountMsOf({ counts, numbers }: Timeline): number {
  const countMs = counts?.at(-1)?.timeMs ?? numberAt(numbers, COUNT_MS);
  return countMs === 0 ? Number.NEGATIVE_INFINITY : countMs;
}

/** Units since the newest count, and since when it has been in or out of stock. */
export function newestLevelOf({ numbers }: Timeline): { units: number; sinceMs: number } {
  return {
    units: numberAt(numbers, NEWEST + UNITS),
    sinceMs: numberAt(numbers, NEWEST + SINCE_MS),
  };
}

/** Whether the node is counted and has nothing available after everything known. */
export function isOut(timeline: Timeline): boolean {
  return isOutAt(newestBaseOf(timeline), timeline.numbers, NEWEST);
}

/** Whether a count fell among changes that were folded before, and no count has come since. */
export function isInexact({ numbers, counts }: Timeline): boolean {
  return numberAt(numbers, INEXACT) !== 0 && counts === null;
}

/** The event time of the newest entry, −Infinity when the timeline is empty. */
export function newestMsOf(timeline: Timeline): number {
  const { numbers, counts } = timeline;
  const changeMs =
    numbers.length > CHANGES
      ? numberAt(numbers, numbers.length - PAIR_LENGTH)
      : foldedMsOf(timeline);
  const countMs = counts?.at(-1)?.timeMs;
  return countMs === undefined || countMs < changeMs ? changeMs : countMs;
}

/** The newest folded instant, −Infinity without one: entries at or before it can not be placed exactly. */
export function foldedMsOf({ numbers }: Timeline): number {
  const foldedMs = numberAt(numbers, FOLDED_NEWEST_MS);
  return foldedMs === 0 ? Number.NEGATIVE_INFINITY : foldedMs;
}

/** Every outage that overlaps the kept part, oldest first. */
export function outagesOf(timeline: Timeline): Outage[] {
  const outages: Outage[] = [];
  const level = timeline.numbers.slice(FOLDED, FOLDED + LEVEL_LENGTH);
  walk(timeline, level, 0, outages);
  if (isOutAt(newestBaseOf(timeline), level, 0)) outages.push(outageAt(level, 0));
  return outages;
}

/** The outage that goes on after everything known; call it only while the timeline is out. */
export function currentOutageOf({ numbers }: Timeline): Outage {
  return outageAt(numbers, NEWEST);
}

/** Adds units that left (negative) or came (positive) after everything else: constant time. */
export function appendChange(timeline: Timeline, timeMs: number, units: number): void {
  const { numbers } = timeline;
  stepChange(newestBaseOf(timeline), numbers, NEWEST, { timeMs, units });
  if (numbers.length > EXACT_LENGTH_MAX) numbers.push(timeMs, units);
  else timeline.numbers = numbers.concat(timeMs, units);
}

/** Adds a count after everything else: constant time. */
export function appendCount(timeline: Timeline, count: Count): void {
  stepCount(newestBaseOf(timeline), timeline.numbers, NEWEST, count);
  timeline.counts = timeline.counts === null ? [count] : timeline.counts.concat(count);
}

/**
 * Adds units at any time of the kept part, or, when they come too late for that, to the folded level.
 *
 * @returns `STOCK_LATE_CHANGE` when the time of the change could not be told exactly
 */
export function insertChange(
  timeline: Timeline,
  timeMs: number,
  units: number,
): 'ok' | 'STOCK_LATE_CHANGE' {
  const { numbers } = timeline;
  const foldedMs = foldedMsOf(timeline);
  if (timeMs <= foldedMs) {
    if (timeMs <= numberAt(numbers, COUNT_MS)) return 'ok';
    stepChange(baseOf(foldedCountOf(timeline)), numbers, FOLDED, { timeMs: foldedMs, units });
    markFolded(numbers, timeMs);
    recompute(timeline);
    return 'STOCK_LATE_CHANGE';
  }
  let at = numbers.length;
  while (at > CHANGES && timeMs < numberAt(numbers, at - PAIR_LENGTH)) at -= PAIR_LENGTH;
  if (at > CHANGES && numbers[at - PAIR_LENGTH] === timeMs) {
    const sum = numberAt(numbers, at - 1) + units;
    if (sum === 0) numbers.splice(at - PAIR_LENGTH, PAIR_LENGTH);
    else numbers[at - 1] = sum;
  } else if (numbers.length > EXACT_LENGTH_MAX) {
    numbers.splice(at, 0, timeMs, units);
  } else {
    timeline.numbers = numbers.slice(0, at).concat(timeMs, units, numbers.slice(at));
  }
  recompute(timeline);
  return 'ok';
}

/**
 * Adds a count at any time.
 *
 * @returns `STOCK_LATE_COUNT` when it fell among folded changes: the timeline is inexact until the
 *   next count
 */
export function insertCount(timeline: Timeline, count: Count): 'ok' | 'STOCK_LATE_COUNT' {
  if (count.timeMs <= foldedMsOf(timeline)) return insertFoldedCount(timeline, count);
  const others = (timeline.counts ?? []).filter(({ timeMs }) => timeMs !== count.timeMs);
  const same = timeline.counts?.find(({ timeMs }) => timeMs === count.timeMs);
  if (same !== undefined && same.eventId > count.eventId) return 'ok';
  timeline.counts = others.concat(count).toSorted((a, b) => a.timeMs - b.timeMs);
  recompute(timeline);
  return 'ok';
}

/** Whether `foldTimeline` would fold anything. */
export function hasFoldable(timeline: Timeline, horizonMs: number): boolean {
  return oldestKeptMs(timeline) < horizonMs || isOverfull(timeline);
}

/**
 * Folds what lies before `horizonMs`, and more when a list has passed its bound.
 *
 * @returns `STOCK_ENTRIES_LIMIT` when a bound made it fold entries that could still have changed
 */
export function foldTimeline(timeline: Timeline, horizonMs: number): 'ok' | 'STOCK_ENTRIES_LIMIT' {
  while (oldestKeptMs(timeline) < horizonMs) foldOldest(timeline);
  const { numbers } = timeline;
  if (numberAt(numbers, COUNT_MS) < horizonMs) timeline.foldedCountId = '';
  if (numbers.length <= EXACT_LENGTH_MAX) timeline.numbers = numbers.slice();
  if (!isOverfull(timeline)) return 'ok';
  foldOldest(timeline);
  return 'STOCK_ENTRIES_LIMIT';
}

function isOverfull({ numbers, counts }: Timeline): boolean {
  return (
    numbers.length > CHANGES + CHANGES_MAX * PAIR_LENGTH ||
    (counts !== null && counts.length > COUNTS_MAX)
  );
}

function oldestKeptMs({ numbers, counts }: Timeline): number {
  const changeMs = numbers[CHANGES] ?? Number.POSITIVE_INFINITY;
  const countMs = counts?.[0]?.timeMs ?? Number.POSITIVE_INFINITY;
  return countMs < changeMs ? countMs : changeMs;
}

/** Folds the oldest kept instant: a count with the changes that it includes, or a change. */
function foldOldest(timeline: Timeline): void {
  const timeMs = oldestKeptMs(timeline);
  const { numbers, counts } = timeline;
  const base = baseOf(foldedCountOf(timeline));
  const count = counts?.[0];
  if (numbers[CHANGES] === timeMs) {
    const units = numberAt(numbers, CHANGES + 1);
    numbers.splice(CHANGES, PAIR_LENGTH);
    if (count?.timeMs !== timeMs) stepChange(base, numbers, FOLDED, { timeMs, units });
  }
  if (count?.timeMs === timeMs) {
    stepCount(base, numbers, FOLDED, count);
    writeFoldedCount(timeline, count);
    numbers[INEXACT] = 0;
    timeline.counts = counts === null || counts.length === 1 ? null : counts.slice(1);
  }
  markFolded(numbers, timeMs);
}

function insertFoldedCount(timeline: Timeline, count: Count): 'ok' | 'STOCK_LATE_COUNT' {
  const { numbers } = timeline;
  const before = foldedCountOf(timeline);
  if (before !== undefined && !isReplacedBy(before, count)) return 'ok';
  const base = baseOf(before);
  const wasOut = isOutAt(base, numbers, FOLDED);
  const isExact = before === undefined && count.timeMs < numberAt(numbers, FOLDED_OLDEST_MS);
  writeFoldedCount(timeline, count);
  if (base === undefined || isOutAt(baseOf(count), numbers, FOLDED) !== wasOut) {
    markSince(baseOf(count), numbers, FOLDED, foldedMsOf(timeline));
  }
  markFolded(numbers, count.timeMs);
  if (!isExact) numbers[INEXACT] = 1;
  recompute(timeline);
  return isExact ? 'ok' : 'STOCK_LATE_COUNT';
}

/** Whether `count` is newer than the folded one; without the id of that, the first to come holds. */
function isReplacedBy(folded: Count, count: Count): boolean {
  if (folded.timeMs !== count.timeMs) return folded.timeMs < count.timeMs;
  return folded.eventId !== '' && folded.eventId < count.eventId;
}

function foldedCountOf({ numbers, foldedCountId }: Timeline): Count | undefined {
  const timeMs = numberAt(numbers, COUNT_MS);
  if (timeMs === 0) return undefined;
  return {
    timeMs,
    eventId: foldedCountId,
    onHand: numberAt(numbers, COUNT_ON_HAND),
    reserved: numberAt(numbers, COUNT_RESERVED),
    safety: numberAt(numbers, COUNT_SAFETY),
  };
}

function writeFoldedCount(timeline: Timeline, count: Count): void {
  const { numbers } = timeline;
  numbers[COUNT_MS] = count.timeMs;
  numbers[COUNT_ON_HAND] = count.onHand;
  numbers[COUNT_RESERVED] = count.reserved;
  numbers[COUNT_SAFETY] = count.safety;
  timeline.foldedCountId = count.eventId;
}

function markFolded(numbers: number[], timeMs: number): void {
  const oldestMs = numberAt(numbers, FOLDED_OLDEST_MS);
  if (oldestMs === 0 || timeMs < oldestMs) numbers[FOLDED_OLDEST_MS] = timeMs;
  if (timeMs > numberAt(numbers, FOLDED_NEWEST_MS)) numbers[FOLDED_NEWEST_MS] = timeMs;
}

function recompute(timeline: Timeline): void {
  const { numbers } = timeline;
  numbers.copyWithin(NEWEST, FOLDED, NEWEST);
  walk(timeline, numbers, NEWEST, undefined);
}

/** Moves the level at `level[at]` over every kept entry; adds each outage that ends to `ended`. */
function walk(timeline: Timeline, level: number[], at: number, ended: Outage[] | undefined): void {
  const { numbers } = timeline;
  const counts = timeline.counts ?? [];
  let base = baseOf(foldedCountOf(timeline));
  let change = CHANGES;
  let count = 0;
  while (change < numbers.length || count < counts.length) {
    const timeMs = numbers[change] ?? Number.POSITIVE_INFINITY;
    const next = counts[count];
    const outage =
      ended !== undefined && isOutAt(base, level, at) ? outageAt(level, at) : undefined;
    if (next !== undefined && next.timeMs <= timeMs) {
      stepCount(base, level, at, next);
      base = baseOf(next);
      count += 1;
      if (next.timeMs === timeMs) change += PAIR_LENGTH;
    } else {
      stepChange(base, level, at, { timeMs, units: numberAt(numbers, change + 1) });
      change += PAIR_LENGTH;
    }
    if (outage !== undefined && !isOutAt(base, level, at)) {
      ended?.push({ ...outage, resolvedMs: numberAt(level, at + SINCE_MS) });
    }
  }
}

/** Units available at the newest count itself, undefined without one. */
function newestBaseOf(timeline: Timeline): number | undefined {
  const { counts, numbers } = timeline;
  if (counts !== null) return baseOf(counts.at(-1));
  if (numberAt(numbers, COUNT_MS) === 0) return undefined;
  return (
    numberAt(numbers, COUNT_ON_HAND) -
    numberAt(numbers, COUNT_RESERVED) -
    numberAt(numbers, COUNT_SAFETY)
  );
}
