import type { VisitorEvent } from '../../schemas/events/visitor-event.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { HUMAN, type Standing, startOfDay } from '../engine/operator/standing.ts';
import type { BotsConfig } from './config.ts';
import type { Coverage } from './coverage.ts';
import type { VisitorState } from './row.ts';
import { type Session, packSession, unpackSession } from './session.ts';

/** A person's verdict. */
export interface Act {
  readonly occurredMs: number;
  readonly eventId: string;
  readonly isCleared: boolean;
  /** Event time of the behaviour that it is about. */
  readonly aboutMs: number;
}

/** What another stage has found out: evidence, number of its latest change, whether it holds, its time. */
export type Mark = readonly [
  evidence: string,
  revision: number,
  isMarked: boolean,
  aboutMs: number,
];

/** What is known of one visitor: of most one visit, and nothing else. */
export interface Known {
  /** UTC milliseconds of the newest click; 0 until there is one. */
  newestMs: number;
  /** Half of the hash of the address last told to the address stage, with its pane, signed; 0 at first. */
  toldHash: number;
  /** The newest session, packed; empty until there is one. */
  visit: string;
  /** What else there is; null for most. Read it by `historyOf`, change it by `openHistory`. */
  history: History | null;
}

/** What is known of a visitor beside the newest visit. */
export interface History {
  /** Earlier sessions, packed, oldest first; of many the oldest leave, see `settled` and `suspected`. */
  earlier: readonly string[];
  /** What rules, lists and past sessions have said for good. */
  settled: Coverage;
  /** Start and end in UTC milliseconds of past sessions that were suspect, flat, oldest first. */
  suspected: readonly number[];
  marks: readonly Mark[];
  /** In the order in which they were decided. */
  acts: readonly Act[];
  /** When orders were delivered, oldest first. */
  delivered: readonly number[];
  standing: Standing;
}

/** Marks, acts and deliveries kept of one visitor: of more the oldest are forgotten. */
const MARKS_MAX = 16;
const ACTS_MAX = 8;
const DELIVERED_MAX = 8;
/** Of a text in memory, besides its characters, about. */
const TEXT_BYTES = 24;

/** Shared by all who have none: an empty list of one's own takes 16 bytes. */
const NONE: readonly never[] = [];
const NO_HISTORY: Readonly<History> = {
  earlier: NONE,
  settled: NONE,
  suspected: NONE,
  marks: NONE,
  acts: NONE,
  delivered: NONE,
  standing: HUMAN,
};

export function createKnown(): Known {
  return { newestMs: 0, toldHash: 0, visit: '', history: null };
}

export function historyOf({ history }: Known): Readonly<History> {
  return history ?? NO_HISTORY;
}

/** The visitor's own history, for changing. */
export function openHistory(known: Known): History {
  known.history ??= { ...NO_HISTORY };
  return known.history;
}

/** The sessions, oldest first; the caller's own. */
export function sessionsOf(known: Known): Session[] {
  const sessions = historyOf(known).earlier.map(unpackSession);
  if (known.visit !== '') sessions.push(unpackSession(known.visit));
  return sessions;
}

/** Keeps these sessions, oldest first. */
export function keepSessions(known: Known, sessions: readonly Session[]): void {
  const packed = sessions.map(packSession);
  known.visit = packed.pop() ?? '';
  if (packed.length > 0 || historyOf(known).earlier.length > 0) openHistory(known).earlier = packed;
}

/** Takes what a person or another stage says, whatever came before. */
export function takeVisitorEvent(known: Known, event: VisitorEvent): void {
  switch (event.kind) {
    case 'cleared':
    case 'confirmed': {
      const act: Act = {
        occurredMs: event.occurred_at,
        eventId: event.event_id,
        isCleared: event.kind === 'cleared',
        aboutMs: event.about,
      };
      const history = openHistory(known);
      history.acts = newestActs([...history.acts, act]);
      return;
    }
    case 'marked':
    case 'unmarked': {
      const history = openHistory(known);
      const before = history.marks.find(([evidence]) => evidence === event.evidence);
      if (before !== undefined && before[1] >= event.revision) return;
      const mark: Mark = [event.evidence, event.revision, event.kind === 'marked', event.about];
      const others = history.marks.filter((each) => each !== before);
      history.marks = newestMarks([...others, mark]);
      return;
    }
  }
}

