import { gammaQuantile } from './incomplete-gamma.ts';

/** Shapes from 2⁻⁴ to 2³⁰ are interpolated; the rest is rare and computed. */
const OCTAVE_MIN = -4;
const OCTAVES = 34;
/** Points of an octave: the nearest singularity is nine half-widths away, so each gains a digit. */
const POINTS = 15;

/**
 * Quantiles of Gamma(a, 1) at one chance for any shape a > 0, a hundred times as fast as
 * `gammaQuantile` and the same to 1e-11: ln of the quantile is a smooth function of ln a, and each
 * octave of it is interpolated at Chebyshev's points, which are computed when the octave is first asked for.
 *
 * @see Berrut, Trefethen, "Barycentric Lagrange Interpolation", SIAM Review 46 (2004), 5.3
 */
export class GammaQuantiles {
  readonly #chance: number;
  readonly #octaves: (Float64Array | undefined)[] = Array.from({ length: OCTAVES });

  /** @param chance between 0 and 1 */
  constructor(chance: number) {
    this.#chance = chance;
  }

  at(shape: number): number {
    const exponent = Math.log2(shape);
    const octave = Math.floor(exponent) - OCTAVE_MIN;
    if (!(octave >= 0 && octave < OCTAVES)) return gammaQuantile(shape, this.#chance);
    const values = (this.#octaves[octave] ??= this.#valuesOf(octave));
    // From −1 to 1 within the octave.
    const place = 2 * (exponent - OCTAVE_MIN - octave) - 1;
    let above = 0;
    let below = 0;
    for (let index = 0; index < POINTS; index += 1) {
      const distance = place - pointAt(index);
      const value = values[index] ?? 0;
      if (distance === 0) return Math.exp(value);
      const weight = (WEIGHTS[index] ?? 0) / distance;
      above += weight * value;
      below += weight;
    }
    return Math.exp(above / below);
  }

  #valuesOf(octave: number): Float64Array {
    return Float64Array.from({ length: POINTS }, (_, index) =>
      Math.log(gammaQuantile(2 ** (OCTAVE_MIN + octave + (pointAt(index) + 1) / 2), this.#chance)),
    );
  }
}

const PLACES = Float64Array.from({ length: POINTS }, (_, index) =>
  Math.cos((index * Math.PI) / (POINTS - 1)),
);

/** Signs that alternate, halved at both ends. */
const WEIGHTS = Float64Array.from(
  { length: POINTS },
  (_, index) => (index % 2 === 0 ? 1 : -1) * (index === 0 || index === POINTS - 1 ? 0.5 : 1),
);

function pointAt(index: number): number {
  return PLACES[index] ?? 0;
}
