import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { lnNegativeBinomialTail } from '../../statistics/incomplete-beta.ts';
import { type DemandBelief, beliefOf, rateOf } from './demand.ts';
import { type Inbound, duesBetween, inboundUnits } from './inbound.ts';
import {
  ALPHA,
  HAS_RUN_OUT,
  IS_ALARMED,
  IS_AT_RISK,
  IS_LOW,
  LEAD_DAYS,
  type Position,
  RISKS,
  RISK_SINCE_MS,
  RISK_UNITS,
  RISK_UNTIL_MS,
  SINCE_MS,
  availableAt,
  isInStock,
  slot,
} from './position.ts';
import type { WeekProfile } from './week-profile.ts';

/** How stock is replenished and how demand spreads over the week. */
export interface StockRules {
  readonly profile: WeekProfile;
  /** From an order to its delivery, where no event names it, milliseconds. */
  readonly leadTimeMs: number;
  /** Between two looks at whether to order, milliseconds. */
  readonly reviewPeriodMs: number;
}

/** The chance of a stockout from which it is likely, and the one below which it no longer is. */
export const AT_RISK_ENTER = 0.2;
export const AT_RISK_LEAVE = 0.1;

/**
 * The chance from which an incident is opened: more likely than not. An item that stays between this
 * and `AT_RISK_ENTER` is shown as AT_RISK; four in five of these never run out.
 */
const ALARM_CHANCE = 0.5;

/** LOW is left when the cover is this many times the one that enters it. */
const LOW_LEAVE_RATIO = 1.2;

/**
 * Units sold, decayed, below which nothing is said about risk: the 95 % interval of a rate from five
 * units reaches to more than twice the rate, and every new item would be alarmed about.
 */
const EVIDENCE_UNITS_MIN = 5;

/** ln of a chance that is written as 0 with the six decimals of a stored estimate. */
const LN_CHANCE_MIN = Math.log(4e-7);

/**
 * A risk that comes back within this share of the lead time is the same one: it flaps. One that comes
 * so soon after a stockout is part of it.
 */
const FLAP_SHARE = 0.2;

/** How long after a stockout a restocked item is watched. */
export const RECOVERY_MS = 60 * MINUTE_MS;

/** Lead time at the position, milliseconds. */
export function leadTimeMsOf(position: Position, rules: StockRules): number {
  const days = slot(position, LEAD_DAYS);
  return days > 0 ? days * DAY_MS : rules.leadTimeMs;
}

/**
 * The chance that demand takes everything before it is replenished: the greatest of the chances at each
 * delivery that is due within the lead time, and at its end, that demand until then reaches what is
 * available and what has come by then. Without a delivery under way it is P(NB ≥ available) over the
 * lead time.
 */
export function stockoutChance(
  position: Position,
  timeMs: number,
  { rules, inbound }: { readonly rules: StockRules; readonly inbound: Inbound | null },
): number {
  const belief = beliefOf(position);
  if (belief === undefined) return 0;
  let chance = 0;
  for (const { untilMs, units } of stretches(position, timeMs, { rules, inbound })) {
    const days = rules.profile.daysBetween(timeMs, untilMs);
    if (lnTailAtMost(belief, days, units) > LN_CHANCE_MIN) {
      chance = Math.max(chance, tailOf(belief, days, units));
    }
  }
  return chance;
}

/** Days until everything available is sold at the expected rate; null when nothing is known of it. */
export function daysOfCover(position: Position, timeMs: number, rules: StockRules): number | null {
  const belief = beliefOf(position);
  if (belief === undefined) return null;
  const available = Math.max(0, availableAt(position));
  return (rules.profile.after(timeMs, available / rateOf(belief)) - timeMs) / DAY_MS;
}

