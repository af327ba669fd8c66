import { DAY_MS } from '../../schemas/time.ts';
import { GammaQuantiles } from '../../statistics/gamma-quantiles.ts';
import {
  ACTUALS,
  ALPHA,
  AT_MS,
  BETA,
  CROSTON_DAYS,
  CROSTON_SIZE,
  DAY,
  DAY_RATE,
  DAY_UNITS,
  DAY_WEIGHT,
  ERRORS,
  FULL_LENGTH,
  GAP_DAYS,
  type Position,
  QUIET_DAYS,
  QUIET_LENGTH,
  SALE_BETA,
  SALE_MS,
  SQUARES,
  TSB_SHARE,
  TSB_SIZE,
  isInStock,
  slot,
} from './position.ts';
import { type WeekProfile, decayOver } from './week-profile.ts';

/** What an item is believed to have sold before it is known: half a unit in no time (Jeffreys' prior). */
const PRIOR_UNITS = 0.5;

/** Weight of the newest observation in Croston's method and TSB. */
export const SMOOTHING = 0.1;

/** Either side of a 95 % interval. */
const TAIL = 0.025;
const LOW = new GammaQuantiles(TAIL);
const HIGH = new GammaQuantiles(1 - TAIL);

/** A rate's belief: it is Gamma(shape, exposure) times `unitsPerSale`. */
export interface DemandBelief {
  /** Sales in units of evidence: α less what comes in lumps. */
  readonly shape: number;
  /** Weighted days in stock. */
  readonly exposure: number;
  /** Σu²/Σu of the sales: 1 when each takes one unit, more where units come in lumps. */
  readonly unitsPerSale: number;
}

/** A number with its 95 % interval. */
export interface Interval {
  readonly point: number;
  readonly low: number;
  readonly high: number;
}

/** Begins to watch demand, at the first count. */
export function startDemand(position: Position, timeMs: number): void {
  position[ALPHA] = PRIOR_UNITS;
  position[SQUARES] = PRIOR_UNITS;
  position[AT_MS] = timeMs;
  position[DAY] = Math.floor(timeMs / DAY_MS);
}

/** Lets time pass up to `timeMs`, in or out of stock as the position is. */
export function advanceDemand(position: Position, timeMs: number, profile: WeekProfile): void {
  if (slot(position, AT_MS) === 0) return;
  const isSelling = isInStock(position);
  const day = Math.floor(timeMs / DAY_MS);
  while (slot(position, DAY) < day) {
    passTime(position, (slot(position, DAY) + 1) * DAY_MS, { isSelling, profile });
    closeDay(position, isSelling);
  }
  passTime(position, timeMs, { isSelling, profile });
}

/** Counts `units` that one sale took at the position's time while it was in stock. */
export function observeSale(position: Position, units: number): void {
  while (position.length < FULL_LENGTH) position.push(0);
  position[ALPHA] = slot(position, ALPHA) + units;
  position[SQUARES] = slot(position, SQUARES) + units * units;
  position[SALE_MS] = slot(position, AT_MS);
  position[SALE_BETA] = slot(position, BETA);
  position[GAP_DAYS] = 0;
  position[DAY_UNITS] = slot(position, DAY_UNITS) + units;
}

/** What is believed of the rate; undefined before there was any time in stock. */
export function beliefOf(position: Position): DemandBelief | undefined {
  return beliefFrom({
    alpha: slot(position, ALPHA),
    squares: slot(position, SQUARES),
    beta: slot(position, BETA),
  });
}

/** The belief that follows from decayed units, their squares per sale and weighted days in stock. */
export function beliefFrom(evidence: {
  readonly alpha: number;
  readonly squares: number;
  readonly beta: number;
}): DemandBelief | undefined {
  const { alpha, squares, beta } = evidence;
  if (beta <= 0 || alpha <= 0) return undefined;
  const unitsPerSale = Math.max(1, squares / alpha);
  return { shape: alpha / unitsPerSale, exposure: beta, unitsPerSale };
}

/** Units per weighted day. */
export function rateOf({ shape, exposure, unitsPerSale }: DemandBelief): number {
  return (shape * unitsPerSale) / exposure;
}

/** The units that `days` weighted days ask for, with their 95 % interval. */
export function expectedUnits(belief: DemandBelief, days: number): Interval {
  const scale = (belief.unitsPerSale * days) / belief.exposure;
  return {
    point: rateOf(belief) * days,
    low: LOW.at(belief.shape) * scale,
    high: HIGH.at(belief.shape) * scale,
  };
}

/**
 * The chance that an item that sells as before is not sold for as long as it has not been now; null
 * until it has been sold.
 */
