import { normalCdf, studentTwoSidedP, studentTwoSidedQuantile } from './distributions.ts';
import { PLAIN_ERRORS } from './proportion.ts';
import { type OutcomeSums, meanOf, ratioWithin, welchDegrees } from './two-samples.ts';

/** Share of intervals that may miss, and the p from which on a change is called. */
const ALPHA = 0.05;

/** How much of a new observation goes into a slot's level, and into its squared error. */
const SMOOTHING = 0.3;

/** A relative change, 0.1 is +10 %, tested for one look that was planned beforehand. */
export interface Change {
  readonly point: number;
  /** Of the test of "no change". */
  readonly p: number;
  /**
   * The changes that the same test does not exclude at 95 %: it leaves out 0 exactly when p is at most
   * .05. Undefined where nothing can be excluded.
   */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
}

/**
 * mean(after) ÷ mean(before) − 1 of sums per day (PRE_POST), by Welch's t. The interval is Fieller's with
 * the same t. Undefined for fewer than two days on a side, without a sale before, or where nothing varies.
 *
 * @see E. C. Fieller, "Some Problems in Interval Estimation", JRSS B 16 (1954); definitions.md §2
 */
export function prePost(before: readonly number[], after: readonly number[]): Change | undefined {
  if (before.length < 2 || after.length < 2) return undefined;
  const was = meanOf(sumsOf(before));
  const is = meanOf(sumsOf(after));
  const errors = Math.sqrt(is.variance / is.count + was.variance / was.count);
  if (!(was.mean > 0) || !(errors > 0)) return undefined;
  const degrees = welchDegrees(is, was);
  return {
    point: is.mean / was.mean - 1,
    p: studentTwoSidedP((is.mean - was.mean) / errors, degrees),
    interval: ratioWithin(is, was, studentTwoSidedQuantile(ALPHA, degrees)),
  };
}

/** What one hour brought. */
export interface SlotValue {
  /** Hour of the week, 0 to 167. */
  readonly slot: number;
  readonly value: number;
}

/**
 * ΣY/ΣL − 1 (BASELINE): what came after the start against the level L of each hour of the week, smoothed
 * over the time before (a = .3) and frozen at the start. Levels start with the first observation.
 *
 * The variance comes from the smoothed squares V of the one-step errors before the start: an error is
 * one observation's noise and that of the level, V = σ²·2/(2 − a). A level that serves for k hours is
 * wrong in the same direction in all of them, so they have the variance V·k·((2 − a) + k·a)/2.
 *
 * @param before in order of time, two or more of every hour of the week that `after` has
 * @returns undefined where an hour has no level with an error, or nothing was sold before
 * @see definitions.md §2
 */
export function baseline(
  before: readonly SlotValue[],
  after: readonly SlotValue[],
): Change | undefined {
  const levels = new Map<number, { level: number; squaredError: number | undefined }>();
  for (const { slot, value } of before) {
    const known = levels.get(slot);
    if (known === undefined) {
      levels.set(slot, { level: value, squaredError: undefined });
      continue;
    }
    const squared = (value - known.level) ** 2;
    known.squaredError =
      known.squaredError === undefined
        ? squared
        : SMOOTHING * squared + (1 - SMOOTHING) * known.squaredError;
    known.level = SMOOTHING * value + (1 - SMOOTHING) * known.level;
  }
  const hours = new Map<number, number>();
  let total = 0;
  for (const { slot, value } of after) {
    hours.set(slot, (hours.get(slot) ?? 0) + 1);
    total += value;
  }
  let expected = 0;
  let variance = 0;
  for (const [slot, count] of hours) {
    const known = levels.get(slot);
    if (known?.squaredError === undefined) return undefined;
    expected += count * known.level;
    variance += (known.squaredError * count * (2 - SMOOTHING + count * SMOOTHING)) / 2;
  }
  if (!(expected > 0) || !(variance > 0)) return undefined;
  const error = Math.sqrt(variance);
  const point = total / expected - 1;
  const half = (PLAIN_ERRORS * error) / expected;
  return {
    point,
    p: 2 * normalCdf(-Math.abs(total - expected) / error),
    interval: { low: point - half, high: point + half },
  };
}