/** Takes the time at which an order of the visitor was delivered. */
export function takeDelivery(known: Known, timeMs: number): void {
  const history = openHistory(known);
  history.delivered = newestTimes([...history.delivered, timeMs]);
}

/** Puts what people and other stages have said of two ids together; of one evidence the latest change holds. */
export function mergeHearsay(history: History, other: Readonly<History>): void {
  history.acts = newestActs([...history.acts, ...other.acts]);
  const marks = new Map<string, Mark>();
  for (const mark of [...history.marks, ...other.marks]) {
    const [evidence, revision] = mark;
    const before = marks.get(evidence);
    if (before === undefined || before[1] < revision) marks.set(evidence, mark);
  }
  history.marks = newestMarks([...marks.values()]);
  history.delivered = newestTimes([...history.delivered, ...other.delivered]);
}

/** The state by which people know a visitor. */
export function stateOf({ history }: Known): VisitorState {
  if (history === null) return 'human';
  const { standing, acts } = history;
  if (standing.length === 0 && acts.length === 0) return 'human';
  if (standing.some(({ tier }) => tier !== 0)) return 'bot';
  if (acts.at(-1)?.isCleared === true) return 'cleared';
  return standing.length > 0 ? 'suspect' : 'human';
}

/** The watermark from which on nothing can change what is held of the visitor, nor reach what it did. */
export function knownExpiresAtMs(known: Known, config: BotsConfig): number {
  let endMs = known.newestMs === 0 ? Number.NEGATIVE_INFINITY : known.newestMs;
  const { delivered, standing, marks, acts } = historyOf(known);
  // What orders say of somebody without clicks matters to the next visit.
  const deliveredMs = delivered.at(-1);
  if (deliveredMs !== undefined) endMs = Math.max(endMs, deliveredMs + config.heldMs);
  for (const { untilMs } of standing) endMs = Math.max(endMs, untilMs);
  for (const [, , , aboutMs] of marks) endMs = Math.max(endMs, heldUntilMs(aboutMs, config));
  for (const { aboutMs } of acts) endMs = Math.max(endMs, heldUntilMs(aboutMs, config));
  // New evidence reaches back and may meet what was held before. A day more, as verdicts go by whole
  // days; a minute, as late events are refused by the minute.
  return endMs + config.reachMs + DAY_MS + MINUTE_MS + config.allowedLatenessMs;
}

/** A rough size in memory, bytes: an object of four fields and a text; rarely another of seven, and lists. */
export function knownBytes({ visit, history }: Known): number {
  const bytes = 56 + TEXT_BYTES + visit.length;
  if (history === null) return bytes;
  const { earlier, settled, suspected, delivered, marks, acts, standing } = history;
  const texts = earlier.reduce((sum, { length }) => sum + TEXT_BYTES + length, 0);
  const numbers = 8 * (settled.length + suspected.length + delivered.length);
  return (
    bytes + 80 + texts + numbers + 100 * marks.length + 110 * acts.length + 90 * standing.length
  );
}

/** A clearing holds as long as a verdict would. */
export function heldUntilMs(aboutMs: number, { heldMs }: BotsConfig): number {
  return startOfDay(aboutMs) + DAY_MS + heldMs;
}

function newestActs(acts: readonly Act[]): readonly Act[] {
  return acts.toSorted(byDecision).slice(-ACTS_MAX);
}

function newestMarks(marks: readonly Mark[]): readonly Mark[] {
  return marks.toSorted(byTime).slice(-MARKS_MAX);
}

function newestTimes(timesMs: readonly number[]): readonly number[] {
  return timesMs.toSorted((a, b) => a - b).slice(-DELIVERED_MAX);
}

function byDecision(a: Act, b: Act): number {
  return a.occurredMs - b.occurredMs || (a.eventId < b.eventId ? -1 : 1);
}

function byTime(a: Mark, b: Mark): number {
  return a[3] - b[3] || (a[0] < b[0] ? -1 : 1);
}
