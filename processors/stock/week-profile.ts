import { assert } from '../../schemas/errors.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';

export const HOURS_PER_DAY = 24;
export const HOURS_PER_WEEK = 7 * HOURS_PER_DAY;
const WEEK_MS = HOURS_PER_WEEK * HOUR_MS;
/** 1 January 1970 was a Thursday: the week before it began three days earlier, on Monday. */
const MONDAY_OFFSET_MS = 3 * DAY_MS;
/** How long it takes until evidence counts half. */
export const HALF_LIFE_MS = 28 * DAY_MS;
const DECAY_PER_MS = Math.LN2 / HALF_LIFE_MS;

/** What remains of evidence after `elapsedMs`. */
export function decayOver(elapsedMs: number): number {
  return Math.exp(-DECAY_PER_MS * elapsedMs);
}

/**
 * How demand spreads over the hours of a week (UTC, from Monday 00:00). An hour's weight is 1 on
 * average, so that weighted time is counted in days like plain time.
 */
export class WeekProfile {
  readonly isFlat: boolean;
  readonly #weights: readonly number[];
  /** Weighted milliseconds from Monday 00:00 to the start of each hour; the last is a week. */
  readonly #before: readonly number[];
  /** The same, as evidence that was fresh at each moment is worth at the start of the hour. */
  readonly #evidenceBefore: readonly number[];

  /** @param weights 168 of the week or 24 of every day, zero or more; none is a flat profile */
  constructor(weights: readonly number[] = []) {
    assert(
      weights.length === 0 || weights.length === HOURS_PER_DAY || weights.length === HOURS_PER_WEEK,
      'a profile has 24 or 168 weights',
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    assert(weights.length === 0 || sum > 0, 'a profile has a weight above zero');
    this.isFlat = weights.every((weight) => weight === weights[0]);
    const mean = this.isFlat ? 1 : sum / weights.length;
    this.#weights = Array.from({ length: HOURS_PER_WEEK }, (_, hour) =>
      this.isFlat ? 1 : (weights[hour % weights.length] ?? 0) / mean,
    );
    const before = [0];
    const evidenceBefore = [0];
    for (const [hour, weight] of this.#weights.entries()) {
      before.push((before[hour] ?? 0) + weight * HOUR_MS);
      evidenceBefore.push(
        (evidenceBefore[hour] ?? 0) * decayOver(HOUR_MS) + weight * freshEvidence(HOUR_MS),
      );
    }
    this.#before = before;
    this.#evidenceBefore = evidenceBefore;
  }

  /** Weighted days from `fromMs` to `toMs`, which is not before it. */
  daysBetween(fromMs: number, toMs: number): number {
    if (this.isFlat) return (toMs - fromMs) / DAY_MS;
    const from = weekOf(fromMs);
    const to = weekOf(toMs);
    const weeks = (to.startMs - from.startMs) / WEEK_MS;
    return (weeks * WEEK_MS + this.#weightTo(to.withinMs) - this.#weightTo(from.withinMs)) / DAY_MS;
  }

  /**
   * What time from `fromMs` to `toMs` is worth as evidence at `toMs`: its weighted days, each moment
   * decayed by its age.
   */
  evidenceBetween(fromMs: number, toMs: number): number {
    if (this.isFlat) return freshEvidence(toMs - fromMs) / DAY_MS;
    const from = weekOf(fromMs);
    const to = weekOf(toMs);
    const fromHour = Math.floor(from.withinMs / HOUR_MS);
    if (from.startMs === to.startMs && fromHour === Math.floor(to.withinMs / HOUR_MS)) {
      return ((this.#weights[fromHour] ?? 0) * freshEvidence(toMs - fromMs)) / DAY_MS;
    }
    const weeks = (to.startMs - from.startMs) / WEEK_MS;
    const whole = this.#evidenceBefore[HOURS_PER_WEEK] ?? 0;
    // The whole weeks in between, as of the start of the last one: a geometric series.
    const decay = decayOver(WEEK_MS);
    const inWeeks = whole * ((1 - decay ** weeks) / (1 - decay));
    const atWeekStart = inWeeks - decayOver(to.startMs - fromMs) * this.#evidenceTo(from.withinMs);
    return (this.#evidenceTo(to.withinMs) + decayOver(to.withinMs) * atWeekStart) / DAY_MS;
  }

  /** When `days` weighted days have passed since `fromMs`; Infinity for an infinite number of them. */
  after(fromMs: number, days: number): number {
    if (!Number.isFinite(days)) return Number.POSITIVE_INFINITY;
    if (this.isFlat) return fromMs + days * DAY_MS;
    const from = weekOf(fromMs);
    const target = this.#weightTo(from.withinMs) + days * DAY_MS;
    const weeks = Math.floor(target / WEEK_MS);
    const rest = target - weeks * WEEK_MS;
    let hour = 0;
    while (hour < HOURS_PER_WEEK - 1 && (this.#before[hour + 1] ?? 0) < rest) hour += 1;
    const weight = this.#weights[hour] ?? 0;
    const intoHour = weight > 0 ? (rest - (this.#before[hour] ?? 0)) / weight : 0;
    return from.startMs + weeks * WEEK_MS + hour * HOUR_MS + intoHour;
  }

  #weightTo(withinMs: number): number {
    const hour = Math.floor(withinMs / HOUR_MS);
    return (this.#before[hour] ?? 0) + (this.#weights[hour] ?? 0) * (withinMs - hour * HOUR_MS);
  }

  #evidenceTo(withinMs: number): number {
    const hour = Math.floor(withinMs / HOUR_MS);
    const intoHourMs = withinMs - hour * HOUR_MS;
    return (
      (this.#evidenceBefore[hour] ?? 0) * decayOver(intoHourMs) +
      (this.#weights[hour] ?? 0) * freshEvidence(intoHourMs)
    );
  }
}

/** ∫ 2^(−s/half-life) ds over `elapsedMs`. */
function freshEvidence(elapsedMs: number): number {
  return -Math.expm1(-DECAY_PER_MS * elapsedMs) / DECAY_PER_MS;
}

function weekOf(instantMs: number): { readonly startMs: number; readonly withinMs: number } {
  const startMs = Math.floor((instantMs + MONDAY_OFFSET_MS) / WEEK_MS) * WEEK_MS - MONDAY_OFFSET_MS;
  return { startMs, withinMs: instantMs - startMs };
}
