import {
  type Delivery,
  INBOUND_LENGTH,
  firstAnnouncedAfter,
  inboundAfter,
  withDelivery,
} from './inbound.ts';
import {
  type Count,
  type Instant,
  type Spells,
  addEnded,
  currentSpells,
  lastRisks,
  markSince,
  step,
  takeCount,
} from './level.ts';
import {
  COUNT_MS,
  INEXACT,
  NEWEST_MS,
  OLDEST_MS,
  type Position,
  UNITS,
  createPosition,
  isCounted,
  isOut,
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
  /** The position after everything: recomputable, kept while there is much to recompute. */
  newest: Position | null;
  /** Kept changes as (event time, signed units, units of demand), rising; no instant twice. */
  changes: number[] | null;
  /** Kept counts, rising, no instant twice. */
  counts: Count[] | null;
  /** Announced deliveries; see `Inbound`. By when they were announced, then due. */
  inbound: number[] | null;
  /** Event id of the folded count as long as another count of its instant can arrive, else empty. */
  foldedCountId: string;
}

const CHANGE_LENGTH = 3;

/**
 * Changes kept per SKU × node, 12 KiB: a busy node's day. Beyond it the oldest is folded early, which
 * keeps every sum exact and only blurs where an older late event belongs.
 */
const CHANGES_MAX = 512;

/** Counts kept per SKU × node: one every twenty minutes within the default allowed lateness. */
const COUNTS_MAX = 72;

/** Kept instants from which on the newest position is remembered instead of recomputed. */
const REMEMBERED_FROM = 4;

/** Up to this length a list is copied to grow or shrink, so that it takes no more than it needs: `push` and
 * spreading leave room for sixteen elements more. */
const EXACT_LENGTH_MAX = 48;

/** A timeline of nothing. */
export function createTimeline(): Timeline {
  return {
    folded: createPosition(),
    newest: null,
    changes: null,
    counts: null,
    inbound: null,
    foldedCountId: '',
  };
}

/** How many numbers and counts are held, for the memory bound. */
export function heldOf(timeline: Timeline): { readonly numbers: number; readonly counts: number } {
  const { folded, newest, changes, counts, inbound } = timeline;
  const numbers =
    folded.length + (newest?.length ?? 0) + (changes?.length ?? 0) + (inbound?.length ?? 0);
  return { numbers, counts: counts?.length ?? 0 };
}

/** The position after everything known. The caller does not change it. */
export function newestOf(timeline: Timeline, rules: StockRules): Position {
  if (timeline.newest !== null) return timeline.newest;
  if (timeline.changes === null && timeline.counts === null && !hasNewInbound(timeline)) {
    return timeline.folded;
  }
  const position = timeline.folded.slice();
  walk(timeline, position, rules, undefined);
  const { changes, counts } = timeline;
  const keptCount = (changes?.length ?? 0) / CHANGE_LENGTH + (counts?.length ?? 0);
  if (keptCount >= REMEMBERED_FROM) timeline.newest = position;
  return position;
}

/** Whether a count fell among changes that were folded before, and no count has come since. */
export function isInexact({ folded, counts }: Timeline): boolean {
  return slot(folded, INEXACT) !== 0 && counts === null;
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
  const spells: Spells = { outages: [], risks: lastRisks(timeline.folded) };
  const position = timeline.folded.slice();
  walk(timeline, position, rules, spells);
  return withCurrent(spells, position);
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
  const remembered = newestOf(timeline, rules);
  const position = remembered === timeline.newest ? remembered : remembered.slice();
  const before = currentSpells(position);
  step(position, instant, { rules, inbound: timeline.inbound });
  const { timeMs, units, demand, count } = instant;
  if (count === undefined) {
    timeline.changes = grown(timeline.changes, [timeMs, units, demand]);
  } else {
    timeline.counts = timeline.counts === null ? [count] : timeline.counts.concat(count);
  }
  const spells: Spells = { outages: [], risks: [] };
  addEnded(spells, before, position);
  return withCurrent(spells, position);
}

