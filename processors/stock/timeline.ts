import {
  type Course,
  advanceCourse,
  foldedCourse,
  heldOfCourse,
  rewindCourse,
  startCourse,
} from './course.ts';
import { INBOUND_KEPT, INBOUND_LENGTH, firstAnnouncedAfter, inboundAfter } from './inbound.ts';
import { type Count, type Instant, type Spells, addEnded, currentSpells, step } from './level.ts';
import {
  COUNT_MS,
  INEXACT,
  IS_BLURRED,
  NEWEST_MS,
  type Position,
  RISKS,
  createPosition,
  slot,
} from './position.ts';
import type { StockRules } from './risk.ts';

/**
 * What happened to the stock of one SKU × node, by event time. The oldest part is folded into one
 * position; the part that late events can still change is kept entry by entry. The order of arrival
 * leaves no trace in it: several changes of one instant are one sum, of several counts of one instant
 * the one with the greatest event id holds, and a count includes the changes of its own instant.
 */
export interface Timeline {
  /** The position at the end of the folded part. */
  folded: Position;
  /** What follows from the kept part: recomputable, kept while there is much to recompute. */
  course: Course | null;
  /** Kept changes as (event time, signed units, units of demand), rising; no instant twice. */
  changes: number[] | null;
  /** Kept counts, rising, no instant twice. */
  counts: Count[] | null;
  /** Announced deliveries; see `Inbound`. By when they were announced, then due. */
  inbound: number[] | null;
  /** Event id of the folded count as long as another count of its instant can arrive, else empty. */
  foldedCountId: string;
}

/** Numbers of one change. */
export const CHANGE_LENGTH = 3;

/**
 * Changes and counts kept per SKU × node whatever their age: 12 KiB, a count every twenty minutes of the
 * default allowed lateness. More are kept only as long as what is older than the newest by the allowed
 * lateness: an import does not move the watermark, and without this a node would keep all of its history.
 */
const CHANGES_KEPT = 512;
const COUNTS_KEPT = 72;

/**
 * Changes kept per SKU × node at most, 200 KiB: nearly six a minute for the default allowed lateness. Beyond
 * it the oldest is folded early, which keeps every sum exact and only blurs where an older late event belongs.
 */
const CHANGES_MAX = 8_192;

/** Counts kept per SKU × node at most: one every two and a half minutes of the default allowed lateness. */
const COUNTS_MAX = 576;

/** Kept instants from which on the course is remembered instead of recomputed. */
const REMEMBERED_FROM = 4;

/** Up to this length a list is copied to grow or shrink, so that it takes no more than it needs: `push` and
 * spreading leave room for sixteen elements more. */
const EXACT_LENGTH_MAX = 48;

/** A timeline of nothing. */
export function createTimeline(): Timeline {
  return {
    folded: createPosition(),
    course: null,
    changes: null,
    counts: null,
    inbound: null,
    foldedCountId: '',
  };
}

/** How many numbers and counts are held, for the memory bound. */
export function heldOf(timeline: Timeline): { readonly numbers: number; readonly counts: number } {
  const { folded, course, changes, counts, inbound } = timeline;
  const ofCourse = course === null ? 0 : heldOfCourse(course);
  const numbers = folded.length + ofCourse + (changes?.length ?? 0) + (inbound?.length ?? 0);
  return { numbers, counts: counts?.length ?? 0 };
}

/** The position after everything known. The caller does not change it. */
export function newestOf(timeline: Timeline, rules: StockRules): Position {
  const { changes, counts, folded } = timeline;
  if (changes === null && counts === null && !hasNewInbound(timeline)) return folded;
  return courseOf(timeline, rules).newest;
}

/** Whether a count fell among changes that were folded before, and no count has come since. */
export function isInexact({ folded, counts }: Timeline): boolean {
  return slot(folded, INEXACT) !== 0 && counts === null;
}

/** Whether nothing ever came when what happened around it had been folded. */
export function isExact({ folded }: Timeline): boolean {
  return (slot(folded, RISKS) & IS_BLURRED) === 0;
}

/** The event time of the newest count, −Infinity without one. */
export function newestCountMsOf({ counts, folded }: Timeline): number {
  const countMs = counts?.at(-1)?.timeMs ?? slot(folded, COUNT_MS);
  return countMs === 0 ? Number.NEGATIVE_INFINITY : countMs;
}

/** The event time of the newest change, count or announcement, −Infinity without one. */
export function newestMsOf({ changes, counts, inbound, folded }: Timeline): number {
  const foldedMs = slot(folded, NEWEST_MS);
  const inboundMs = inbound?.[inbound.length - INBOUND_LENGTH] ?? 0;
  const changeMs = changes === null ? 0 : (changes[changes.length - CHANGE_LENGTH] ?? 0);
  const newestMs = Math.max(foldedMs, changeMs, counts?.at(-1)?.timeMs ?? 0, inboundMs);
  return newestMs === 0 ? Number.NEGATIVE_INFINITY : newestMs;
}

