import { assert } from '../schemas/errors.ts';
import { type Estimate, type Sample, ratioWithin, relativeOf } from './two-samples.ts';

/** What can be said at any moment, however often somebody looks. */
export interface AlwaysValid {
  readonly low: number;
  readonly high: number;
  /** ln of the e-value against "no difference". */
  readonly lnE: number;
  /** 1/E, at most 1. */
  readonly p: number;
}

/** ρ for which the interval is narrowest at `plannedCount` visitors. */
export function sharpness(plannedCount: number, alpha: number): number {
  const doubled = -2 * Math.log(alpha);
  return Math.sqrt((doubled + Math.log(1 + doubled)) / plannedCount);
}

/** Half-width ÷ standard error after `count` visitors. */
export function widthInErrors(count: number, rho: number, alpha: number): number {
  const growth = count * rho ** 2 + 1;
  return Math.sqrt((2 * growth * Math.log(Math.sqrt(growth) / alpha)) / (count * rho ** 2));
}

/**
 * The asymptotic confidence sequence around `estimate`, and the e-value that belongs to it: the
 * interval excludes 0 exactly when p < alpha.
 *
 * @param options.count visitors of both arms together
 * @param options.plannedCount visitors expected at the decision, fixed before the test (N*)
 * @see I. Waudby-Smith et al., "Time-uniform central limit theory and asymptotic confidence
 *   sequences", arXiv 2103.06476
 */
export function alwaysValid(
  estimate: Estimate,
  options: { readonly count: number; readonly plannedCount: number; readonly alpha: number },
): AlwaysValid {
  const { count, plannedCount, alpha } = options;
  assert(alpha > 0 && alpha < 1, 'alpha must lie between 0 and 1');
  const rho = sharpness(plannedCount, alpha);
  const halfWidth = estimate.standardError * widthInErrors(count, rho, alpha);
  const squared = count * (estimate.point / estimate.standardError) ** 2;
  const growth = count * rho ** 2 + 1;
  const lnE = (rho ** 2 * squared) / (2 * growth) - Math.log(growth) / 2;
  return {
    low: estimate.point - halfWidth,
    high: estimate.point + halfWidth,
    lnE,
    p: Math.min(1, Math.exp(-lnE)),
  };
}

/**
 * The ratio treated ÷ control − 1 with the values that the sequence of treated − (1 + ratio) · control
 * does not exclude: it excludes 0 exactly when the interval of the difference does. Undefined while
 * control's mean cannot be told from zero.
 */
export function alwaysValidRatio(
  treated: Sample,
  control: Sample,
  options: { readonly plannedCount: number; readonly alpha: number },
): (Estimate & { readonly low: number; readonly high: number }) | undefined {
  const { plannedCount, alpha } = options;
  const width = widthInErrors(treated.count + control.count, sharpness(plannedCount, alpha), alpha);
  const within = ratioWithin(treated, control, width);
  return within === undefined ? undefined : { ...relativeOf(treated, control), ...within };
}

/**
 * Which of several tests are called, so that at most the share `alpha` of calls is false, whatever
 * the dependence between the tests: e-BH.
 *
 * @param lnEs ln of each e-value; the answer is in the same order
 * @see R. Wang and A. Ramdas, "False discovery rate control with e-values", JRSS B 84 (2022)
 */
export function callByEValues(lnEs: readonly number[], alpha: number): readonly boolean[] {
  const descending = lnEs.toSorted((a, b) => b - a);
  let called = 0;
  for (const [index, lnE] of descending.entries()) {
    const rank = index + 1;
    if (lnE >= Math.log(lnEs.length / (rank * alpha))) called = rank;
  }
  const threshold = called === 0 ? Number.POSITIVE_INFINITY : (descending[called - 1] ?? 0);
  return lnEs.map((lnE) => lnE >= threshold);
}
