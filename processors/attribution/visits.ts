import type { Click } from '../../schemas/events/click.ts';
import { type Standing, isWithdrawn } from '../engine/operator/standing.ts';
import { type Session, addToSessions, mergedSessions } from '../engine/window/session.ts';
import { CHANNEL, ID, IS_CLICK, TIME, type Touch, indexAfter, isEarlier } from './touch.ts';

/** A visitor's clicks as far as credit can depend on them. */
export interface Visits {
  /** In order of time, ties by event id: clicks of kind `click` and first clicks of sessions. */
  touches: Touch[];
  /** Oldest first; `first` is the event id of the session's first click. */
  sessions: Session<string>[];
}

/** Times of touches: after `afterMs`, up to and including `untilMs`. */
export interface Span {
  readonly afterMs: number;
  readonly untilMs: number;
}

const BY_ID = (a: string, b: string): boolean => a < b;

/** Adds a click that is neither an impression nor a beacon: it may start, extend or join sessions. */
export function addClick(visits: Visits, click: Click, gapMs: number): void {
  const { sessions } = visits;
  const { occurred_at: timeMs, event_id: id } = click;
  const last = sessions.at(-1);
  // Most clicks go on with the last session or start the next; the general case costs more for each.
  if (last === undefined || timeMs > last.endMs + gapMs) {
    const session = { startMs: timeMs, endMs: timeMs, first: id };
    visits.sessions = sessions.toSpliced(sessions.length, 0, session);
  } else if (timeMs > last.startMs) {
    if (timeMs > last.endMs) last.endMs = timeMs;
    if (click.kind !== 'click') return;
  } else {
    addToSessions(sessions, { timeMs, first: id }, { gapMs, isBefore: BY_ID });
    const session = sessions.findLast(({ startMs }) => startMs <= timeMs);
    if (session !== undefined) dropFormerFirsts(visits.touches, session, timeMs);
    if (session?.first !== id && click.kind !== 'click') return;
  }
  insert(visits, [timeMs, id, click.channel, click.campaign ?? '', click.kind === 'click']);
}

/**
 * Newest time at which a click at `timeMs` can change what is a touch or collapses: the end of the
 * sessions that it would extend or join.
 */
export function reachMs(visits: Visits, timeMs: number, gapMs: number): number {
  let newestMs = timeMs;
  for (let index = visits.sessions.length - 1; index >= 0; index -= 1) {
    const session = visits.sessions[index];
    if (session === undefined || session.endMs < timeMs - gapMs) break;
    if (session.startMs <= timeMs + gapMs) newestMs = Math.max(newestMs, session.endMs);
  }
  return newestMs;
}

/**
 * The path that ends at `span.untilMs`: of the newest `touchesMax` touches of the span those that are
 * not withdrawn, where touches of one channel that follow one another in one session are the first of
 * them.
 *
 * The first is the click that brought the visitor; the others are the same visit going on. It also
 * keeps what later clicks of a session add from moving credit between campaigns or ages.
 */
export function pathIn(
  visits: Visits,
  span: Span,
  {
    touchesMax,
    standing,
  }: { readonly touchesMax: number; readonly standing: Standing | undefined },
): Touch[] {
  const { touches } = visits;
  const end = indexAfter(touches, span.untilMs);
  const start = Math.max(indexAfter(touches, span.afterMs), end - touchesMax);
  const path: Touch[] = [];
  let before: Touch | undefined;
  for (let index = start; index < end; index += 1) {
    const touch = touches[index];
    if (touch === undefined) break;
    if (isWithdrawn(standing, touch[TIME])) continue;
    const isRepeat =
      before !== undefined &&
      before[CHANNEL] === touch[CHANNEL] &&
      areInOneSession(visits.sessions, before[TIME], touch[TIME]);
    if (!isRepeat) path.push(touch);
    before = touch;
  }
  return path;
}

/**
 * Drops the oldest touches of `span` beyond `touchesMax`, and sessions that have none left.
 *
 * @returns how many were dropped
 */
export function limitTouches(visits: Visits, span: Span, touchesMax: number): number {
  const { touches } = visits;
  if (touches.length <= touchesMax) return 0;
  const start = indexAfter(touches, span.afterMs);
  const excess = indexAfter(touches, span.untilMs) - start - touchesMax;
  if (excess <= 0) return 0;
  const dropped = touches.splice(start, excess);
  const before = touches[start - 1]?.[TIME] ?? Number.NEGATIVE_INFINITY;
  const next = touches[start]?.[TIME] ?? Number.POSITIVE_INFINITY;
  const oldest = dropped[0]?.[TIME] ?? next;
  visits.sessions = visits.sessions.filter(
    ({ startMs, endMs }) => endMs < oldest || startMs <= before || endMs >= next,
  );
  return excess;
}

/** Drops touches up to and including `untilMs`, and sessions that ended before `sessionsFromMs`. */
export function dropVisits(
  visits: Visits,
  options: { readonly untilMs: number; readonly sessionsFromMs: number },
): void {
  const count = indexAfter(visits.touches, options.untilMs);
  if (count > 0) visits.touches.splice(0, count);
  const oldest = visits.sessions[0];
  if (oldest === undefined || oldest.endMs >= options.sessionsFromMs) return;
  visits.sessions = visits.sessions.filter(({ endMs }) => endMs >= options.sessionsFromMs);
}

/** Makes `visits` what it would be if the clicks of both had come to it. */
export function mergeVisits(visits: Visits, other: Visits, gapMs: number): void {
  const sessions = mergedSessions(visits.sessions, other.sessions, { gapMs, isBefore: BY_ID });
  const touches = [...visits.touches, ...other.touches].toSorted((a, b) =>
    isEarlier(a, b) ? -1 : 1,
  );
  // A session may have been going on elsewhere when it seemed to start: then its first click is no touch.
  visits.touches = touches.filter((touch) => {
    if (touch[IS_CLICK]) return true;
    const session = sessions.findLast(({ startMs }) => startMs <= touch[TIME]);
    return session === undefined || session.endMs < touch[TIME] || session.first === touch[ID];
  });
  visits.sessions = sessions;
}

/** A session that now starts earlier has a new first click; the former ones were touches for that alone. */
function dropFormerFirsts(touches: Touch[], session: Session<string>, timeMs: number): void {
  for (let index = touches.length - 1; index >= 0; index -= 1) {
    const touch = touches[index];
    if (touch === undefined || touch[TIME] < timeMs) return;
    const isFormer =
      touch[TIME] <= session.endMs && !touch[IS_CLICK] && touch[ID] !== session.first;
    if (isFormer) touches.splice(index, 1);
  }
}

function insert(visits: Visits, touch: Touch): void {
  const { touches } = visits;
  let index = touches.length;
  while (index > 0) {
    const before = touches[index - 1];
    if (before === undefined || isEarlier(before, touch)) break;
    index -= 1;
  }
  // A new array is as long as its elements; a pushed or spread one has room for 16 more, and most
  // visitors have one or two touches.
  visits.touches = touches.toSpliced(index, 0, touch);
}

function areInOneSession(
  sessions: readonly Session<string>[],
  earlierMs: number,
  laterMs: number,
): boolean {
  const session = sessions.findLast(({ startMs }) => startMs <= earlierMs);
  return session !== undefined && session.endMs >= laterMs;
}