export function phantomChanceOf(position: Position): number | null {
  if (position.length < FULL_LENGTH) return null;
  const beta = slot(position, SALE_BETA);
  const gap = slot(position, GAP_DAYS);
  const decayed = decayOver(slot(position, AT_MS) - slot(position, SALE_MS));
  const units = slot(position, ALPHA) / decayed;
  const squares = slot(position, SQUARES) / decayed;
  const belief = beliefFrom({ alpha: units, squares, beta });
  return belief === undefined ? null : quietChance(belief, gap);
}

/** (β/(β+T))^α: the chance of no sale in `days` weighted days. */
export function quietChance(
  belief: Pick<DemandBelief, 'shape' | 'exposure'>,
  days: number,
): number {
  return Math.exp(-belief.shape * Math.log1p(days / belief.exposure));
}

/** Forecasts for items that sell on few days, units per day in stock; null until one has been sold. */
export function intermittentRates(
  position: Position,
): { readonly tsb: number; readonly croston: number; readonly sba: number } | null {
  if (slot(position, CROSTON_DAYS) === 0) return null;
  const croston = slot(position, CROSTON_SIZE) / slot(position, CROSTON_DAYS);
  return {
    tsb: slot(position, TSB_SHARE) * slot(position, TSB_SIZE),
    croston,
    sba: croston * (1 - SMOOTHING / 2),
  };
}

/** Σ|units − expected| ÷ Σ units over past days; null until a day with sales has passed. */
export function forecastErrorOf(position: Position): number | null {
  const actuals = slot(position, ACTUALS);
  return actuals > 0 ? slot(position, ERRORS) / actuals : null;
}

function passTime(
  position: Position,
  toMs: number,
  { isSelling, profile }: { readonly isSelling: boolean; readonly profile: WeekProfile },
): void {
  const fromMs = slot(position, AT_MS);
  if (toMs <= fromMs) return;
  const decay = decayOver(toMs - fromMs);
  position[ALPHA] = slot(position, ALPHA) * decay;
  position[SQUARES] = slot(position, SQUARES) * decay;
  position[BETA] = slot(position, BETA) * decay;
  position[AT_MS] = toMs;
  if (!isSelling) return;
  position[BETA] = slot(position, BETA) + profile.evidenceBetween(fromMs, toMs);
  if (position.length < FULL_LENGTH) return;
  const days = profile.daysBetween(fromMs, toMs);
  position[GAP_DAYS] = slot(position, GAP_DAYS) + days;
  position[DAY_WEIGHT] = slot(position, DAY_WEIGHT) + days;
}

/** Ends the day in hand; only days that ended in stock, or had a sale, say something about demand. */
function closeDay(position: Position, isSelling: boolean): void {
  position[DAY] = slot(position, DAY) + 1;
  const units = slot(position, DAY_UNITS);
  if (isSelling || units > 0) observeDay(position, units);
  if (position.length === QUIET_LENGTH) return;
  compareDay(position, units);
  position[DAY_UNITS] = 0;
  position[DAY_WEIGHT] = 0;
  const beta = slot(position, BETA);
  position[DAY_RATE] = beta > 0 ? slot(position, ALPHA) / beta : 0;
}

/** One period of Croston's method and of TSB. */
export function observeDay(position: Position, units: number): void {
  const quietDays = slot(position, QUIET_DAYS) + 1;
  position[QUIET_DAYS] = units > 0 ? 0 : quietDays;
  if (units > 0) {
    const isFirst = slot(position, CROSTON_DAYS) === 0;
    const smoothed = (index: number, value: number): number =>
      isFirst ? value : slot(position, index) + SMOOTHING * (value - slot(position, index));
    position[TSB_SIZE] = smoothed(TSB_SIZE, units);
    position[CROSTON_SIZE] = smoothed(CROSTON_SIZE, units);
    position[CROSTON_DAYS] = smoothed(CROSTON_DAYS, quietDays);
    // The share starts with the first period: 1 when that had a sale, otherwise 0.
    if (isFirst && quietDays === 1) position[TSB_SHARE] = 1;
  }
  if (position.length === QUIET_LENGTH) return;
  const share = slot(position, TSB_SHARE);
  position[TSB_SHARE] = share + SMOOTHING * ((units > 0 ? 1 : 0) - share);
}

function compareDay(position: Position, units: number): void {
  const decay = decayOver(DAY_MS);
  const expected = slot(position, DAY_RATE) * slot(position, DAY_WEIGHT);
  const isExpected = slot(position, DAY_RATE) > 0;
  position[ERRORS] = slot(position, ERRORS) * decay + (isExpected ? Math.abs(units - expected) : 0);
  position[ACTUALS] = slot(position, ACTUALS) * decay + (isExpected ? units : 0);
}