/** The newest folded instant, −Infinity without one: entries at or before it can not be placed exactly. */
export function foldedMsOf({ folded }: Timeline): number {
  const foldedMs = slot(folded, NEWEST_MS);
  return foldedMs === 0 ? Number.NEGATIVE_INFINITY : foldedMs;
}

/** Every spell that overlaps the kept part or can come back in it, oldest first. */
export function spellsOf(timeline: Timeline, rules: StockRules): Spells {
  const { ended, newest } = courseOf(timeline, rules);
  return withCurrent(ended, newest);
}

/** Whether an entry at `timeMs` comes after everything known, announcements included. */
export function isAfterEverything(timeline: Timeline, timeMs: number): boolean {
  const { changes, counts, inbound, folded } = timeline;
  if (timeMs <= slot(folded, NEWEST_MS)) return false;
  if (changes !== null && timeMs <= (changes[changes.length - CHANGE_LENGTH] ?? 0)) return false;
  if (counts !== null && timeMs <= (counts.at(-1)?.timeMs ?? 0)) return false;
  return inbound === null || timeMs > (inbound[inbound.length - INBOUND_LENGTH] ?? 0);
}

/**
 * Adds an instant with units or a count after everything else.
 *
 * @returns the spells that it ended and those that go on after it
 */
export function append(timeline: Timeline, instant: Instant, rules: StockRules): Spells {
  const course = courseOf(timeline, rules);
  const before = currentSpells(course.newest);
  advanceCourse(course, instant, { rules, inbound: timeline.inbound });
  const { timeMs, units, demand, count } = instant;
  if (count === undefined) {
    timeline.changes = grown(timeline.changes, [timeMs, units, demand]);
  } else {
    timeline.counts = timeline.counts === null ? [count] : timeline.counts.concat(count);
  }
  const spells: Spells = { outages: [], risks: [] };
  addEnded(spells, before, course.newest);
  return withCurrent(spells, course.newest);
}

/** What can no longer arrive. */
export interface Horizon {
  /** Event times before it can not. */
  readonly horizonMs: number;
  /** How far behind the newest an event can be, unless it belongs to an import that is out of order. */
  readonly latenessMs: number;
}

/** Whether `foldTimeline` would fold anything. */
export function hasFoldable(timeline: Timeline, horizon: Horizon): boolean {
  return oldestKeptMs(timeline) < horizonOf(timeline, horizon) || isOverfull(timeline);
}

/**
 * Folds what lies before the horizon, and more when a list has passed its bound.
 *
 * @returns `STOCK_ENTRIES_LIMIT` when a bound made it fold entries that could still have changed
 */
export function foldTimeline(
  timeline: Timeline,
  horizon: Horizon,
  rules: StockRules,
): 'ok' | 'STOCK_ENTRIES_LIMIT' {
  const length = timeline.folded.length;
  while (oldestKeptMs(timeline) < horizonOf(timeline, horizon)) foldOldest(timeline, rules);
  const horizonMs = horizonOf(timeline, horizon);
  if (slot(timeline.folded, COUNT_MS) < horizonMs) timeline.foldedCountId = '';
  if (timeline.folded.length > length) timeline.folded = timeline.folded.slice();
  const { inbound, folded } = timeline;
  timeline.inbound = inboundAfter(inbound, Math.min(horizonMs, slot(folded, NEWEST_MS)));
  const outcome = isOverfull(timeline) ? 'STOCK_ENTRIES_LIMIT' : 'ok';
  if (outcome !== 'ok') foldOldest(timeline, rules);
  timeline.course = timeline.course === null ? null : foldedCourse(timeline.course, folded);
  return outcome;
}

/** The spells that ended with those that go on; a risk that came back is one spell with the one before. */
function withCurrent(ended: Spells, position: Position): Spells {
  const { outages, risks } = currentSpells(position);
  const openedMs = risks[0]?.openedMs;
  return {
    outages: [...ended.outages, ...outages],
    risks: [...ended.risks.filter((risk) => risk.openedMs !== openedMs), ...risks],
  };
}

/** Where to fold to: while much is kept, what is older than the newest by the allowed lateness goes too. */
function horizonOf(timeline: Timeline, { horizonMs, latenessMs }: Horizon): number {
  const { changes, counts, inbound } = timeline;
  const isLong =
    (changes !== null && changes.length > CHANGES_KEPT * CHANGE_LENGTH) ||
    (counts !== null && counts.length > COUNTS_KEPT) ||
    (inbound !== null && inbound.length > INBOUND_KEPT * INBOUND_LENGTH);
  return isLong ? Math.max(horizonMs, newestMsOf(timeline) - latenessMs) : horizonMs;
}

