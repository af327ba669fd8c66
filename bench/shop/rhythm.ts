import type { Random } from './random.ts';

export const HOURS_PER_DAY = 24;

/** Visits by hour of the day, UTC: quiet at night, a hill at noon, the peak after dinner. */
const HOUR_WEIGHTS = [
  30, 20, 14, 11, 10, 14, 28, 50, 72, 88, 98, 106, 112, 108, 102, 100, 104, 114, 130, 150, 160, 142,
  100, 60,
] as const;

/** The shop's day: how the rate of visits changes over it. Its mean over a day is 1. */
export class Rhythm {
  readonly dayLengthMs: number;
  /** Weight of each of the 24 hours, mean 1. */
  readonly weights: readonly number[];
  readonly #hourMs: number;

  /** @param rhythmRatio 0 a flat day, 1 the full difference between night and evening */
  constructor(dayLengthMs: number, rhythmRatio: number) {
    const mean = HOUR_WEIGHTS.reduce((sum, weight) => sum + weight, 0) / HOURS_PER_DAY;
    this.dayLengthMs = dayLengthMs;
    this.weights = HOUR_WEIGHTS.map((weight) => 1 + rhythmRatio * (weight / mean - 1));
    this.#hourMs = dayLengthMs / HOURS_PER_DAY;
  }

  /**
   * When a Poisson process that makes `ratePerMs` on average has its next event after `fromMs`:
   * an exponential amount of weighted time is spent hour by hour.
   */
  nextArrivalMs(fromMs: number, ratePerMs: number, random: Random): number {
    if (ratePerMs <= 0) return Number.POSITIVE_INFINITY;
    let left = random.exponential(1 / ratePerMs);
    let atMs = fromMs;
    let hour = Math.floor(fromMs / this.#hourMs);
    for (;;) {
      const weight = this.weights[((hour % HOURS_PER_DAY) + HOURS_PER_DAY) % HOURS_PER_DAY] ?? 1;
      const endMs = (hour + 1) * this.#hourMs;
      const available = (endMs - atMs) * weight;
      if (left <= available) return atMs + left / weight;
      left -= available;
      atMs = endMs;
      hour += 1;
    }
  }
}
