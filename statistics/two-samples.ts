import { studentTwoSidedP, studentTwoSidedQuantile } from './distributions.ts';

/** What is known of one arm's mean. */
export interface Sample {
  readonly count: number;
  readonly mean: number;
  /** Of one observation, not of the mean. */
  readonly variance: number;
}

/** A point with its standard error. */
export interface Estimate {
  readonly point: number;
  readonly standardError: number;
}

/** Sums over one arm of an outcome y. */
export interface OutcomeSums {
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
}

/** An arm of zeros and ones: s² = p(1 − p). */
export function proportionOf(count: number, successes: number): Sample {
  const mean = successes / count;
  return { count, mean, variance: mean * (1 - mean) };
}

/** An arm of amounts: s² with n − 1. */
export function meanOf({ count, sum, sumOfSquares }: OutcomeSums): Sample {
  const mean = sum / count;
  return { count, mean, variance: covarianceOf(count, sumOfSquares, [sum, sum]) };
}

/**
 * An arm's ratio Σy/Σd, such as revenue per order, as if it were a mean of `count` visitors: the
 * variance is the delta method's.
 *
 * @see definitions.md §1, row "ratio (AOV)"
 */
export function ratioOf(arm: {
  readonly value: OutcomeSums;
  readonly base: OutcomeSums;
  readonly sumOfProducts: number;
}): Sample {
  const y = meanOf(arm.value);
  const d = meanOf(arm.base);
  const covariance = covarianceOf(y.count, arm.sumOfProducts, [arm.value.sum, arm.base.sum]);
  const variance =
    y.variance / d.mean ** 2 +
    (d.variance * y.mean ** 2) / d.mean ** 4 -
    (2 * covariance * y.mean) / d.mean ** 3;
  return { count: y.count, mean: y.mean / d.mean, variance };
}

/** treated − control. */
export function differenceOf(treated: Sample, control: Sample): Estimate {
  return {
    point: treated.mean - control.mean,
    standardError: Math.sqrt(treated.variance / treated.count + control.variance / control.count),
  };
}

/** treated ÷ control − 1, by the delta method; not finite when control's mean is zero. */
export function relativeOf(treated: Sample, control: Sample): Estimate {
  return {
    point: (treated.mean - control.mean) / control.mean,
    standardError: Math.sqrt(
      treated.variance / (treated.count * control.mean ** 2) +
        (treated.mean ** 2 * control.variance) / (control.count * control.mean ** 4),
    ),
  };
}

/**
 * The plain interval and p of treated − control for one look that was planned beforehand: Welch's t.
 * It is wrong for anybody who looks again and again.
 */
export function plainInterval(
  treated: Sample,
  control: Sample,
  alpha: number,
): { readonly low: number; readonly high: number; readonly p: number } {
  const { point, standardError } = differenceOf(treated, control);
  const degrees = welchDegrees(treated, control);
  const halfWidth = studentTwoSidedQuantile(alpha, degrees) * standardError;
  return {
    low: point - halfWidth,
    high: point + halfWidth,
    p: studentTwoSidedP(point / standardError, degrees),
  };
}

/** The degrees of freedom of Welch's t. */
export function welchDegrees(treated: Sample, control: Sample): number {
  const ofTreated = treated.variance / treated.count;
  const ofControl = control.variance / control.count;
  return (
    (ofTreated + ofControl) ** 2 /
    (ofTreated ** 2 / (treated.count - 1) + ofControl ** 2 / (control.count - 1))
  );
}

/**
 * The ratios q − 1 for which treated − q · control lies within `width` standard errors of zero. Undefined
 * while control's mean cannot be told from zero, so that any ratio is possible.
 *
 * @see E. C. Fieller, "Some Problems in Interval Estimation", JRSS B 16 (1954)
 */
export function ratioWithin(
  treated: Sample,
  control: Sample,
  width: number,
): { readonly low: number; readonly high: number } | undefined {
  const ofTreated = (width ** 2 * treated.variance) / treated.count;
  const ofControl = (width ** 2 * control.variance) / control.count;
  // (ȳT − q·ȳC)² ≤ w²(vT + q²·vC), a quadratic inequality in q.
  const leading = control.mean ** 2 - ofControl;
  if (!(leading > 0)) return undefined;
  const half = treated.mean * control.mean;
  const root = Math.sqrt(half ** 2 - leading * (treated.mean ** 2 - ofTreated));
  return { low: (half - root) / leading - 1, high: (half + root) / leading - 1 };
}

/** The covariance with n − 1 of two quantities, from Σ of their products and the Σ of each. */
export function covarianceOf(
  count: number,
  sumOfProducts: number,
  [sumA, sumB]: readonly [number, number],
): number {
  return (sumOfProducts - (sumA * sumB) / count) / (count - 1);
}
