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
import type { BotsConfig, JudgeConfig } from './config.ts';
import { withEvidence } from './coverage.ts';
import { judge } from './judge.ts';
import {
  type Known,
  createKnown,
  historyOf,
  knownBytes,
  knownExpiresAtMs,
  openHistory,
  stateOf,
  takeDelivery,
  takeVisitorEvent,
} from './known.ts';
import { placeOf } from './reason.ts';
import { BOT_STANDINGS, BOT_VERDICTS, type VisitorState } from './row.ts';
import { scoresOf } from './score.ts';
import { isApp, stepOf } from './step.ts';
import { ownerOf, tierOne } from './tier-one.ts';
import { addStep, explain, mergeKnown, scoreAll } from './visits.ts';

/**
 * Judges visitors: from what they do, from what rules and lists say of their clients, and from what
 * people and other stages say of them. All other operators of the stage withdraw what it withdraws.
 */
export function createJudge(settings: BotsConfig): Operator {
  const config: JudgeConfig = { ...settings, scores: scoresOf(settings.weights) };
  return defineOperator<Known>({
    name: 'bots',
    stage: 'visitor',
    stateVersion: 3,
    createState: createKnown,
    apply: {
      'weir.clicks': (known, click, output, record) => {
        if (!takeClick(known, click, config, { output, record })) return;
        const visitor = { known, config, visitorToken: click.visitor_id, actor: null };
        judgeAgain(visitor, stateOf(known), output, record);
      },
      'weir.orders': (known, order, output, record) => {
        if (order.status !== 'delivered') return;
        takeDelivery(known, order.occurred_at);
        if (!scoreAll(known, config)) return;
        const visitor = { known, config, visitorToken: order.visitor_id, actor: null };
        judgeAgain(visitor, stateOf(known), output, record);
      },
      'weir.internal.visitor': (known, event, output, record) => {
        const { visitor_id: visitorToken, actor } = event;
        const stateBefore = stateOf(known);
        takeVisitorEvent(known, event);
        judgeAgain({ known, config, visitorToken, actor }, stateBefore, output, record);
      },
    },
    standingOf: (known) => historyOf(known).standing,
    merge: (known, other, output, { key, record }) => {
      const stateBefore = stateOf(known);
      mergeKnown(known, other, config);
      const visitor = { known, config, visitorToken: key, actor: null };
      judgeAgain(visitor, stateBefore, output, record);
    },
    leave: (known, visitorToken, output) => {
      writeStandings(visitorToken, historyOf(known).standing, HUMAN, output);
    },
    expiresAtMs: (known) => knownExpiresAtMs(known, config),
    stateBytes: knownBytes,
  });
}

interface Case {
  readonly known: Known;
  readonly config: JudgeConfig;
  readonly visitorToken: string;
  /** Who decided; null when nobody did. */
  readonly actor: string | null;
}

/** Length of the windows in which the address stage counts visitors. */
const PANE_MS = 10 * MINUTE_MS;
const told = { high: 0, low: 0 };
/** Of base64: 48 bits of the token. */
const HASHED_CHARACTERS = 8;
/** 2³² divided by the golden ratio: it spreads neighbours over all bits. */
const HASH_FACTOR = 0x9e3779b1;

/** Whether the click says anything that may change the standing. */
function takeClick(
  known: Known,
  click: Click,
  config: JudgeConfig,
  { output, record }: { readonly output: Output; readonly record: RecordContext },
): boolean {
  const timeMs = click.occurred_at;
  if (timeMs > known.newestMs) known.newestMs = timeMs;
  const owner = ownerOf(click, config);
  const verdict = tierOne(click, owner, config);
  let isNews = false;
  if (verdict !== undefined && verdict !== 'allow') {
    const evidence = { fromMs: timeMs, toMs: timeMs, place: placeOf(verdict) };
    const before = historyOf(known).settled;
    const settled = withEvidence(before, evidence, config);
    isNews = settled !== before;
    if (isNews) openHistory(known).settled = settled;
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
  const pane = Math.floor(click.occurred_at / PANE_MS);
  // An address sees ids, whoever they belong to: what it counts must not depend on when they were linked.
  const { id: visitorId, partition } = record.member ?? {
    id: click.visitor_id,
    partition: record.partition,
  };
  // Told again after another address or ten minutes came between: the id makes it a duplicate.
  const toldHash = toldHashOf(ip, pane, record.member?.id);
  if (known.toldHash === toldHash) return;
  known.toldHash = toldHash;
  output.forward('weir.internal.address', ip, {
    event_id: `${ip}/${visitorId}/${pane}`,
    occurred_at: pane * PANE_MS,
    source: 'bots',
    address: ip,
    visitor_id: tokenOf(visitorId),
    visitor_partition: partition,
  });
}

/** 32 bits of who was where when. A token of an address is a keyed hash, so its end says which one it is. */
function toldHashOf(ip: string, pane: number, memberId: string | undefined): number {
  let hash = Math.imul(pane, HASH_FACTOR);
  for (let at = Math.max(0, ip.length - HASHED_CHARACTERS); at < ip.length; at += 1) {
    hash = Math.imul(hash ^ ip.charCodeAt(at), HASH_FACTOR);
    hash ^= hash >>> 15;
  }
  if (memberId === undefined) return hash;
  fingerprintText(memberId, told);
  return (hash ^ told.low) | 0;
}

/** Works the standing out, after something new was taken, and tells what has become of it. */
function judgeAgain(
  { known, config, visitorToken, actor }: Case,
  stateBefore: VisitorState,
  output: Output,
  record: RecordContext,
): void {
  const before = historyOf(known).standing;
  judge(known, config);
  const { standing } = historyOf(known);
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
    readonly config: JudgeConfig;
  },
  output: Output,
  record: RecordContext,
): void {
  const newest = newestOf(historyOf(verdict.known).standing);
  const behaviour = explain(verdict.known, verdict.config);
  output.append(BOT_VERDICTS, [
    record.appendedAtMs,
    verdict.visitorToken,
    verdict.stateBefore,
    verdict.state,
    newest?.tier ?? 0,
    newest?.reason ?? '',
    verdict.config.version,
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
