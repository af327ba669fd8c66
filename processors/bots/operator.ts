import type { Click } from '../../schemas/events/click.ts';
import { visitorToken as tokenOf } from '../../schemas/ids.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { fingerprintText } from '../engine/operator/fingerprint.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import { HUMAN, type Standing } from '../engine/operator/standing.ts';
import type { BotsConfig } from './config.ts';
import { withEvidence } from './coverage.ts';
import { judge } from './judge.ts';
import {
  type Known,
  createKnown,
  knownBytes,
  knownExpiresAtMs,
  stateOf,
  takeDelivery,
  takeVisitorEvent,
} from './known.ts';
import { placeOf } from './reason.ts';
import { BOT_STANDINGS, BOT_VERDICTS, type VisitorState } from './row.ts';
import { isApp, stepOf } from './step.ts';
import { ownerOf, tierOne } from './tier-one.ts';
import { addStep, explain, mergeKnown, scoreAll } from './visits.ts';

/**
 * Judges visitors: from what they do, from what rules and lists say of their clients, and from what
 * people and other stages say of them. All other operators of the stage withdraw what it withdraws.
 */
export function createJudge(config: BotsConfig): Operator {
  return defineOperator<Known>({
    name: 'bots',
    stage: 'visitor',
    stateVersion: 2,
    createState: createKnown,
    apply: {
      'weir.clicks': (known, click, output, record) => {
        const { visitor_id: visitorToken } = click;
        judged({ known, config, visitorToken, actor: null }, output, record, () =>
          takeClick(known, click, config, { output, record }),
        );
      },
      'weir.orders': (known, order, output, record) => {
        if (order.status !== 'delivered') return;
        const { visitor_id: visitorToken } = order;
        judged({ known, config, visitorToken, actor: null }, output, record, () => {
          takeDelivery(known, order.occurred_at);
          return scoreAll(known, config);
        });
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
    merge: (known, other, output, { key, record }) => {
      judged({ known, config, visitorToken: key, actor: null }, output, record, () => {
        mergeKnown(known, other, config);
        return true;
      });
    },
    leave: ({ standing }, visitorToken, output) => {
      writeStandings(visitorToken, standing, HUMAN, output);
    },
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

/** Length of the windows in which the address stage counts visitors. */
const PANE_MS = 10 * MINUTE_MS;
const told = { high: 0, low: 0 };

/** Whether the click says anything that may change the standing. */
function takeClick(
  known: Known,
  click: Click,
  config: BotsConfig,
  { output, record }: { readonly output: Output; readonly record: RecordContext },
): boolean {
  const timeMs = click.occurred_at;
  if (timeMs > known.newestMs) known.newestMs = timeMs;
  const owner = ownerOf(click, config);
  const verdict = tierOne(click, owner, config);
  let isNews = false;
  if (verdict !== undefined && verdict !== 'allow') {
    const evidence = { fromMs: timeMs, toMs: timeMs, place: placeOf(verdict) };
    const settled = withEvidence(known.settled, evidence, config);
    isNews = settled !== known.settled;
    known.settled = settled;
  }
  const step = stepOf(click, { verdict, owner }, config);
  if (step === undefined) return isNews;
  if (verdict === undefined && !isApp(click, config)) tellAddress(known, click, output, record);
  return addStep(known, step, config) || isNews;
}

/** Tells the address stage that this visitor was there, once per ten minutes. */
function tellAddress(known: Known, click: Click, output: Output, record: RecordContext): void {
  const { ip } = click;
  if (ip === null) return;
  // An address sees ids, whoever they belong to: what it counts must not depend on when they were linked.
  const { id: visitorId, partition } = record.member ?? {
    id: click.visitor_id,
    partition: record.partition,
  };
  const paneMs = Math.floor(click.occurred_at / PANE_MS) * PANE_MS;
  fingerprintText(
    record.member === undefined ? `${ip}${paneMs}` : `${ip}${paneMs}${visitorId}`,
    told,
  );
  // Told again after another address or ten minutes came between: the id makes it a duplicate.
  const toldHash = told.low | 0;
  if (known.toldHash === toldHash) return;
  known.toldHash = toldHash;
  output.forward('weir.internal.address', ip, {
    event_id: `${ip}/${visitorId}/${paneMs / PANE_MS}`,
    occurred_at: paneMs,
    source: 'bots',
    address: ip,
    visitor_id: tokenOf(visitorId),
    visitor_partition: partition,
  });
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
  const isSame = state === stateBefore && reasonOf(standing) === reasonOf(before);
  // What a person decides is written down even if it changes nothing.
  if (isSame && actor === null) return;
  writeVerdict({ visitorToken, actor, stateBefore, state, known, config }, output, record);
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
    const { fromMs, untilMs, tier, reason } = span;
    const former = before.find((each) => each.fromMs === fromMs);
    if (former?.untilMs === untilMs && former.reason === reason && former.tier === tier) continue;
    output.upsert(BOT_STANDINGS, [visitorToken, fromMs, untilMs, tier, reason, false]);
  }
}

function writeVerdict(
  verdict: {
    readonly visitorToken: string;
    readonly actor: string | null;
    readonly stateBefore: VisitorState;
    readonly state: VisitorState;
    readonly known: Known;
    readonly config: BotsConfig;
  },
  output: Output,
  record: RecordContext,
): void {
  const newest = newestOf(verdict.known.standing);
  const behaviour = explain(verdict.known, verdict.config);
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
    behaviour?.score ?? null,
    behaviour?.features.join(' ') ?? '',
    verdict.actor,
    record.partition,
    verdict.known.newestMs === 0 ? null : verdict.known.newestMs,
  ]);
}

/** The newest span that withdraws; if none does, the newest suspicion. */
function newestOf(standing: Standing): Standing[number] | undefined {
  return standing.findLast(({ tier }) => tier !== 0) ?? standing.at(-1);
}

function reasonOf(standing: Standing): string | undefined {
  return newestOf(standing)?.reason;
}
