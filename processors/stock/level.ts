import { advanceDemand, observeSale, startDemand } from './demand.ts';
import { type Inbound, leadDaysAt } from './inbound.ts';
import {
  ALPHA,
  AT_MS,
  BETA,
  COUNT_MS,
  COUNT_ON_HAND,
  COUNT_RESERVED,
  COUNT_SAFETY,
  HAS_RUN_OUT,
  INEXACT,
  IS_ALARMED,
  LEAD_DAYS,
  NEWEST_MS,
  OLDEST_MS,
  type Position,
  RISKS,
  RISK_SINCE_MS,
  RISK_UNTIL_MS,
  RISK_UNITS,
  SINCE_MS,
  SINCE_UNITS,
  SQUARES,
  UNITS,
  availableAt,
  isCounted,
  isInStock,
  isOut,
  slot,
} from './position.ts';
import { type StockRules, assessRisks } from './risk.ts';

/** An absolute count: what a person or a system found there at `timeMs`. */
export interface Count {
  readonly timeMs: number;
  readonly eventId: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly safety: number;
  /** Days until a delivery comes; 0 when the count does not say. */
  readonly leadDays: number;
}

/** A stretch of event time in which a counted node had nothing available. */
export interface Outage {
  readonly openedMs: number;
  /** Units available when it opened. */
  readonly openedUnits: number;
  /** Null while it goes on. */
  readonly resolvedMs: number | null;
  /** Up to when it is known to go on: its end, or the newest instant. */
  readonly untilMs: number;
  /** Demand as believed at `untilMs`: decayed units, squares per sale, weighted days in stock. */
  readonly alpha: number;
  readonly squares: number;
  readonly beta: number;
}

/** A stretch of event time in which a stockout before replenishment was likely. */
export interface RiskSpell {
  readonly openedMs: number;
  readonly openedUnits: number;
  readonly resolvedMs: number | null;
}

/** What was wrong with a node, oldest first. */
export interface Spells {
  readonly outages: Outage[];
  readonly risks: RiskSpell[];
}

/** Everything that happened at one instant. */
export interface Instant {
  readonly timeMs: number;
  /** Holds instead of the changes of its own instant. */
  readonly count: Count | undefined;
  readonly units: number;
  /** Units that orders took: the part of `units` that is demand, positive. */
  readonly demand: number;
}

/** What a step needs to know besides the instant. */
export interface StepContext {
  readonly rules: StockRules;
  readonly inbound: Inbound | null;
}

/**
 * Moves the position over an instant. Positions that pass the same instants end the same to the last
 * bit, however the instants became known.
 */
export function step(position: Position, instant: Instant, context: StepContext): void {
  const { timeMs, count, units, demand } = instant;
  advanceDemand(position, timeMs, context.rules.profile);
  const wasOut = isOut(position);
  const wasCounted = isCounted(position);
  if (demand > 0 && isInStock(position)) observeSale(position, demand);
  if (count === undefined) position[UNITS] = slot(position, UNITS) + units;
  else takeCount(position, count);
  const leadDays = leadDaysAt(context.inbound, timeMs);
  if (leadDays > 0) position[LEAD_DAYS] = leadDays;
  if (isCounted(position) && slot(position, AT_MS) === 0) startDemand(position, timeMs);
  if (wasCounted !== isCounted(position) || isOut(position) !== wasOut) {
    markSince(position, timeMs);
    if (isOut(position)) position[RISKS] = slot(position, RISKS) | HAS_RUN_OUT;
  }
  assessRisks(position, timeMs, context);
  if (slot(position, OLDEST_MS) === 0) position[OLDEST_MS] = timeMs;
  position[NEWEST_MS] = timeMs;
}

/** What is wrong at the position, as spells that go on. */
export function currentSpells(position: Position): Spells {
  const spells: Spells = { outages: [], risks: [] };
  if (isOut(position)) spells.outages.push(outageAt(position, null));
  if ((slot(position, RISKS) & IS_ALARMED) !== 0) spells.risks.push(riskAt(position, null));
  return spells;
}

/** The last risk when it is over: should it come back soon, it is the same one again. */
export function lastRisks(position: Position): RiskSpell[] {
  const isOver = (slot(position, RISKS) & IS_ALARMED) === 0;
  if (!isOver || slot(position, RISK_SINCE_MS) === 0) return [];
  return [riskAt(position, slot(position, RISK_UNTIL_MS))];
}

/** Adds to `spells` what ended when a step led from the spells `before` to `position`. */
export function addEnded(spells: Spells, before: Spells, position: Position): void {
  const endMs = slot(position, NEWEST_MS);
  for (const outage of before.outages) {
    const isOver = !isOut(position) || slot(position, SINCE_MS) !== outage.openedMs;
    if (isOver) {
      spells.outages.push({
        ...outageAt(position, endMs),
        openedMs: outage.openedMs,
        openedUnits: outage.openedUnits,
      });
    }
  }
  for (const risk of before.risks) {
    const isOver =
      (slot(position, RISKS) & IS_ALARMED) === 0 || slot(position, RISK_SINCE_MS) !== risk.openedMs;
    if (isOver) {
      // A risk that came back is one spell with the one before.
      if (spells.risks.at(-1)?.openedMs === risk.openedMs) spells.risks.pop();
      spells.risks.push({ ...risk, resolvedMs: endMs });
    }
  }
}

/** Takes a count into the position without letting time pass. */
export function takeCount(position: Position, count: Count): void {
  position[COUNT_MS] = count.timeMs;
  position[COUNT_ON_HAND] = count.onHand;
  position[COUNT_RESERVED] = count.reserved;
  position[COUNT_SAFETY] = count.safety;
  position[UNITS] = 0;
  position[INEXACT] = 0;
  if (count.leadDays > 0) position[LEAD_DAYS] = count.leadDays;
}

/** Lets the position be in or out of stock since `timeMs`. */
export function markSince(position: Position, timeMs: number): void {
  position[SINCE_MS] = timeMs;
  position[SINCE_UNITS] = availableAt(position);
}

function outageAt(position: Position, resolvedMs: number | null): Outage {
  return {
    openedMs: slot(position, SINCE_MS),
    openedUnits: slot(position, SINCE_UNITS),
    resolvedMs,
    untilMs: slot(position, NEWEST_MS),
    alpha: slot(position, ALPHA),
    squares: slot(position, SQUARES),
    beta: slot(position, BETA),
  };
}

function riskAt(position: Position, resolvedMs: number | null): RiskSpell {
  return {
    openedMs: slot(position, RISK_SINCE_MS),
    openedUnits: slot(position, RISK_UNITS),
    resolvedMs,
  };
}
