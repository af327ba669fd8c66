/** ½ ln 2π. */
export const HALF_LN_TWO_PI = 0.918_938_533_204_672_8;

/** From here on seven terms of Stirling's series are exact to a double. */
const SERIES_FROM = 16;

/** Coefficients of 1/a, 1/a³, 1/a⁵ … in Stirling's series: B(2k)/(2k(2k−1)). */
const STIRLING = [
  1 / 12,
  -1 / 360,
  1 / 1_260,
  -1 / 1_680,
  1 / 1_188,
  -691 / 360_360,
  1 / 156,
] as const;

/** Below this share of its arguments' sum a difference is small enough for the series of `deviance`. */
const NEAR = 0.1;
/** Terms of that series: each gains two digits. */
const TERMS_MAX = 1_000;

/**
 * ln Γ(a + 1) − (a + ½) ln a + a − ½ ln 2π, for a > 0: what Stirling's formula leaves out. Densities
 * are put together from it and `deviance` instead of from ln Γ, whose size would eat the digits of a
 * difference when the arguments are large.
 *
 * @see C. Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000)
 */
export function stirlingError(a: number): number {
  if (a < SERIES_FROM) {
    // Γ(a + 1) = Γ(a + n + 1) / ((a + 1) … (a + n)).
    let shifted = a;
    let product = 1;
    while (shifted < SERIES_FROM) {
      shifted += 1;
      product *= shifted;
    }
    const lnFactorial =
      stirlingError(shifted) +
      (shifted + 0.5) * Math.log(shifted) -
      shifted +
      HALF_LN_TWO_PI -
      Math.log(product);
    return lnFactorial - (a + 0.5) * Math.log(a) + a - HALF_LN_TWO_PI;
  }
  const square = 1 / (a * a);
  let sum = 0;
  for (let term = STIRLING.length - 1; term >= 0; term -= 1) {
    sum = sum * square + (STIRLING[term] ?? 0);
  }
  return sum / a;
}

/** ln Γ(a) for a > 0. */
export function lnGamma(a: number): number {
  return stirlingError(a) + (a - 0.5) * Math.log(a) - a + HALF_LN_TWO_PI;
}

/** x ln(x/m) + m − x, for x > 0 and m > 0, without the cancellation near x = m. */
export function deviance(x: number, m: number): number {
  const difference = x - m;
  if (Math.abs(difference) >= NEAR * (x + m)) return x * Math.log(x / m) + m - x;
  const ratio = difference / (x + m);
  const square = ratio * ratio;
  let sum = difference * ratio;
  let power = 2 * x * ratio;
  for (let odd = 3; odd < TERMS_MAX; odd += 2) {
    power *= square;
    const next = sum + power / odd;
    if (next === sum) return next;
    sum = next;
  }
  return sum;
}

/** ln(xᵃ e⁻ˣ / Γ(a + 1)) for a > 0 and x > 0: a Poisson probability when a is whole. */
export function lnPoissonTerm(a: number, x: number): number {
  return -stirlingError(a) - deviance(a, x) - HALF_LN_TWO_PI - 0.5 * Math.log(a);
}

/**
 * ln(Γ(a + b + 1)/(Γ(a + 1) Γ(b + 1)) xᵃ yᵇ) for a, b > 0 and x + y = 1: a binomial probability when
 * both are whole.
 */
export function lnBinomialTerm(
  { a, b }: { readonly a: number; readonly b: number },
  { x, y }: { readonly x: number; readonly y: number },
): number {
  const n = a + b;
  return (
    stirlingError(n) -
    stirlingError(a) -
    stirlingError(b) -
    deviance(a, n * x) -
    deviance(b, n * y) -
    HALF_LN_TWO_PI -
    0.5 * (Math.log(a) + Math.log(b) - Math.log(n))
  );
}
