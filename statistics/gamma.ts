/** Lanczos' approximation with g = 7 and nine terms: relative error below 10⁻¹⁴ for x > 0. */
const LANCZOS_G = 7;
const LANCZOS = [
  0.99999999999981, 676.520368121885, -1259.1392167224, 771.323428777653, -176.615029162141,
  12.5073432786869, -0.13857109526572, 9.98436957801957e-6, 1.50563273514931e-7,
] as const;

/** Terms after which a series or fraction that has not settled is given up; 200 settle for any use here. */
const TERMS_MAX = 10_000;
const PRECISION = 1e-16;
/** Stands in for a zero denominator in a continued fraction. */
const TINY = 1e-300;

/**
 * ln Γ(x) for x > 0.
 *
 * @see C. Lanczos, "A Precision Approximation of the Gamma Function", SIAM J. Numer. Anal. B 1 (1964)
 */
export function lnGamma(x: number): number {
  let sum: number = LANCZOS[0];
  for (let term = 1; term < LANCZOS.length; term += 1) sum += (LANCZOS[term] ?? 0) / (x - 1 + term);
  const shifted = x - 1 + LANCZOS_G + 0.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(shifted) - shifted + Math.log(sum);
}

/**
 * The upper regularised incomplete gamma function Q(a, x) = Γ(a, x)/Γ(a), for a > 0 and x ≥ 0: the
 * chance that a χ² of 2a degrees of freedom exceeds 2x.
 *
 * @see NIST Digital Library of Mathematical Functions, 8.7.1 and 8.9.2
 */
export function upperGammaRatio(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - lnGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < TERMS_MAX && term > sum * PRECISION; n += 1) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - scale * sum;
  }
  // Lentz's method for the continued fraction.
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < TERMS_MAX; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / orTiny(numerator * d + b);
    c = orTiny(b + numerator / c);
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < PRECISION * 4) break;
  }
  return scale * fraction;
}

/**
 * The regularised incomplete beta function I_x(a, b), for a, b > 0 and 0 ≤ x ≤ 1.
 *
 * @see NIST Digital Library of Mathematical Functions, 8.17.22
 */
export function betaRatio(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction settles fast below the mean; above it the mirror image is used.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaRatio(1 - x, b, a);
  const scale = Math.exp(
    lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  let c = 1;
  let d = 1 / orTiny(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let n = 1; n < TERMS_MAX; n += 1) {
    const even = (n * (b - n) * x) / ((a + 2 * n - 1) * (a + 2 * n));
    d = 1 / orTiny(1 + even * d);
    c = orTiny(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + n) * (a + b + n) * x) / ((a + 2 * n) * (a + 2 * n + 1));
    d = 1 / orTiny(1 + odd * d);
    c = orTiny(1 + odd / c);
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < PRECISION * 4) break;
  }
  return (scale * fraction) / a;
}

function orTiny(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
