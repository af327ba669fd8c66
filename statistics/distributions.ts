import { betaRatio, upperGammaRatio } from './gamma.ts';

/** Steps of a bisection: each halves the bracket, 200 exhaust a double. */
const BISECTIONS_MAX = 200;

/** Φ(x): the chance that a standard normal variable is at most x. */
export function normalCdf(x: number): number {
  const tail = 0.5 * upperGammaRatio(0.5, (x * x) / 2);
  return x < 0 ? tail : 1 - tail;
}

/** The chance that a χ² of `degrees` (one or more) exceeds `statistic` (zero or more). */
export function chiSquareTail(statistic: number, degrees: number): number {
  return upperGammaRatio(degrees / 2, statistic / 2);
}

/** The chance that Student's t of `degrees` (above zero) lies beyond ±`t`. */
export function studentTwoSidedP(t: number, degrees: number): number {
  return betaRatio(degrees / (degrees + t * t), degrees / 2, 0.5);
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
