import { MINUTE_MS } from '../../schemas/time.ts';
import type { BotsConfig, JudgeConfig } from './config.ts';
import { mergedCoverage, withEvidence } from './coverage.ts';
import {
  type Known,
  historyOf,
  keepSessions,
  mergeHearsay,
  openHistory,
  sessionsOf,
} from './known.ts';
import { placeOf } from './reason.ts';
import { featuresIn } from './score.ts';
import {
  FLAG,
  type Session,
  type Step,
  endOf,
  featuresOf,
  hasFlag,
  insert,
  joined,
  packSession,
  requestsOf,
  sessionOf,
  setVerdict,
  startOf,
  unpackSession,
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
export function addStep(known: Known, step: Step, config: JudgeConfig): boolean {
  const { timeMs } = step;
  if (known.visit === '') return addVisit(known, step, config);
  const last = unpackSession(known.visit);
  const [startMs, endMs] = [startOf(last), endOf(last)];
  if (timeMs > endMs + config.sessionGapMs) return addVisit(known, step, config);
  const isNear = timeMs >= startMs - config.sessionGapMs;
  if (!isNear || isNearEarlier(known, step, startMs, config))
    return addEarlier(known, step, config);
  insert(last, step);
  const isNews = score(last, known, config) || hasMarks(known);
  known.visit = packSession(last);
  if (isNews || verdictOf(last) === 0) return isNews;
  return minuteOf(endOf(last)) !== minuteOf(endMs) || minuteOf(startOf(last)) !== minuteOf(startMs);
}

/** Whether the click joins the newest session, which starts at `startMs`, with the one before. */
function isNearEarlier(
  { history }: Known,
  { timeMs }: Step,
  startMs: number,
  { sessionGapMs }: BotsConfig,
): boolean {
  // Sessions are further apart than that.
  if (timeMs >= startMs) return false;
  const previous = history?.earlier.at(-1);
  return previous !== undefined && timeMs <= endOf(unpackSession(previous)) + sessionGapMs;
}

/** A click after all sessions begins another. */
function addVisit(known: Known, step: Step, config: JudgeConfig): boolean {
  const session = sessionOf(step);
  const isNews = score(session, known, config) || hasMarks(known);
  if (known.visit !== '') {
    const history = openHistory(known);
    history.earlier = history.earlier.concat(known.visit);
    settleOldest(known, config);
  }
  known.visit = packSession(session);
  return isNews;
}

/** A click that belongs before the newest session, or between two, joins all that it is near to. */
function addEarlier(known: Known, step: Step, config: JudgeConfig): boolean {
  const { timeMs } = step;
  const gapMs = config.sessionGapMs;
  let merged = sessionOf(step);
  const kept: Session[] = [];
  let verdicts = 0;
  for (const session of sessionsOf(known)) {
    const isNear = timeMs >= startOf(session) - gapMs && timeMs <= endOf(session) + gapMs;
    if (isNear) {
      merged = joined(merged, session);
      verdicts |= verdictOf(session);
    } else kept.push(session);
  }
  setVerdict(merged, 0);
  const isNews = score(merged, known, config) || verdicts !== 0 || hasMarks(known);
  keepSessions(
    known,
    [...kept, merged].toSorted((a, b) => startOf(a) - startOf(b)),
  );
  settleOldest(known, config);
  return isNews;
}

function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS);
}

/** What a visit shows may matter to what its address has shown. */
function hasMarks({ history }: Known): boolean {
  return history !== null && history.marks.length > 0;
}

/** Scores every session anew, when something that all depend on has changed. */
export function scoreAll(known: Known, config: JudgeConfig): boolean {
  const sessions = sessionsOf(known);
  let isChanged = false;
  for (const session of sessions) isChanged = score(session, known, config) || isChanged;
  if (isChanged) keepSessions(known, sessions);
  return isChanged;
}

/** Makes `known` what it would be if the events of both had come to it; the standing is left to the judge. */
export function mergeKnown(known: Known, other: Known, config: JudgeConfig): void {
  known.newestMs = Math.max(known.newestMs, other.newestMs);
  if (other.history !== null) {
    const history = openHistory(known);
    history.settled = mergedCoverage(history.settled, other.history.settled);
    history.suspected = [history.suspected, other.history.suspected]
      .flatMap(pairsOf)
      .toSorted(([a = 0], [b = 0]) => a - b)
      .slice(-SUSPECTED_MAX)
      .flat();
    mergeHearsay(history, other.history);
  }
  const merged: Session[] = [];
  const all = [...sessionsOf(known), ...sessionsOf(other)];
  for (const session of all.toSorted((a, b) => startOf(a) - startOf(b))) {
    const last = merged.at(-1);
    if (last === undefined || startOf(session) > endOf(last) + config.sessionGapMs)
      merged.push(session);
    else merged.splice(-1, 1, joined(last, session));
  }
  for (const session of merged) {
    setVerdict(session, 0);
    score(session, known, config);
  }
  keepSessions(known, merged);
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
  config: JudgeConfig,
): { readonly score: number; readonly features: readonly string[] } | undefined {
  const session = sessionsOf(known).findLast((each) => verdictOf(each) !== 0);
  if (session === undefined) return undefined;
  const features = shownBy(session, known, config);
  return { score: config.scores[features] ?? 0, features: featuresIn(features) };
}

/** Whether what the address shows at `aboutMs` says something about the visitor with these sessions. */
export function isRotating(sessions: readonly Session[], aboutMs: number): boolean {
  const session = sessions.find(
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

/** Writes down what the session is taken for; returns whether that is something else than before. */
function score(session: Session, known: Known, config: JudgeConfig): boolean {
  const before = verdictOf(session);
  const verdict = verdictBy(session, known, config);
  if (verdict === before) return false;
  setVerdict(session, verdict);
  return true;
}

function verdictBy(session: Session, known: Known, config: JudgeConfig): number {
  if (hasFlag(session, FLAG.allowed)) return 0;
  const points = config.scores[shownBy(session, known, config)] ?? 0;
  if (points >= config.botScore) return FLAG.bot;
  return points >= config.suspectScore ? FLAG.suspect : 0;
}

/** A set of features. A delivery speaks for somebody as long as a verdict would speak against them. */
function shownBy(session: Session, known: Known, { heldMs }: BotsConfig): number {
  return featuresOf(session, { delivered: historyOf(known).delivered, heldMs });
}

/** Keeps of the oldest sessions what was made of them, when there are too many. */
function settleOldest(known: Known, config: BotsConfig): void {
  const { history } = known;
  if (history === null) return;
  // The newest is not among them.
  const excess = history.earlier.length + 1 - SESSIONS_MAX;
  if (excess <= 0) return;
  for (const session of history.earlier.slice(0, excess).map(unpackSession)) {
    const [fromMs, toMs] = [startOf(session), endOf(session)];
    if (verdictOf(session) === FLAG.bot) {
      const evidence = { fromMs, toMs, place: placeOf('behaviour') };
      history.settled = withEvidence(history.settled, evidence, config);
    } else if (verdictOf(session) === FLAG.suspect) {
      history.suspected = [...history.suspected, fromMs, toMs].slice(-2 * SUSPECTED_MAX);
    }
    if (isVouchedFor(session)) {
      history.marks = history.marks.filter(
        ([, , , aboutMs]) => !(fromMs < aboutMs + MARK_MS && toMs >= aboutMs),
      );
    }
  }
  history.earlier = history.earlier.slice(excess);
}
