import { MINUTE_MS } from '../../schemas/time.ts';
import type { BotsConfig } from './config.ts';
import { mergedCoverage, withEvidence } from './coverage.ts';
import { type Known, mergeHearsay } from './known.ts';
import { placeOf } from './reason.ts';
import { scoreOf } from './score.ts';
import {
  FLAG,
  type Session,
  type Step,
  endOf,
  featuresOf,
  hasFlag,
  insert,
  joined,
  requestsOf,
  sessionOf,
  setVerdict,
  startOf,
  verdictOf,
} from './session.ts';

/**
 * Sessions kept of one visitor: the visits of a busy month. Of more the oldest are settled: what they
 * were scored with stands, and late clicks no longer reach them.
 */
const SESSIONS_MAX = 24;
/** Past suspect sessions kept of one visitor; of more the oldest are forgotten. */
const SUSPECTED_MAX = 8;
/** More requests than this by one visitor id, and the id does not change at every click. */
const ROTATING_REQUESTS_MAX = 2;
/** How long after a mark's instant its evidence lies: the pane of the address stage. */
const MARK_MS = 10 * MINUTE_MS;

/** Adds a click to the sessions and scores what it touches. Returns whether a verdict may have changed. */
export function addStep(known: Known, step: Step, config: BotsConfig): boolean {
  const { timeMs } = step;
  const last = known.sessions.at(-1);
  const gapMs = config.sessionGapMs;
  if (last === undefined || timeMs > endOf(last) + gapMs) {
    const session = sessionOf(step);
    known.sessions = known.sessions.toSpliced(known.sessions.length, 0, session);
    settleOldest(known, config);
    return score(session, known, config) || known.marks.length > 0;
  }
  const previous = known.sessions.at(-2);
  const isNearPrevious = previous !== undefined && timeMs <= endOf(previous) + gapMs;
  if (timeMs >= startOf(last) - gapMs && !isNearPrevious) {
    const grown = insert(last, step);
    if (grown !== last) known.sessions = known.sessions.with(known.sessions.length - 1, grown);
    return score(grown, known, config);
  }
  let merged = sessionOf(step);
  const kept: Session[] = [];
  let verdicts = 0;
  for (const session of known.sessions) {
    const isNear = timeMs >= startOf(session) - gapMs && timeMs <= endOf(session) + gapMs;
    if (isNear) {
      merged = joined(merged, session);
      verdicts |= verdictOf(session);
    } else kept.push(session);
  }
  known.sessions = [...kept, merged].toSorted((a, b) => startOf(a) - startOf(b));
  settleOldest(known, config);
  setVerdict(merged, 0);
  return score(merged, known, config) || verdicts !== 0 || known.marks.length > 0;
}

/** Scores every session anew, when something that all depend on has changed. */
export function scoreAll(known: Known, config: BotsConfig): boolean {
  return known.sessions.reduce((isChanged, each) => score(each, known, config) || isChanged, false);
}

/** Makes `known` what it would be if the events of both had come to it; the standing is left to the judge. */
export function mergeKnown(known: Known, other: Known, config: BotsConfig): void {
  known.newestMs = Math.max(known.newestMs, other.newestMs);
  known.settled = mergedCoverage(known.settled, other.settled);
  known.suspected = [known.suspected, other.suspected]
    .flatMap(pairsOf)
    .toSorted(([a = 0], [b = 0]) => a - b)
    .slice(-SUSPECTED_MAX)
    .flat();
  mergeHearsay(known, other);
  const merged: Session[] = [];
  const all = [...known.sessions, ...other.sessions];
  for (const session of all.toSorted((a, b) => startOf(a) - startOf(b))) {
    const last = merged.at(-1);
    if (last === undefined || startOf(session) > endOf(last) + config.sessionGapMs)
      merged.push(session);
    else merged.splice(-1, 1, joined(last, session));
  }
  known.sessions = merged;
  for (const session of merged) setVerdict(session, 0);
  scoreAll(known, config);
  settleOldest(known, config);
}

function pairsOf(flat: readonly number[]): readonly (readonly number[])[] {
  const pairs: number[][] = [];
  for (let at = 0; at < flat.length; at += 2) pairs.push(flat.slice(at, at + 2));
  return pairs;
}

/** The features that speak for the newest verdict by behaviour, and its score; none without one. */
export function explain(
  known: Known,
  config: BotsConfig,
): { readonly score: number; readonly features: readonly string[] } | undefined {
  const session = known.sessions.findLast((each) => verdictOf(each) !== 0);
  if (session === undefined) return undefined;
  const features = featuresOf(session, pastOf(known, config));
  return { score: scoreOf(features, config.weights), features };
}

/** Whether what the address shows at `aboutMs` says something about this visitor. */
export function isRotating(known: Known, aboutMs: number): boolean {
  const session = known.sessions.find(
    (each) => startOf(each) < aboutMs + MARK_MS && endOf(each) >= aboutMs,
  );
  return session === undefined || !isVouchedFor(session);
}

function isVouchedFor(session: Session): boolean {
  return (
    requestsOf(session) > ROTATING_REQUESTS_MAX ||
    hasFlag(session, FLAG.beacon | FLAG.pointer | FLAG.signedIn | FLAG.allowed)
  );
}

/** Whether the verdict changed, or what it covers: the touched session may have grown. */
function score(session: Session, known: Known, config: BotsConfig): boolean {
  const before = verdictOf(session);
  const verdict = verdictBy(session, known, config);
  setVerdict(session, verdict);
  return verdict !== 0 || before !== 0 || known.marks.length > 0;
}

function verdictBy(session: Session, known: Known, config: BotsConfig): number {
  if (hasFlag(session, FLAG.allowed)) return 0;
  const points = scoreOf(featuresOf(session, pastOf(known, config)), config.weights);
  if (points >= config.botScore) return FLAG.bot;
  return points >= config.suspectScore ? FLAG.suspect : 0;
}

/** A delivery speaks for somebody as long as a verdict would speak against them. */
function pastOf(
  { delivered }: Known,
  { heldMs }: BotsConfig,
): { readonly delivered: readonly number[]; readonly deliveredForMs: number } {
  return { delivered, deliveredForMs: heldMs };
}

/** Keeps of the oldest sessions what was made of them, when there are too many. */
function settleOldest(known: Known, config: BotsConfig): void {
  const excess = known.sessions.length - SESSIONS_MAX;
  if (excess <= 0) return;
  for (const session of known.sessions.slice(0, excess)) {
    const [fromMs, toMs] = [startOf(session), endOf(session)];
    if (verdictOf(session) === FLAG.bot) {
      const evidence = { fromMs, toMs, place: placeOf('behaviour') };
      known.settled = withEvidence(known.settled, evidence, config);
    } else if (verdictOf(session) === FLAG.suspect) {
      known.suspected = [...known.suspected, fromMs, toMs].slice(-2 * SUSPECTED_MAX);
    }
    if (isVouchedFor(session)) {
      known.marks = known.marks.filter(
        ([, , , aboutMs]) => !(fromMs < aboutMs + MARK_MS && toMs >= aboutMs),
      );
    }
  }
  known.sessions = known.sessions.slice(excess);
}
