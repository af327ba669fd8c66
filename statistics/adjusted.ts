import { type Estimate, type OutcomeSums, covarianceOf, meanOf } from './two-samples.ts';

/** Sums over one arm of an outcome y and of what was known before the test, x. */
export interface AdjustableSums {
  readonly outcome: OutcomeSums;
  readonly before: OutcomeSums;
  readonly sumOfProducts: number;
}

/** A difference with what the time before the test explains taken out. */
export interface AdjustedDifference extends Estimate {
  /** Cov(Y, X) / Var(X) over both arms as one sample; 0 when X does not vary. */
  readonly theta: number;
}

/**
 * treated − control of Y − θX (CUPED).
 *
 * @see A. Deng et al., "Improving the Sensitivity of Online Controlled Experiments by Utilizing
 *   Pre-Experiment Data", WSDM 2013; definitions.md §1
 */
export function adjustedDifference(
  treated: AdjustableSums,
  control: AdjustableSums,
): AdjustedDifference {
  const both = momentsOf({
    outcome: added(treated.outcome, control.outcome),
    before: added(treated.before, control.before),
    sumOfProducts: treated.sumOfProducts + control.sumOfProducts,
  });
  const theta = both.ofBefore > 0 ? both.covariance / both.ofBefore : 0;
  const ofTreated = adjusted(treated, theta);
  const ofControl = adjusted(control, theta);
  return {
    theta,
    point: ofTreated.mean - ofControl.mean,
    standardError: Math.sqrt(ofTreated.ofMean + ofControl.ofMean),
  };
}

function adjusted(arm: AdjustableSums, theta: number): { mean: number; ofMean: number } {
  const { ofOutcome, ofBefore, covariance } = momentsOf(arm);
  const { count } = arm.outcome;
  return {
    mean: (arm.outcome.sum - theta * arm.before.sum) / count,
    ofMean: (ofOutcome + theta ** 2 * ofBefore - 2 * theta * covariance) / count,
  };
}

function momentsOf({ outcome, before, sumOfProducts }: AdjustableSums): {
  ofOutcome: number;
  ofBefore: number;
  covariance: number;
} {
  return {
    ofOutcome: meanOf(outcome).variance,
    ofBefore: meanOf(before).variance,
    covariance: covarianceOf(outcome.count, sumOfProducts, [outcome.sum, before.sum]),
  };
}

function added(a: OutcomeSums, b: OutcomeSums): OutcomeSums {
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    sumOfSquares: a.sumOfSquares + b.sumOfSquares,
  };
}