/**
 * Adds units at any time of the kept part, or, when they come too late for that, to the folded position.
 *
 * @returns `STOCK_LATE_CHANGE` when the time of the change could not be told exactly
 */
export function insertChange(
  timeline: Timeline,
  { timeMs, units, demand }: Omit<Instant, 'count'>,
): 'ok' | 'STOCK_LATE_CHANGE' {
  timeline.newest = null;
  const { folded } = timeline;
  if (timeMs <= slot(folded, NEWEST_MS)) {
    if (timeMs <= slot(folded, COUNT_MS)) return 'ok';
    const wasOut = isOut(folded);
    folded[UNITS] = slot(folded, UNITS) + units;
    if (isOut(folded) !== wasOut) markSince(folded, slot(folded, NEWEST_MS));
    if (timeMs < slot(folded, OLDEST_MS)) folded[OLDEST_MS] = timeMs;
    return 'STOCK_LATE_CHANGE';
  }
  const changes = timeline.changes ?? [];
  let at = changes.length;
  while (at > 0 && timeMs < (changes[at - CHANGE_LENGTH] ?? 0)) at -= CHANGE_LENGTH;
  if (at > 0 && changes[at - CHANGE_LENGTH] === timeMs) {
    const sum = slot(changes, at - 2) + units;
    const demands = slot(changes, at - 1) + demand;
    if (sum === 0 && demands === 0) changes.splice(at - CHANGE_LENGTH, CHANGE_LENGTH);
    else changes.splice(at - 2, 2, sum, demands);
    timeline.changes = changes.length === 0 ? null : changes;
  } else if (at === changes.length) {
    timeline.changes = grown(timeline.changes, [timeMs, units, demand]);
  } else {
    timeline.changes = changes.slice(0, at).concat(timeMs, units, demand, changes.slice(at));
  }
  return 'ok';
}

/**
 * Adds a count at any time.
 *
 * @returns `STOCK_LATE_COUNT` when it fell among folded changes: the timeline is inexact until the
 *   next count
 */
export function insertCount(timeline: Timeline, count: Count): 'ok' | 'STOCK_LATE_COUNT' {
  timeline.newest = null;
  if (count.timeMs <= slot(timeline.folded, NEWEST_MS)) return insertFoldedCount(timeline, count);
  const others = (timeline.counts ?? []).filter(({ timeMs }) => timeMs !== count.timeMs);
  const same = timeline.counts?.find(({ timeMs }) => timeMs === count.timeMs);
  if (same !== undefined && same.eventId > count.eventId) return 'ok';
  timeline.counts = others.concat(count).toSorted((a, b) => a.timeMs - b.timeMs);
  return 'ok';
}

/**
 * Adds an announced delivery.
 *
 * @returns `STOCK_INBOUND_LIMIT` when the first announced had to go
 */
export function insertInbound(
  timeline: Timeline,
  delivery: Delivery,
): 'ok' | 'STOCK_INBOUND_LIMIT' {
  timeline.newest = null;
  const { inbound, isFull } = withDelivery(timeline.inbound, delivery);
  timeline.inbound = inbound;
  return isFull ? 'STOCK_INBOUND_LIMIT' : 'ok';
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
export function foldTimeline(
  timeline: Timeline,
  horizonMs: number,
  rules: StockRules,
): 'ok' | 'STOCK_ENTRIES_LIMIT' {
  const length = timeline.folded.length;
  while (oldestKeptMs(timeline) < horizonMs) foldOldest(timeline, rules);
  if (slot(timeline.folded, COUNT_MS) < horizonMs) timeline.foldedCountId = '';
  if (timeline.folded.length > length) timeline.folded = timeline.folded.slice();
  const { inbound, folded } = timeline;
  timeline.inbound = inboundAfter(inbound, Math.min(horizonMs, slot(folded, NEWEST_MS)));
  const outcome = isOverfull(timeline) ? 'STOCK_ENTRIES_LIMIT' : 'ok';
  if (outcome !== 'ok') foldOldest(timeline, rules);
  if (timeline.changes === null && timeline.counts === null) timeline.newest = null;
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
    folded[INEXACT] = 0;
    timeline.counts = counts === null || counts.length === 1 ? null : counts.slice(1);
  }
}