/** Enters and leaves LOW and AT_RISK, as the position is at `timeMs`. */
export function assessRisks(
  position: Position,
  timeMs: number,
  { rules, inbound }: { readonly rules: StockRules; readonly inbound: Inbound | null },
): void {
  const risks = slot(position, RISKS);
  const isKnown = slot(position, ALPHA) >= EVIDENCE_UNITS_MIN && isInStock(position);
  const belief = isKnown ? beliefOf(position) : undefined;
  const isLow = belief !== undefined && isLowAt(position, timeMs, { rules, belief });
  const wasAtRisk = (risks & IS_AT_RISK) !== 0;
  const wasAlarmed = (risks & IS_ALARMED) !== 0;
  const reachesChance = (threshold: number): boolean =>
    belief !== undefined && isLikely(position, timeMs, { rules, inbound, belief, threshold });
  const isAtRisk = reachesChance(wasAtRisk ? AT_RISK_LEAVE : AT_RISK_ENTER);
  const isAlarmed =
    isAtRisk &&
    (wasAlarmed || (!hasJustRunOut(position, timeMs, rules) && reachesChance(ALARM_CHANCE)));
  const after =
    (risks & ~(IS_LOW | IS_AT_RISK | IS_ALARMED)) |
    (isLow ? IS_LOW : 0) |
    (isAtRisk ? IS_AT_RISK : 0) |
    (isAlarmed ? IS_ALARMED : 0);
  if (after === risks) return;
  position[RISKS] = after;
  if (isAlarmed === wasAlarmed) return;
  if (!isAlarmed) {
    position[RISK_UNTIL_MS] = timeMs;
    return;
  }
  const pauseMs = timeMs - slot(position, RISK_UNTIL_MS);
  if (pauseMs < FLAP_SHARE * leadTimeMsOf(position, rules)) return;
  position[RISK_SINCE_MS] = timeMs;
  position[RISK_UNITS] = availableAt(position);
}

/**
 * Whether it was out a moment ago: its stockout has been told, and a unit that somebody sends back
 * before the delivery comes is no news.
 */
function hasJustRunOut(position: Position, timeMs: number, rules: StockRules): boolean {
  if ((slot(position, RISKS) & HAS_RUN_OUT) === 0) return false;
  return timeMs - slot(position, SINCE_MS) < FLAP_SHARE * leadTimeMsOf(position, rules);
}

function isLowAt(
  position: Position,
  timeMs: number,
  { rules, belief }: { readonly rules: StockRules; readonly belief: DemandBelief },
): boolean {
  const isLow = (slot(position, RISKS) & IS_LOW) !== 0;
  const coverMs =
    (leadTimeMsOf(position, rules) + rules.reviewPeriodMs) * (isLow ? LOW_LEAVE_RATIO : 1);
  const days = rules.profile.daysBetween(timeMs, timeMs + coverMs);
  return availableAt(position) < rateOf(belief) * days;
}

function isLikely(
  position: Position,
  timeMs: number,
  {
    rules,
    inbound,
    belief,
    threshold,
  }: {
    readonly rules: StockRules;
    readonly inbound: Inbound | null;
    readonly belief: DemandBelief;
    readonly threshold: number;
  },
): boolean {
  for (const { untilMs, units } of stretches(position, timeMs, { rules, inbound })) {
    const days = rules.profile.daysBetween(timeMs, untilMs);
    if (reaches(belief, { days, units, threshold })) return true;
  }
  return false;
}

/** The stretches of time that end with a delivery or with the lead time, and the units there are for each. */
function stretches(
  position: Position,
  timeMs: number,
  { rules, inbound }: { readonly rules: StockRules; readonly inbound: Inbound | null },
): { readonly untilMs: number; readonly units: number }[] {
  const available = availableAt(position);
  const endMs = timeMs + leadTimeMsOf(position, rules);
  const list = duesBetween(inbound, timeMs, endMs).map((untilMs) => ({
    untilMs,
    // What is due at the end of a stretch comes too late for it.
    units: available + inboundUnits(inbound, timeMs, untilMs - 1),
  }));
  list.push({ untilMs: endMs, units: available + inboundUnits(inbound, timeMs, endMs) });
  return list;
}

function tailOf(belief: DemandBelief, days: number, units: number): number {
  return Math.exp(lnNegativeBinomialTail(belief, days, units / belief.unitsPerSale));
}

/**
 * Chernoff's bound of ln P(demand ≥ units), for a fraction of the cost of the tail: most items are so
 * far from running out that it says all that is shown.
 */
function lnTailAtMost(belief: DemandBelief, days: number, units: number): number {
  const { shape, exposure, unitsPerSale } = belief;
  const sales = units / unitsPerSale;
  const mean = (shape * days) / exposure;
  if (sales <= mean) return 0;
  return (
    (shape + sales) * Math.log((shape + sales) / (shape + mean)) - sales * Math.log(sales / mean)
  );
}

/**
 * Whether the chance that `days` ask for `units` or more is at least `threshold`. Most items are far
 * from it: then Cantelli's inequality says so and the tail need not be computed.
 */
function reaches(
  belief: DemandBelief,
  {
    days,
    units,
    threshold,
  }: { readonly days: number; readonly units: number; readonly threshold: number },
): boolean {
  if (units <= 0) return true;
  const mean = rateOf(belief) * days;
  const variance = mean * (belief.unitsPerSale + (days / belief.exposure) * belief.unitsPerSale);
  const above = units - mean;
  if (above > 0 && variance < threshold * (variance + above * above)) return false;
  return tailOf(belief, days, units) >= threshold;
}
