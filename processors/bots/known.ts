import type { VisitorEvent } from '../../schemas/events/visitor-event.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { HUMAN, type Standing, startOfDay } from '../engine/operator/standing.ts';
import type { BotsConfig } from './config.ts';
import type { Coverage } from './coverage.ts';
import type { VisitorState } from './row.ts';
import type { Session } from './session.ts';

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

/** What is known of one visitor. Of most there is one visit and nothing else. */
export interface Known {
  /** UTC milliseconds of the newest click; 0 until there is one. */
  newestMs: number;
  /** Oldest first; of many the oldest leave, see `settled` and `suspected`. */
  sessions: readonly Session[];
  /** What rules, lists and past sessions have said for good. */
  settled: Coverage;
  /** Start and end in UTC milliseconds of past sessions that were suspect, flat, oldest first. */
  suspected: readonly number[];
  marks: readonly Mark[];
  /** In the order in which they were decided. */
  acts: readonly Act[];
  /** When orders were delivered, oldest first. */
  delivered: readonly number[];
  /** Half of the hash of the address last told to the address stage, with its pane, signed; 0 at first. */
  toldHash: number;
  standing: Standing;
}

/** Marks, acts and deliveries kept of one visitor: of more the oldest are forgotten. */
const MARKS_MAX = 16;
const ACTS_MAX = 8;
const DELIVERED_MAX = 8;

/** Shared by all visitors who have none: an empty list of one's own takes 16 bytes. */
const NONE: readonly never[] = [];

export function createKnown(): Known {
  return {
    newestMs: 0,
    sessions: NONE,
    settled: NONE,
    suspected: NONE,
    marks: NONE,
    acts: NONE,
    delivered: NONE,
    toldHash: 0,
    standing: HUMAN,
  };
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
      known.acts = newestActs([...known.acts, act]);
      return;
    }
    case 'marked':
    case 'unmarked': {
      const before = known.marks.find(([evidence]) => evidence === event.evidence);
      if (before !== undefined && before[1] >= event.revision) return;
      const mark: Mark = [event.evidence, event.revision, event.kind === 'marked', event.about];
      const others = known.marks.filter((each) => each !== before);
      known.marks = newestMarks([...others, mark]);
      return;
    }
  }
}

/** Takes the time at which an order of the visitor was delivered. */
export function takeDelivery(known: Known, timeMs: number): void {
  known.delivered = newestTimes([...known.delivered, timeMs]);
}

/** Puts what people and other stages have said of two ids together; of one evidence the latest change holds. */
export function mergeHearsay(known: Known, other: Known): void {
  known.acts = newestActs([...known.acts, ...other.acts]);
  const marks = new Map<string, Mark>();
  for (const mark of [...known.marks, ...other.marks]) {
    const [evidence, revision] = mark;
    const before = marks.get(evidence);
    if (before === undefined || before[1] < revision) marks.set(evidence, mark);
  }
  known.marks = newestMarks([...marks.values()]);
  known.delivered = newestTimes([...known.delivered, ...other.delivered]);
}

/** The state by which people know a visitor. */
export function stateOf({ standing, acts }: Pick<Known, 'standing' | 'acts'>): VisitorState {
  if (standing.length === 0 && acts.length === 0) return 'human';
  if (standing.some(({ tier }) => tier !== 0)) return 'bot';
  if (acts.at(-1)?.isCleared === true) return 'cleared';
  return standing.length > 0 ? 'suspect' : 'human';
}

/** The watermark from which on nothing can change what is held of the visitor, nor reach what it did. */
export function knownExpiresAtMs(known: Known, config: BotsConfig): number {
  let endMs = known.newestMs === 0 ? Number.NEGATIVE_INFINITY : known.newestMs;
  // What orders say of somebody without clicks matters to the next visit.
  const deliveredMs = known.delivered.at(-1);
  if (deliveredMs !== undefined) endMs = Math.max(endMs, deliveredMs + config.heldMs);
  for (const { untilMs } of known.standing) endMs = Math.max(endMs, untilMs);
  for (const [, , , aboutMs] of known.marks) endMs = Math.max(endMs, heldUntilMs(aboutMs, config));
  for (const { aboutMs } of known.acts) endMs = Math.max(endMs, heldUntilMs(aboutMs, config));
  // New evidence reaches back and may meet what was held before. A day more, as verdicts go by whole
  // days; a minute, as late events are refused by the minute.
  return endMs + config.reachMs + DAY_MS + MINUTE_MS + config.allowedLatenessMs;
}

/** A rough size in memory, bytes: an object of nine fields, and lists of numbers. */
export function knownBytes(known: Known): number {
  let bytes = 96;
  for (const session of known.sessions) bytes += 24 + 8 * session.length;
  bytes += 8 * (known.settled.length + known.suspected.length + known.delivered.length);
  return bytes + 100 * known.marks.length + 110 * known.acts.length + 90 * known.standing.length;
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
