import { Shop, gatherTruth } from '../../bench/shop/shop.ts';
import type { BotTruth } from '../../bench/shop/truth.ts';
import { createAddresses } from '../../processors/bots/address.ts';
import type { BotsConfig } from '../../processors/bots/config.ts';
import { createJudge } from '../../processors/bots/operator.ts';
import { BOT_STANDINGS, BOT_VERDICTS } from '../../processors/bots/row.ts';
import { agentFormOf, networkOf } from '../../processors/door/client-forms.ts';
import type { Click } from '../../schemas/events/click.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { Run } from '../laws/law-run.ts';

/** What was made of the visitors of a shop whose truth is known. Clicks are all kinds but impressions. */
export interface BotsJudgement {
  readonly peopleClicks: number;
  readonly peopleWithdrawn: number;
  /** Of bots that do not say what they are. */
  readonly stealthClicks: number;
  readonly stealthWithdrawn: number;
  /** Of those of them that take a new visitor id at every click. */
  readonly rotatingClicks: number;
  readonly rotatingWithdrawn: number;
  /** Event time from the tenth click of each stealth bot until something of it was withdrawn, milliseconds. */
  readonly delaysMs: readonly number[];
}

const EVENTS_PER_SECOND = 100;
const DURATION_MS = 20 * MINUTE_MS;
/** The click from which on the time until a verdict counts. */
const TENTH = 9;

const VISITOR = BOT_VERDICTS.columns.findIndex(({ name }) => name === 'visitor_token');
const TO_STATE = BOT_VERDICTS.columns.findIndex(({ name }) => name === 'to_state');

/** Judges the clicks of a simulated shop in the order of their arrival, and compares with the truth. */
export function judgeBots(seed: number, config: BotsConfig): BotsJudgement {
  const shop = new Shop({ seed, eventsPerSecond: EVENTS_PER_SECOND, durationMs: DURATION_MS });
  const run = new Run([createJudge(config), createAddresses(config)]);
  const clicks: Click[] = [];
  const seen = new Set<string>();
  /** Event time at which something of a visitor was withdrawn first. */
  const heldAtMs = new Map<string, number>();
  for (const event of [...shop.next(Number.POSITIVE_INFINITY), ...shop.finish()]) {
    if (event.type !== 'click') continue;
    const click = clickOf(event.toObject());
    if (seen.has(click.event_id)) continue;
    seen.add(click.event_id);
    if (click.kind !== 'impression') clicks.push(click);
    applyWithForwards(run, click);
    for (const verdict of run.output.facts.get(BOT_VERDICTS.name)?.splice(0) ?? []) {
      const visitor = String(verdict[VISITOR]);
      if (verdict[TO_STATE] === 'bot' && !heldAtMs.has(visitor))
        heldAtMs.set(visitor, run.newestMs);
    }
  }
  const isWithdrawn = withdrawals(run);
  const { bots } = gatherTruth([...shop.takeTruth(), ...shop.restOfTruth()]);
  const botOf = new Map(bots.flatMap((bot) => bot.visitor_ids.map((id) => [id, bot] as const)));
  const count = (isCounted: (bot: BotTruth | undefined) => boolean) => {
    const counted = clicks.filter(({ visitor_id: visitor }) => isCounted(botOf.get(visitor)));
    return [counted.length, counted.filter(isWithdrawn).length] as const;
  };
  const [peopleClicks, peopleWithdrawn] = count((bot) => bot === undefined);
  const [stealthClicks, stealthWithdrawn] = count((bot) => isStealthy(bot));
  const [rotatingClicks, rotatingWithdrawn] = count((bot) => bot?.kind === 'rotating_ids');
  return {
    peopleClicks,
    peopleWithdrawn,
    stealthClicks,
    stealthWithdrawn,
    rotatingClicks,
    rotatingWithdrawn,
    delaysMs: delaysOf(bots, clicks, heldAtMs),
  };
}

function delaysOf(
  bots: readonly BotTruth[],
  clicks: readonly Click[],
  heldAtMs: ReadonlyMap<string, number>,
): readonly number[] {
  const timesOf = Map.groupBy(clicks, ({ visitor_id: visitor }) => String(visitor));
  return bots.filter(isStealthy).flatMap(({ visitor_ids: ids }): readonly number[] => {
    const times = ids
      .flatMap((id) => timesOf.get(id) ?? [])
      .map((click) => click.occurred_at)
      .toSorted((a, b) => a - b);
    const tenthMs = times[TENTH];
    if (tenthMs === undefined) return [];
    const foundMs = Math.min(...ids.map((id) => heldAtMs.get(id) ?? Number.POSITIVE_INFINITY));
    return [Math.max(0, foundMs - tenthMs)];
  });
}

function isStealthy(bot: BotTruth | undefined): boolean {
  return bot !== undefined && bot.kind !== 'declared_crawler';
}

/** Hands on the click and all that is forwarded for it. */
function applyWithForwards(run: Run, click: Click): void {
  const watermarkMs = run.newestMs - MINUTE_MS;
  run.apply({ topic: 'weir.clicks', event: click }, watermarkMs);
  for (let forwarded; (forwarded = run.output.forwarded.shift()) !== undefined;) {
    const { topic, event } = forwarded;
    if (topic === 'weir.internal.address' && 'address' in event) {
      run.apply({ topic, event }, watermarkMs);
    } else if (topic === 'weir.internal.visitor' && 'about' in event) {
      run.apply({ topic, event }, watermarkMs);
    }
  }
}

/** Whether a click counts no longer, by the rows that are left in the end. */
function withdrawals(run: Run): (click: Click) => boolean {
  const held = [...(run.output.rows.get(BOT_STANDINGS.name)?.values() ?? [])]
    .map((row) => Object.fromEntries(BOT_STANDINGS.columns.map(({ name }, at) => [name, row[at]])))
    .filter(({ withdrawn, tier }) => withdrawn === false && tier !== 0);
  const ofVisitor = Map.groupBy(held, ({ visitor_token: visitor }) => String(visitor));
  return ({ visitor_id: visitor, occurred_at: timeMs }) =>
    (ofVisitor.get(visitor) ?? []).some(
      ({ from_at: from, until_at: until }) => Number(from) <= timeMs && timeMs < Number(until),
    );
}

/** What the door makes of a click, with the ids of the truth in place of tokens. */
function clickOf(value: unknown): Click {
  const parsed = parseEvent('click', value, {
    nowMs: Number.POSITIVE_INFINITY,
    clockSkewMs: 0,
  });
  if (parsed.kind !== 'ok') throw new RangeError(parsed.message);
  const { visitor_id: visitorId, user_agent: agent, ip } = parsed.event;
  return {
    ...parsed.event,
    visitor_id: visitorToken(visitorId),
    agent: agent === null ? null : agentFormOf(agent),
    network: ip === null ? null : networkOf(ip) || null,
  };
}