/** What a region sold before and after the start. */
export interface RegionSums {
  readonly before: number;
  readonly after: number;
}

/**
 * (T_after/T_before)/(C_after/C_before) − 1 (GEO_DID), tested by placebo: each control region in turn is
 * taken for the treated one, against the others. The interval is the inversion of that test: the effects
 * for which what remains of the difference is no larger than a placebo's that p does not exclude. With
 * fewer than 19 control regions no p reaches .05, and nothing can be excluded.
 *
 * @param controls with sales before the start, two or more
 * @see definitions.md §2
 */
export function geoDifference(
  treated: RegionSums,
  controls: readonly RegionSums[],
): Change | undefined {
  const all = controls.reduce(addRegions, { before: 0, after: 0 });
  const point = differenceOf(treated, all);
  if (point === undefined || controls.length < 2) return undefined;
  const placebos = controls.flatMap((control) => {
    const others = {
      before: all.before - control.before,
      after: all.after - control.after,
    };
    return differenceOf(control, others) ?? [];
  });
  const sizes = placebos.map((placebo) => Math.abs(placebo)).toSorted((a, b) => b - a);
  const pOf = (atLeast: number): number => (1 + atLeast) / (1 + sizes.length);
  // The largest difference that is not excluded: as many placebos reach it as bring p above alpha.
  const reach = sizes.find((_size, index) => pOf(index + 1) > ALPHA);
  const isBounded = pOf(0) <= ALPHA && reach !== undefined && reach < 1;
  return {
    point,
    p: pOf(sizes.filter((size) => size >= Math.abs(point)).length),
    interval: isBounded
      ? { low: (1 + point) / (1 + reach) - 1, high: (1 + point) / (1 - reach) - 1 }
      : undefined,
  };
}

/** The slope of ln(T/C) per day, and the p of "no slope". */
export interface Trend {
  readonly perDay: number;
  readonly p: number;
}

/**
 * Whether treated and control regions went apart before the start already, so that their difference
 * after it means nothing: the least-squares slope of ln(T/C) over the days. Days on which one of them
 * sold nothing have no ratio and are left out.
 *
 * @param days in order of time; undefined for fewer than three that can be used
 */
export function trendBefore(
  days: readonly { readonly day: number; readonly treated: number; readonly control: number }[],
): Trend | undefined {
  const points = days
    .filter(({ treated, control }) => treated > 0 && control > 0)
    .map(({ day, treated, control }) => ({ x: day, y: Math.log(treated / control) }));
  const count = points.length;
  if (count < 3) return undefined;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  let squares = 0;
  let products = 0;
  for (const { x, y } of points) {
    squares += (x - meanX) ** 2;
    products += (x - meanX) * (y - meanY);
  }
  const perDay = products / squares;
  const residuals = points.reduce(
    (sum, { x, y }) => sum + (y - meanY - perDay * (x - meanX)) ** 2,
    0,
  );
  const error = Math.sqrt(residuals / (count - 2) / squares);
  if (!(error > 0)) return { perDay, p: perDay === 0 ? 1 : 0 };
  return { perDay, p: studentTwoSidedP(perDay / error, count - 2) };
}

/** Undefined where a side sold nothing that could be divided by. */
function differenceOf(treated: RegionSums, control: RegionSums): number | undefined {
  if (!(treated.before > 0) || !(control.before > 0) || !(control.after > 0)) return undefined;
  return treated.after / treated.before / (control.after / control.before) - 1;
}

function addRegions(a: RegionSums, b: RegionSums): RegionSums {
  return { before: a.before + b.before, after: a.after + b.after };
}

function sumsOf(values: readonly number[]): OutcomeSums {
  let sum = 0;
  let sumOfSquares = 0;
  for (const value of values) {
    sum += value;
    sumOfSquares += value * value;
  }
  return { count: values.length, sum, sumOfSquares };
}
