import { PackReader, PackWriter } from '../../schemas/packed.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { FEATURE, REGULAR_GAPS_MIN, rhythmOf } from './score.ts';

/**
 * One visit, as far as its score depends on it: start and end in UTC milliseconds, number of requests,
 * flags, the times of the first requests as offsets from the start, then pairs of half minute and number
 * of further requests. A function of the set of its clicks. In the state it is packed.
 */
export type Session = number[];

const START = 0;
const END = 1;
const COUNT = 2;
const FLAGS = 3;
const OFFSETS = 4;

/** Requests whose times are kept: enough for a rhythm of eleven gaps. */
const TIMES_MAX = 12;
const PANE_MS = 30 * SECOND_MS;
/** More requests than this in two half minutes are more than one a second. */
const FAST_REQUESTS = MINUTE_MS / SECOND_MS;
/** Half minutes kept beyond the first requests: sixteen minutes with requests say enough about a rate. */
const PANES_MAX = 32;

/** What clicks of a session have shown, as bits of its flags. */
export const FLAG = {
  beacon: 1,
  asset: 2,
  robots: 4,
  referrer: 8,
  dataCentre: 16,
  signedIn: 32,
  pointer: 64,
  allowed: 128,
  scriptUnknown: 256,
  suspect: 512,
  bot: 1_024,
} as const;

/** What the score has made of a session; it goes when the session changes. */
const VERDICT_FLAGS = FLAG.suspect | FLAG.bot;

/** A click as a session takes it. */
export interface Step {
  readonly timeMs: number;
  /** Whether it asks for something; scripts that report and files that pages load along do not. */
  readonly isRequest: boolean;
  readonly flags: number;
}

export function startOf(session: Session): number {
  return session[START] ?? 0;
}

export function endOf(session: Session): number {
  return session[END] ?? 0;
}

export function hasFlag(session: Session, flag: number): boolean {
  return ((session[FLAGS] ?? 0) & flag) !== 0;
}

/** A session of one click. */
export function sessionOf({ timeMs, isRequest, flags }: Step): Session {
  return isRequest ? [timeMs, timeMs, 1, flags, 0] : [timeMs, timeMs, 0, flags];
}

const writer = new PackWriter();
const reader = new PackReader();

/** The session as it lies in the state: most visitors are one visit, which takes 60 bytes and not 180. */
export function packSession(session: Session): string {
  const start = startOf(session);
  writer.number(start);
  writer.number(endOf(session) - start);
  writer.number(session[COUNT] ?? 0);
  writer.number(session[FLAGS] ?? 0);
  const panesAt = OFFSETS + Math.min(requestsOf(session), TIMES_MAX);
  let before = 0;
  for (let at = OFFSETS; at < panesAt; at += 1) {
    const offset = session[at] ?? 0;
    writer.number(offset - before);
    before = offset;
  }
  let pane = Math.floor(start / PANE_MS);
  for (let at = panesAt; at < session.length; at += 2) {
    writer.number((session[at] ?? 0) - pane);
    writer.number(session[at + 1] ?? 0);
    pane = session[at] ?? 0;
  }
  return writer.take();
}

/** What `packSession` packed; the caller's own. */
export function unpackSession(packed: string): Session {
  reader.open(packed);
  const start = reader.number();
  const end = start + reader.number();
  const count = reader.number();
  const session: Session = [start, end, count, reader.number()];
  let offset = 0;
  for (let times = Math.min(count, TIMES_MAX); times > 0; times -= 1) {
    offset += reader.number();
    session.push(offset);
  }
  let pane = Math.floor(start / PANE_MS);
  while (reader.hasMore()) {
    pane += reader.number();
    session.push(pane, reader.number());
  }
  return session;
}

/**
 * Takes a click into the session, wherever between its clicks it belongs. The session must be the only
 * one that the click is near to; if not, `joined` makes one of several.
 */
export function insert(session: Session, { timeMs, isRequest, flags }: Step): void {
  const count = requestsOf(session);
  const times = Math.min(count, TIMES_MAX);
  const start = startOf(session);
  if (timeMs < start) {
    session[START] = timeMs;
    for (let at = OFFSETS; at < OFFSETS + times; at += 1) {
      session[at] = (session[at] ?? 0) + start - timeMs;
    }
  }
  if (timeMs > endOf(session)) session[END] = timeMs;
  session[FLAGS] = (session[FLAGS] ?? 0) | flags;
  if (!isRequest) return;
  session[COUNT] = count + 1;
  const offset = timeMs - startOf(session);
  let at = OFFSETS + times;
  while (at > OFFSETS && (session[at - 1] ?? 0) > offset) at -= 1;
  if (count < TIMES_MAX) {
    session.push(0);
    session.copyWithin(at + 1, at, OFFSETS + times);
    session[at] = offset;
    return;
  }
  let overflowMs = timeMs;
  if (at < OFFSETS + TIMES_MAX) {
    const last = OFFSETS + TIMES_MAX - 1;
    overflowMs = startOf(session) + (session[last] ?? 0);
    session.copyWithin(at + 1, at, last);
    session[at] = offset;
  }
  addToPanes(session, Math.floor(overflowMs / PANE_MS));
}

