import { lnPoissonTerm } from './saddle-point.ts';

/** Terms of a series or a fraction: about 8√a are needed, so it is exact up to a = 10⁹. */
const TERMS_MAX = 300_000;
const PRECISION = 1e-16;
/** Stands in for a zero denominator in a continued fraction. */
const TINY = 1e-300;
/** Steps of Newton's method; bisection takes over where it leaves the bracket, so both are enough. */
const STEPS_MAX = 200;
/** Below this a and above this x, Q is so small that 1 − P would lose its digits. */
const SMALL_A = 0.01;
const LARGE_X = 0.5;
/** ln of the smallest double that has all its digits. */
const LN_SMALLEST = -708;

/**
 * ln P(a, x), the regularised lower incomplete gamma function: the chance that Gamma(a, 1) is at most
 * x, for a > 0 and x ≥ 0.
 *
 * @see NIST Digital Library of Mathematical Functions, 8.7.1 and 8.9.2
 */
export function lnLowerGamma(a: number, x: number): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY;
  if (isForSeries(a, x)) return lnBySeries(a, x);
  return Math.log1p(-Math.exp(lnByFraction(a, x)));
}

/** ln Q(a, x) = ln(1 − P(a, x)), exact far out in the tail. */
export function lnUpperGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  if (isForSeries(a, x)) return Math.log(-Math.expm1(lnBySeries(a, x)));
  return lnByFraction(a, x);
}

/**
 * The x that Gamma(a, 1) stays at or below with the chance `p`, for a > 0 and 0 < p < 1; 0 where it is
 * too small for a double.
 */
export function gammaQuantile(a: number, p: number): number {
  const isLower = p <= 0.5;
  const lnTarget = isLower ? Math.log(p) : Math.log1p(-p);
  const lnAt = (lnX: number): number => {
    const x = Math.exp(lnX);
    return isLower ? lnLowerGamma(a, x) : -lnUpperGamma(a, x);
  };
  const wanted = isLower ? lnTarget : -lnTarget;
  // ln P rises with ln x, and so does −ln Q.
  let low = LN_SMALLEST;
  let high = Math.log(a + 50 * Math.sqrt(a) + 50 - 2 * Math.log1p(-p));
  if (lnAt(low) >= wanted) return 0;
  let lnX = Math.min(high, Math.max(low, Math.log(startingPoint(a, p))));
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const value = lnAt(lnX) - wanted;
    if (value > 0) high = lnX;
    else low = lnX;
    const slope = Math.exp(
      Math.log(a) + lnPoissonTerm(a, Math.exp(lnX)) - (isLower ? lnAt(lnX) : -lnAt(lnX)),
    );
    const next = lnX - value / slope;
    const isInside = next > low && next < high;
    const moved = isInside ? next : (low + high) / 2;
    if (Math.abs(moved - lnX) <= PRECISION * Math.max(1, Math.abs(lnX)) || moved === lnX) break;
    lnX = moved;
  }
  return Math.exp(lnX);
}

/** Where the search begins: the first term of the series, which is exact for small p. */
function startingPoint(a: number, p: number): number {
  if (p > 0.5 || a > 1) return a;
  // P ≈ xᵃ / Γ(a + 1), and −lnPoissonTerm(a, 1) − 1 is ln Γ(a + 1).
  return Math.exp((Math.log(p) - lnPoissonTerm(a, 1) - 1) / a);
}

function isForSeries(a: number, x: number): boolean {
  return x < a + 1 && (a >= SMALL_A || x <= LARGE_X);
}

function lnBySeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n < TERMS_MAX && term > sum * PRECISION; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return lnPoissonTerm(a, x) + Math.log(sum);
}

/** By Lentz's method. */
function lnByFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < TERMS_MAX; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / awayFromZero(numerator * d + b);
    c = awayFromZero(b + numerator / c);
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) < PRECISION) break;
  }
  return lnPoissonTerm(a, x) + Math.log(a) + Math.log(fraction);
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