function insertFoldedCount(timeline: Timeline, count: Count): 'ok' | 'STOCK_LATE_COUNT' {
  const { folded } = timeline;
  const isKnown = isCounted(folded);
  if (isKnown && !isReplacedBy(timeline, count)) return 'ok';
  const wasOut = isOut(folded);
  const isExact = !isKnown && count.timeMs < slot(folded, OLDEST_MS);
  const units = slot(folded, UNITS);
  takeCount(folded, count);
  // What came after it is not known change by change; without a count before, all of it did.
  folded[UNITS] = units;
  timeline.foldedCountId = count.eventId;
  if (!isKnown || isOut(folded) !== wasOut) markSince(folded, slot(folded, NEWEST_MS));
  if (count.timeMs < slot(folded, OLDEST_MS)) folded[OLDEST_MS] = count.timeMs;
  if (!isExact) folded[INEXACT] = 1;
  return isExact ? 'ok' : 'STOCK_LATE_COUNT';
}

/** Whether `count` is newer than the folded one; without the id of that, the first to come holds. */
function isReplacedBy({ folded, foldedCountId }: Timeline, count: Count): boolean {
  const foldedMs = slot(folded, COUNT_MS);
  if (foldedMs !== count.timeMs) return foldedMs < count.timeMs;
  return foldedCountId !== '' && foldedCountId < count.eventId;
}

/** Moves the position over every kept instant; adds each spell that ends to `ended`. */
function walk(
  timeline: Timeline,
  position: Position,
  rules: StockRules,
  ended: Spells | undefined,
): void {
  const changes = timeline.changes ?? [];
  const counts = timeline.counts ?? [];
  const inbound = timeline.inbound ?? [];
  const context = { rules, inbound: timeline.inbound };
  let change = 0;
  let count = 0;
  let delivery = 0;
  const foldedMs = slot(timeline.folded, NEWEST_MS);
  while (delivery < inbound.length && slot(inbound, delivery) <= foldedMs)
    delivery += INBOUND_LENGTH;
  while (change < changes.length || count < counts.length || delivery < inbound.length) {
    const timeMs = Math.min(
      changes[change] ?? Number.POSITIVE_INFINITY,
      counts[count]?.timeMs ?? Number.POSITIVE_INFINITY,
      inbound[delivery] ?? Number.POSITIVE_INFINITY,
    );
    const isChange = changes[change] === timeMs;
    const counted = counts[count]?.timeMs === timeMs ? counts[count] : undefined;
    const before = ended === undefined ? undefined : currentSpells(position);
    step(
      position,
      {
        timeMs,
        count: counted,
        units: isChange ? slot(changes, change + 1) : 0,
        demand: isChange ? slot(changes, change + 2) : 0,
      },
      context,
    );
    if (ended !== undefined && before !== undefined) addEnded(ended, before, position);
    if (isChange) change += CHANGE_LENGTH;
    if (counted !== undefined) count += 1;
    while (inbound[delivery] === timeMs) delivery += INBOUND_LENGTH;
  }
}

function grown(list: number[] | null, more: readonly number[]): number[] {
  if (list === null) return [...more].slice();
  if (list.length <= EXACT_LENGTH_MAX) return list.concat(more);
  list.push(...more);
  return list;
}

function shortened(list: number[], count: number): number[] {
  if (list.length <= EXACT_LENGTH_MAX) return list.slice(count);
  list.splice(0, count);
  return list;
}