/** Counts a request beyond the first ones; of too many half minutes the latest go. */
function addToPanes(session: Session, pane: number): void {
  const first = OFFSETS + TIMES_MAX;
  let at = session.length;
  while (at > first && (session[at - 2] ?? 0) > pane) at -= 2;
  if (at > first && session[at - 2] === pane) {
    session[at - 1] = (session[at - 1] ?? 0) + 1;
    return;
  }
  if (at === first + 2 * PANES_MAX) return;
  session.splice(at, 0, pane, 1);
  if (session.length > first + 2 * PANES_MAX) session.length = first + 2 * PANES_MAX;
}

/** Writes down what the score makes of the session: 0, `FLAG.suspect` or `FLAG.bot`. */
export function setVerdict(session: Session, verdict: number): void {
  session[FLAGS] = ((session[FLAGS] ?? 0) & ~VERDICT_FLAGS) | verdict;
}

/** 0, `FLAG.suspect` or `FLAG.bot`. */
export function verdictOf(session: Session): number {
  return (session[FLAGS] ?? 0) & VERDICT_FLAGS;
}

/** Requests so far. */
export function requestsOf(session: Session): number {
  return session[COUNT] ?? 0;
}

/** Two sessions, or a session and a click as one, together; `insert` does the latter in place. */
export function joined(a: Session, b: Session): Session {
  const start = Math.min(startOf(a), startOf(b));
  const times = [...timesOf(a), ...timesOf(b)].toSorted((one, other) => one - other);
  const panes = new Map(panesOf(a));
  for (const [pane, count] of panesOf(b)) panes.set(pane, (panes.get(pane) ?? 0) + count);
  for (const timeMs of times.splice(TIMES_MAX)) {
    const pane = Math.floor(timeMs / PANE_MS);
    panes.set(pane, (panes.get(pane) ?? 0) + 1);
  }
  const kept = [...panes].toSorted(([one], [other]) => one - other).slice(0, PANES_MAX);
  return [
    start,
    Math.max(endOf(a), endOf(b)),
    requestsOf(a) + requestsOf(b),
    (a[FLAGS] ?? 0) | (b[FLAGS] ?? 0),
    ...times.map((timeMs) => timeMs - start),
    ...kept.flat(),
  ];
}

/**
 * What the session shows so far, as a set of features.
 *
 * @param past when orders of the visitor were delivered, and for how long that speaks for them
 */
export function featuresOf(
  session: Session,
  past: { readonly delivered: readonly number[]; readonly heldMs: number },
): number {
  const flags = session[FLAGS] ?? 0;
  const count = requestsOf(session);
  let features = 0;
  if ((flags & FLAG.dataCentre) !== 0) features |= FEATURE.data_centre;
  if ((flags & (FLAG.beacon | FLAG.scriptUnknown)) === 0) features |= FEATURE.no_beacon;
  if ((flags & FLAG.asset) === 0) features |= FEATURE.no_assets;
  if ((flags & FLAG.robots) !== 0) features |= FEATURE.robots;
  if ((flags & FLAG.signedIn) !== 0) features |= FEATURE.signed_in;
  if ((flags & FLAG.pointer) !== 0) features |= FEATURE.pointer;
  if (count === 1 && (flags & FLAG.referrer) === 0) features |= FEATURE.one_hit;
  if (count > REGULAR_GAPS_MIN) features |= rhythmOf(gapsOf(session));
  if (count > FAST_REQUESTS && isFast(session)) features |= FEATURE.fast;
  const start = startOf(session);
  for (const timeMs of past.delivered) {
    if (timeMs < start && timeMs >= start - past.heldMs) features |= FEATURE.delivered;
  }
  return features;
}

/** Between the first requests, milliseconds. */
function gapsOf(session: Session): readonly number[] {
  const gaps: number[] = [];
  const end = OFFSETS + Math.min(requestsOf(session), TIMES_MAX);
  for (let at = OFFSETS + 1; at < end; at += 1) {
    gaps.push((session[at] ?? 0) - (session[at - 1] ?? 0));
  }
  return gaps;
}

/** More than one request a second over a minute, seen by half minutes. */
function isFast(session: Session): boolean {
  const panesAt = OFFSETS + Math.min(requestsOf(session), TIMES_MAX);
  let pane = 0;
  let [count, countBefore] = [0, 0];
  // In order of time: the first requests one by one, then the half minutes of the others.
  for (let at = OFFSETS; at < session.length; at += at < panesAt ? 1 : 2) {
    const isOne = at < panesAt;
    const next = isOne
      ? Math.floor((startOf(session) + (session[at] ?? 0)) / PANE_MS)
      : session[at];
    if (next !== pane) {
      countBefore = next === pane + 1 ? count : 0;
      count = 0;
      pane = next ?? 0;
    }
    count += isOne ? 1 : (session[at + 1] ?? 0);
    if (countBefore + count > FAST_REQUESTS) return true;
  }
  return false;
}

function timesOf(session: Session): number[] {
  const start = startOf(session);
  return session
    .slice(OFFSETS, OFFSETS + Math.min(requestsOf(session), TIMES_MAX))
    .map((offset) => start + offset);
}

function panesOf(session: Session): readonly (readonly [number, number])[] {
  const panes: [number, number][] = [];
  const first = OFFSETS + Math.min(requestsOf(session), TIMES_MAX);
  for (let at = first; at < session.length; at += 2) {
    panes.push([session[at] ?? 0, session[at + 1] ?? 0]);
  }
  return panes;
}
