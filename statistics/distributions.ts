import { lnBetaRatio } from './incomplete-beta.ts';
import { lnUpperGamma } from './incomplete-gamma.ts';

/** Steps of a bisection: each halves the bracket, 200 exhaust a double. */
const BISECTIONS_MAX = 200;

/** Φ(x): the chance that a standard normal variable is at most x. */
export function normalCdf(x: number): number {
  const tail = 0.5 * Math.exp(lnUpperGamma(0.5, (x * x) / 2));
  return x < 0 ? tail : 1 - tail;
}

/** The chance that a χ² of `degrees` (one or more) exceeds `statistic` (zero or more). */
export function chiSquareTail(statistic: number, degrees: number): number {
  return Math.exp(lnUpperGamma(degrees / 2, statistic / 2));
}

/** The chance that Student's t of `degrees` (above zero) lies beyond ±`t`. */
export function studentTwoSidedP(t: number, degrees: number): number {
  const whole = degrees + t * t;
  return Math.exp(
    lnBetaRatio({ a: degrees / 2, b: 0.5 }, { x: degrees / whole, y: (t * t) / whole }),
  );
}

/** The t that is exceeded on either side with the chance `p` (0 < p < 1), for `degrees` above zero. */
export function studentTwoSidedQuantile(p: number, degrees: number): number {
  let low = 0;
  let high = 1;
  while (studentTwoSidedP(high, degrees) > p && Number.isFinite(high)) high *= 2;
  for (let step = 0; step < BISECTIONS_MAX; step += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (studentTwoSidedP(middle, degrees) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
