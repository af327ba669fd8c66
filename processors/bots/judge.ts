import { MINUTE_MS } from '../../schemas/time.ts';
import { HUMAN, type Standing, type StandingSpan } from '../engine/operator/standing.ts';
import type { BotsConfig } from './config.ts';
import { type Coverage, STRETCH_WIDTH, startingAt, withEvidence } from './coverage.ts';
import {
  type History,
  type Known,
  heldUntilMs,
  historyOf,
  openHistory,
  sessionsOf,
} from './known.ts';
import { TIER_OF_REASON, placeOf, reasonAt } from './reason.ts';
import { FLAG, type Session, endOf, startOf, verdictOf } from './session.ts';
import { isRotating } from './visits.ts';

/** Works the standing out anew; the same array when it is as before. */
export function judge(known: Known, config: BotsConfig): void {
  const history = historyOf(known);
  const sessions = sessionsOf(known);
  let coverage = history.settled;
  for (const session of sessions) {
    if (verdictOf(session) !== FLAG.bot) continue;
    const evidence = {
      fromMs: startOf(session),
      toMs: endOf(session),
      place: placeOf('behaviour'),
    };
    coverage = withEvidence(coverage, evidence, config);
  }
  for (const [, , isMarked, aboutMs] of history.marks) {
    if (!isMarked || !isRotating(sessions, aboutMs)) continue;
    const evidence = { fromMs: aboutMs, toMs: aboutMs, place: placeOf('address') };
    coverage = withEvidence(coverage, evidence, config);
  }
  for (const { isCleared, aboutMs } of history.acts) {
    const evidence = { fromMs: aboutMs, toMs: aboutMs, place: placeOf('person') };
    coverage = isCleared
      ? startingAt(coverage, heldUntilMs(aboutMs, config))
      : withEvidence(coverage, evidence, config);
  }
  const held = spansOf(coverage);
  const spans = [...held, ...suspicions(history, sessions, held)].toSorted(
    (a, b) => a.fromMs - b.fromMs,
  );
  const standing = spans.length === 0 ? HUMAN : spans;
  if (!isSame(standing, history.standing)) openHistory(known).standing = standing;
}

function spansOf(coverage: Coverage): readonly StandingSpan[] {
  const spans: StandingSpan[] = [];
  for (let at = 0; at < coverage.length; at += STRETCH_WIDTH) {
    const [fromMs = 0, untilMs = 0, place = 0] = coverage.slice(at, at + STRETCH_WIDTH);
    const reason = reasonAt(place);
    spans.push({ fromMs, untilMs, tier: TIER_OF_REASON[reason], reason });
  }
  return spans;
}

/** Suspect sessions that nothing withdraws, by whole minutes. */
function suspicions(
  { suspected, acts }: Pick<History, 'suspected' | 'acts'>,
  sessions: readonly Session[],
  held: readonly StandingSpan[],
): readonly StandingSpan[] {
  // Whoever was cleared is suspected no longer.
  if (acts.at(-1)?.isCleared === true) return [];
  const pairs = sessions
    .filter((session) => verdictOf(session) === FLAG.suspect)
    .map((session) => [startOf(session), endOf(session)] as const);
  for (let at = 0; at < suspected.length; at += 2) {
    pairs.push([suspected[at] ?? 0, suspected[at + 1] ?? 0]);
  }
  return pairs
    .map(([startMs, endMs]) => ({
      fromMs: Math.floor(startMs / MINUTE_MS) * MINUTE_MS,
      untilMs: Math.floor(endMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS,
      tier: 0 as const,
      reason: 'behaviour',
    }))
    .filter(({ fromMs, untilMs }) =>
      held.every((span) => untilMs <= span.fromMs || fromMs >= span.untilMs),
    );
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
