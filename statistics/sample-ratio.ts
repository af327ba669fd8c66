import { chiSquareTail } from './distributions.ts';
import { HALF_LN_TWO_PI, deviance, lnGamma, stirlingError } from './saddle-point.ts';

/** How strongly the peek-safe form believes in the planned shares before it sees anybody. */
const PRIOR_VISITORS = 100;

/** How many came into one arm, and the share that was planned for it. */
export interface ArmCount {
  readonly count: number;
  /** Zero or more; only its proportion to the other arms' means anything. */
  readonly weight: number;
}

/** Whether the arms are as large as planned. */
export interface SampleRatio {
  readonly chiSquare: number;
  /** Valid for one look. */
  readonly p: number;
  /** Valid however often somebody looks. */
  readonly peekSafeP: number;
}

/**
 * Tests the sizes of arms against their planned shares (SRM): χ², and a Dirichlet–multinomial Bayes
 * factor that stays valid under peeking.
 *
 * @param arms two or more with a weight above zero; others are left out
 * @see M. Lindon and A. Malek, "Anytime-Valid Inference For Multinomial Count Data", NeurIPS 2022
 */
export function sampleRatio(arms: readonly ArmCount[]): SampleRatio {
  const planned = arms.filter(({ weight }) => weight > 0);
  const total = planned.reduce((sum, { count }) => sum + count, 0);
  const weights = planned.reduce((sum, { weight }) => sum + weight, 0);
  let chiSquare = 0;
  // ln Γ(k) − ln Γ(k + n) + Σ(ln Γ(kθ + c) − ln Γ(kθ) − c ln θ) by Stirling's formula, whose large terms
  // make deviances: differences of ln Γ of a million visitors would keep eight digits.
  const all = PRIOR_VISITORS + total;
  let lnFactor = lnGamma(PRIOR_VISITORS) + Math.log(all) / 2 - HALF_LN_TWO_PI - stirlingError(all);
  for (const { count, weight } of planned) {
    const share = weight / weights;
    const expected = total * share;
    if (expected > 0) chiSquare += (count - expected) ** 2 / expected;
    const prior = PRIOR_VISITORS * share;
    const posterior = prior + count;
    lnFactor +=
      deviance(posterior, all * share) +
      stirlingError(posterior) +
      HALF_LN_TWO_PI -
      Math.log(posterior) / 2 +
      prior * Math.log(share) -
      lnGamma(prior);
  }
  return {
    chiSquare,
    p: chiSquareTail(chiSquare, planned.length - 1),
    peekSafeP: Math.min(1, Math.exp(-lnFactor)),
  };
}
