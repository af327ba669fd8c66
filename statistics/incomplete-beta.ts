import { lnBinomialTerm } from './saddle-point.ts';

/** Terms of the fraction: about √max(a, b) are needed. */
const TERMS_MAX = 300_000;
const PRECISION = 1e-16;
/** Stands in for a zero denominator in a continued fraction. */
const TINY = 1e-300;

/**
 * ln I_x(a, b), the regularised incomplete beta function, for a, b > 0 and x + y = 1; both x and y are
 * given, because one of them may be too close to 1 to be told from it. Exact far out in the tail.
 *
 * @see NIST Digital Library of Mathematical Functions, 8.17.22
 */
export function lnBetaRatio(
  { a, b }: { readonly a: number; readonly b: number },
  { x, y }: { readonly x: number; readonly y: number },
): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY;
  if (y <= 0) return 0;
  if (x <= (a + 1) / (a + b + 2)) return lnByFraction({ a, b }, { x, y });
  return Math.log(-Math.expm1(lnByFraction({ a: b, b: a }, { x: y, y: x })));
}

/**
 * ln P(X ≥ count) of a negative binomial X, the number of events in an exposure of `horizon` when their
 * rate is Gamma(shape, exposure): P(NB(r = shape, p = exposure/(exposure + horizon)) ≥ count).
 *
 * @param rate.shape zero or more: events seen; 0 means none will come
 * @param rate.exposure above zero, in the unit of `horizon`
 */
export function lnNegativeBinomialTail(
  rate: { readonly shape: number; readonly exposure: number },
  horizon: number,
  count: number,
): number {
  if (count <= 0) return 0;
  if (rate.shape <= 0 || horizon <= 0) return Number.NEGATIVE_INFINITY;
  const whole = rate.exposure + horizon;
  return lnBetaRatio({ a: count, b: rate.shape }, { x: horizon / whole, y: rate.exposure / whole });
}

/** By Lentz's method. */
function lnByFraction(
  { a, b }: { readonly a: number; readonly b: number },
  { x, y }: { readonly x: number; readonly y: number },
): number {
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < TERMS_MAX; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) < PRECISION) break;
  }
  const lnScale = lnBinomialTerm({ a, b }, { x, y }) + Math.log(b) - Math.log(a + b);
  return lnScale + Math.log(fraction);
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
