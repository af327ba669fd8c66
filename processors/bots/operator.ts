import type { Click } from '../../schemas/events/click.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import type { Standing } from '../engine/operator/standing.ts';
import type { BotsConfig } from './config.ts';
import { withEvidence } from './coverage.ts';
import {
  type Known,
  createKnown,
  judge,
  knownBytes,
  knownExpiresAtMs,
  stateOf,
  takeVisitorEvent,
} from './known.ts';
import { placeOf } from './reason.ts';
import { BOT_STANDINGS, BOT_VERDICTS, type VisitorState } from './row.ts';
import { tierOne } from './tier-one.ts';

/**
 * Judges visitors: from what they do, from what rules and lists say of their clients, and from what
 * people and other stages say of them. All other operators of the stage withdraw what it withdraws.
 */
export function createJudge(config: BotsConfig): Operator {
  return defineOperator<Known>({
    name: 'bots',
    stage: 'visitor',
    stateVersion: 1,
    createState: createKnown,
    apply: {
      'weir.clicks': (known, click, output, record) => {
        const { visitor_id: visitorToken } = click;
        judged({ known, config, visitorToken, actor: null }, output, record, () =>
          takeClick(known, click, config),
        );
      },
      'weir.internal.visitor': (known, event, output, record) => {
        const { visitor_id: visitorToken, actor } = event;
        judged({ known, config, visitorToken, actor }, output, record, () => {
          takeVisitorEvent(known, event);
          return true;
        });
      },
    },
    standingOf: ({ standing }) => standing,
    expiresAtMs: (known) => knownExpiresAtMs(known, config),
    stateBytes: knownBytes,
  });
}

interface Case {
  readonly known: Known;
  readonly config: BotsConfig;
  readonly visitorToken: string;
  /** Who decided; null when nobody did. */
  readonly actor: string | null;
}

/** Whether the click says anything that may change the standing. */
function takeClick(known: Known, click: Click, config: BotsConfig): boolean {
  const timeMs = click.occurred_at;
  if (timeMs > known.newestMs) known.newestMs = timeMs;
  const verdict = tierOne(click, config);
  if (verdict === undefined || verdict === 'allow') return false;
  const evidence = { fromMs: timeMs, toMs: timeMs, place: placeOf(verdict) };
  const listed = withEvidence(known.listed, evidence, config);
  if (listed === known.listed) return false;
  known.listed = listed;
  return true;
}

/** Runs `take`, works the standing out and tells what has become of it. */
function judged(
  { known, config, visitorToken, actor }: Case,
  output: Output,
  record: RecordContext,
  take: () => boolean,
): void {
  const before = known.standing;
  const stateBefore = stateOf(known);
  if (!take()) return;
  judge(known, config);
  const { standing } = known;
  const state = stateOf(known);
  if (standing !== before) writeStandings(visitorToken, before, standing, output);
  if (state === stateBefore && reasonOf(standing) === reasonOf(before)) return;
  writeVerdict({ visitorToken, actor, stateBefore, state, standing, config }, output, record);
}

function writeStandings(
  visitorToken: string,
  before: Standing,
  after: Standing,
  output: Output,
): void {
  for (const { fromMs, untilMs, tier, reason } of before) {
    if (after.some((span) => span.fromMs === fromMs)) continue;
    output.upsert(BOT_STANDINGS, [visitorToken, fromMs, untilMs, tier, reason, true]);
  }
  for (const span of after) {
    if (before.includes(span)) continue;
    const { fromMs, untilMs, tier, reason } = span;
    output.upsert(BOT_STANDINGS, [visitorToken, fromMs, untilMs, tier, reason, false]);
  }
}

function writeVerdict(
  verdict: {
    readonly visitorToken: string;
    readonly actor: string | null;
    readonly stateBefore: VisitorState;
    readonly state: VisitorState;
    readonly standing: Standing;
    readonly config: BotsConfig;
  },
  output: Output,
  record: RecordContext,
): void {
  const newest = verdict.standing.at(-1);
  output.append(BOT_VERDICTS, [
    record.appendedAtMs,
    verdict.visitorToken,
    verdict.stateBefore,
    verdict.state,
    newest?.tier ?? 0,
    newest?.reason ?? '',
    verdict.config.lists.version,
    newest?.fromMs ?? null,
    newest?.untilMs ?? null,
    verdict.actor,
    record.partition,
  ]);
}

function reasonOf(standing: Standing): string | undefined {
  return standing.at(-1)?.reason;
}
