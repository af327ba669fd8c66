import type { VisitorEvent } from '../../schemas/events/visitor-event.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import {
  HUMAN,
  type Standing,
  type StandingSpan,
  startOfDay,
} from '../engine/operator/standing.ts';
import type { BotsConfig } from './config.ts';
import { type Coverage, STRETCH_WIDTH, startingAt, withEvidence } from './coverage.ts';
import { TIER_OF_REASON, placeOf, reasonAt } from './reason.ts';
import type { VisitorState } from './row.ts';

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

/** What is known of one visitor. Of most there is a time and nothing else. */
export interface Known {
  /** UTC milliseconds of the newest click; 0 until there is one. */
  newestMs: number;
  /** What rules and lists have said. */
  listed: Coverage;
  marks: readonly Mark[];
  /** In the order in which they were decided. */
  acts: readonly Act[];
  standing: Standing;
}

/** Marks and acts kept of one visitor: of more the oldest are forgotten. */
const MARKS_MAX = 16;
const ACTS_MAX = 8;

export function createKnown(): Known {
  return { newestMs: 0, listed: [], marks: [], acts: [], standing: HUMAN };
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
      known.acts = [...known.acts, act].toSorted(byDecision).slice(-ACTS_MAX);
      return;
    }
    case 'marked':
    case 'unmarked': {
      const before = known.marks.find(([evidence]) => evidence === event.evidence);
      if (before !== undefined && before[1] >= event.revision) return;
      const mark: Mark = [event.evidence, event.revision, event.kind === 'marked', event.about];
      const others = known.marks.filter((each) => each !== before);
      known.marks = [...others, mark].toSorted(byTime).slice(-MARKS_MAX);
      return;
    }
  }
}

/** Works the standing out anew; the same array when it is as before. */
export function judge(known: Known, config: BotsConfig): void {
  let coverage = known.listed;
  for (const [, , isMarked, aboutMs] of known.marks) {
    if (!isMarked) continue;
    const evidence = { fromMs: aboutMs, toMs: aboutMs, place: placeOf('address') };
    coverage = withEvidence(coverage, evidence, config);
  }
  for (const { isCleared, aboutMs } of known.acts) {
    const evidence = { fromMs: aboutMs, toMs: aboutMs, place: placeOf('person') };
    coverage = isCleared
      ? startingAt(coverage, heldUntilMs(aboutMs, config))
      : withEvidence(coverage, evidence, config);
  }
  const standing = spansOf(coverage);
  if (!isSame(standing, known.standing)) known.standing = standing;
}

/** The state by which people know a visitor. */
export function stateOf({ standing, acts }: Pick<Known, 'standing' | 'acts'>): VisitorState {
  if (standing.some(({ tier }) => tier !== 0)) return 'bot';
  if (acts.at(-1)?.isCleared === true) return 'cleared';
  return standing.length > 0 ? 'suspect' : 'human';
}

/** The watermark from which on nothing can change what is held of the visitor, nor reach what it did. */
export function knownExpiresAtMs(known: Known, config: BotsConfig): number {
  let endMs = known.newestMs === 0 ? Number.NEGATIVE_INFINITY : known.newestMs;
  for (const { untilMs } of known.standing) endMs = Math.max(endMs, untilMs);
  for (const [, , , aboutMs] of known.marks) endMs = Math.max(endMs, heldUntilMs(aboutMs, config));
  for (const { aboutMs } of known.acts) endMs = Math.max(endMs, heldUntilMs(aboutMs, config));
  // New evidence reaches back and may meet what was held before. A day more, as verdicts go by whole
  // days; a minute, as late events are refused by the minute.
  return endMs + config.reachMs + DAY_MS + MINUTE_MS + config.allowedLatenessMs;
}

/** A rough size in memory, bytes. */
export function knownBytes({ listed, marks, acts, standing }: Known): number {
  return 80 + 8 * listed.length + 100 * marks.length + 110 * acts.length + 90 * standing.length;
}

/** A clearing holds as long as a verdict would. */
function heldUntilMs(aboutMs: number, { heldMs }: BotsConfig): number {
  return startOfDay(aboutMs) + DAY_MS + heldMs;
}

function spansOf(coverage: Coverage): Standing {
  const spans: StandingSpan[] = [];
  for (let at = 0; at < coverage.length; at += STRETCH_WIDTH) {
    const [fromMs = 0, untilMs = 0, place = 0] = coverage.slice(at, at + STRETCH_WIDTH);
    const reason = reasonAt(place);
    spans.push({ fromMs, untilMs, tier: TIER_OF_REASON[reason], reason });
  }
  return spans.length === 0 ? HUMAN : spans;
}

function isSame(a: Standing, b: Standing): boolean {
  return (
    a.length === b.length &&
    a.every((span, index) => {
      const other = b[index];
      return (
        other !== undefined &&
        span.fromMs === other.fromMs &&
        span.untilMs === other.untilMs &&
        span.tier === other.tier &&
        span.reason === other.reason
      );
    })
  );
}

function byDecision(a: Act, b: Act): number {
  return a.occurredMs - b.occurredMs || (a.eventId < b.eventId ? -1 : 1);
}

function byTime(a: Mark, b: Mark): number {
  return a[3] - b[3] || (a[0] < b[0] ? -1 : 1);
}
