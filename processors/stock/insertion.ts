import { type Delivery, withDelivery } from './inbound.ts';
import { type Count, type Instant, markSince, takeCount } from './level.ts';
import {
  COUNT_MS,
  INEXACT,
  IS_BLURRED,
  NEWEST_MS,
  OLDEST_MS,
  type Position,
  RISKS,
  UNITS,
  isCounted,
  isOut,
  slot,
} from './position.ts';
import { CHANGE_LENGTH, type Timeline, grown, rewind } from './timeline.ts';

/**
 * Adds units at any time of the kept part, or, when they come too late for that, to the folded position.
 *
 * @returns `STOCK_LATE_CHANGE` when what it did to the past could not be told exactly
 */
export function insertChange(
  timeline: Timeline,
  { timeMs, units, demand }: Omit<Instant, 'count'>,
): 'ok' | 'STOCK_LATE_CHANGE' {
  rewind(timeline, timeMs);
  const { folded } = timeline;
  if (timeMs <= slot(folded, NEWEST_MS)) {
    blur(folded);
    if (timeMs <= slot(folded, COUNT_MS)) return 'STOCK_LATE_CHANGE';
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
  } else {
    timeline.changes = grown(timeline.changes, [timeMs, units, demand], at);
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
  rewind(timeline, count.timeMs);
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
  rewind(timeline, delivery.timeMs);
  const { inbound, isFull } = withDelivery(timeline.inbound, delivery);
  // What the first announced did, it did to everything.
  if (isFull) timeline.course = null;
  timeline.inbound = inbound;
  if (isFull || delivery.timeMs <= slot(timeline.folded, NEWEST_MS)) blur(timeline.folded);
  return isFull ? 'STOCK_INBOUND_LIMIT' : 'ok';
}

function insertFoldedCount(timeline: Timeline, count: Count): 'ok' | 'STOCK_LATE_COUNT' {
  const { folded } = timeline;
  const isKnown = isCounted(folded);
  if (isKnown && count.timeMs !== slot(folded, COUNT_MS)) blur(folded);
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
  if (!isExact) {
    folded[INEXACT] = 1;
    blur(folded);
  }
  return isExact ? 'ok' : 'STOCK_LATE_COUNT';
}

/** Whether `count` is newer than the folded one; without the id of that, the first to come holds. */
function isReplacedBy({ folded, foldedCountId }: Timeline, count: Count): boolean {
  const foldedMs = slot(folded, COUNT_MS);
  if (foldedMs !== count.timeMs) return foldedMs < count.timeMs;
  return foldedCountId !== '' && foldedCountId < count.eventId;
}

/** What followed from the past may not be exact from now on. */
function blur(folded: Position): void {
  folded[RISKS] = slot(folded, RISKS) | IS_BLURRED;
}
