/** What the behaviour of a session may show, with the weight that each has by default. */
export const DEFAULT_WEIGHTS = {
  base: -3,
  data_centre: 1.2,
  no_beacon: 1.5,
  regular: 1.5,
  metronome: 1.5,
  fast: 1.5,
  robots: 2.5,
  no_assets: 1,
  one_hit: 0.8,
  signed_in: -2,
  pointer: -1.5,
  delivered: -4,
} as const;

export type Weights = Readonly<Record<keyof typeof DEFAULT_WEIGHTS, number>>;
export type Feature = Exclude<keyof Weights, 'base'>;

/** Fewest gaps that can be called regular, and largest coefficient of variation. */
export const REGULAR_GAPS_MIN = 8;
const REGULAR_VARIATION_MAX = 0.1;
/** No person keeps time so well for so long. */
const METRONOME_GAPS_MIN = 10;
const METRONOME_VARIATION_MAX = 0.05;

/** 100 / (1 + e^−z), rounded, with z = base + Σ weight of the features. */
export function scoreOf(features: readonly Feature[], weights: Weights): number {
  let z = weights.base;
  for (const feature of features) z += weights[feature];
  return Math.round(100 / (1 + Math.exp(-z)));
}

/**
 * How alike gaps are: their population standard deviation over their mean; Infinity when there are none
 * or when nothing lies between them.
 */
export function variationOf(gaps: readonly number[]): number {
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  if (!(mean > 0)) return Number.POSITIVE_INFINITY;
  const squares = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0);
  return Math.sqrt(squares / gaps.length) / mean;
}

/** What the rhythm of requests shows: `regular`, and beyond that `metronome`. */
export function rhythmOf(gaps: readonly number[]): readonly ('regular' | 'metronome')[] {
  if (gaps.length < REGULAR_GAPS_MIN) return [];
  const variation = variationOf(gaps);
  if (variation >= REGULAR_VARIATION_MAX) return [];
  const isMetronome = gaps.length >= METRONOME_GAPS_MIN && variation < METRONOME_VARIATION_MAX;
  return isMetronome ? ['regular', 'metronome'] : ['regular'];
}