function isOverfull({ changes, counts }: Timeline): boolean {
  return (
    (changes !== null && changes.length > CHANGES_MAX * CHANGE_LENGTH) ||
    (counts !== null && counts.length > COUNTS_MAX)
  );
}

function oldestKeptMs(timeline: Timeline): number {
  const { changes, counts } = timeline;
  const changeMs = changes?.[0] ?? Number.POSITIVE_INFINITY;
  const countMs = counts?.[0]?.timeMs ?? Number.POSITIVE_INFINITY;
  const inboundMs = firstAnnouncedAfter(timeline.inbound, slot(timeline.folded, NEWEST_MS));
  return Math.min(changeMs, countMs, inboundMs);
}

function hasNewInbound({ inbound, folded }: Timeline): boolean {
  return firstAnnouncedAfter(inbound, slot(folded, NEWEST_MS)) !== Number.POSITIVE_INFINITY;
}

/** Folds the oldest kept instant. */
function foldOldest(timeline: Timeline, rules: StockRules): void {
  const timeMs = oldestKeptMs(timeline);
  const { changes, counts, folded } = timeline;
  const count = counts?.[0]?.timeMs === timeMs ? counts[0] : undefined;
  const isChange = changes?.[0] === timeMs;
  step(
    folded,
    {
      timeMs,
      count,
      units: isChange ? slot(changes, 1) : 0,
      demand: isChange ? slot(changes, 2) : 0,
    },
    { rules, inbound: timeline.inbound },
  );
  if (isChange) {
    timeline.changes = changes.length === CHANGE_LENGTH ? null : shortened(changes, CHANGE_LENGTH);
  }
  if (count !== undefined) {
    timeline.foldedCountId = count.eventId;
    timeline.counts = counts === null || counts.length === 1 ? null : counts.slice(1);
  }
}

/** Makes room in what is remembered for something that changes at `timeMs`. */
export function rewind(timeline: Timeline, timeMs: number): void {
  const { course, folded } = timeline;
  if (course === null) return;
  if (timeMs <= slot(folded, NEWEST_MS)) timeline.course = null;
  else rewindCourse(course, timeMs, folded);
}

/** The course over everything known. It is the timeline's own while much is kept. */
function courseOf(timeline: Timeline, rules: StockRules): Course {
  const course = timeline.course ?? startCourse(timeline.folded);
  advanceOverKept(course, timeline, rules);
  const { changes, counts } = timeline;
  const keptCount = (changes?.length ?? 0) / CHANGE_LENGTH + (counts?.length ?? 0);
  if (keptCount >= REMEMBERED_FROM) timeline.course = course;
  return course;
}

/** Moves the course over every kept instant that it has not passed. */
function advanceOverKept(course: Course, timeline: Timeline, rules: StockRules): void {
  const passedMs = slot(course.newest, NEWEST_MS);
  const changes = timeline.changes ?? [];
  const counts = timeline.counts ?? [];
  const inbound = timeline.inbound ?? [];
  const context = { rules, inbound: timeline.inbound };
  let change = changes.length;
  while (slot(changes, change - CHANGE_LENGTH) > passedMs) change -= CHANGE_LENGTH;
  let count = counts.length;
  while ((counts[count - 1]?.timeMs ?? 0) > passedMs) count -= 1;
  let delivery = inbound.length;
  while (slot(inbound, delivery - INBOUND_LENGTH) > passedMs) delivery -= INBOUND_LENGTH;
  while (change < changes.length || count < counts.length || delivery < inbound.length) {
    const timeMs = Math.min(
      changes[change] ?? Number.POSITIVE_INFINITY,
      counts[count]?.timeMs ?? Number.POSITIVE_INFINITY,
      inbound[delivery] ?? Number.POSITIVE_INFINITY,
    );
    const isChange = changes[change] === timeMs;
    const counted = counts[count]?.timeMs === timeMs ? counts[count] : undefined;
    const instant = {
      timeMs,
      count: counted,
      units: isChange ? slot(changes, change + 1) : 0,
      demand: isChange ? slot(changes, change + 2) : 0,
    };
    advanceCourse(course, instant, context);
    if (isChange) change += CHANGE_LENGTH;
    if (counted !== undefined) count += 1;
    while (inbound[delivery] === timeMs) delivery += INBOUND_LENGTH;
  }
}

/** The list with more at `at`, which is its end unless it is given. */
export function grown(
  list: number[] | null,
  more: readonly number[],
  at = list?.length ?? 0,
): number[] {
  if (list === null) return [...more].slice();
  if (list.length <= EXACT_LENGTH_MAX) return list.slice(0, at).concat(more, list.slice(at));
  if (at === list.length) list.push(...more);
  else list.splice(at, 0, ...more);
  return list;
}

function shortened(list: number[], count: number): number[] {
  if (list.length <= EXACT_LENGTH_MAX) return list.slice(count);
  list.splice(0, count);
  return list;
}
