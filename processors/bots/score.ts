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

/** In the order in which verdicts name them; each is a bit of a set of features, at its place. */
const FEATURES = [
  'data_centre',
  'no_beacon',
  'no_assets',
  'robots',
  'signed_in',
  'pointer',
  'delivered',
  'one_hit',
  'regular',
  'metronome',
  'fast',
] as const satisfies readonly (keyof typeof DEFAULT_WEIGHTS)[];
export type Feature = (typeof FEATURES)[number];
export type Weights = Readonly<Record<Feature | 'base', number>>;

/** The bit of each feature. */
export const FEATURE = {
  data_centre: 1,
  no_beacon: 2,
  no_assets: 4,
  robots: 8,
  signed_in: 16,
  pointer: 32,
  delivered: 64,
  one_hit: 128,
  regular: 256,
  metronome: 512,
  fast: 1_024,
} as const satisfies Record<Feature, number>;

/** Fewest gaps that can be called regular, and largest coefficient of variation. */
export const REGULAR_GAPS_MIN = 8;
const REGULAR_VARIATION_MAX = 0.1;
/** No person keeps time so well for so long. */
const METRONOME_GAPS_MIN = 10;
const METRONOME_VARIATION_MAX = 0.05;

/** The names of a set of features. */
export function featuresIn(set: number): readonly Feature[] {
  return FEATURES.filter((name) => (set & FEATURE[name]) !== 0);
}

/** 100 / (1 + e^−z), rounded, with z = base + Σ weight of the features. */
export function scoreOf(features: readonly Feature[], weights: Weights): number {
  let z = weights.base;
  for (const feature of features) z += weights[feature];
  return Math.round(100 / (1 + Math.exp(-z)));
}

/** The score of every set of features: looked up, as every click asks for one. */
export function scoresOf(weights: Weights): readonly number[] {
  return Array.from({ length: 2 ** FEATURES.length }, (_, set) =>
    scoreOf(featuresIn(set), weights),
  );
}

/**
 * How alike gaps are: their population standard deviation over their mean; Infinity when there are none
 * or when nothing lies between them.
 */
export function variationOf(gaps: readonly number[]): number {
  let sum = 0;
  for (const gap of gaps) sum += gap;
  const mean = sum / gaps.length;
  if (!(mean > 0)) return Number.POSITIVE_INFINITY;
  let squares = 0;
  for (const gap of gaps) squares += (gap - mean) ** 2;
  return Math.sqrt(squares / gaps.length) / mean;
}

/** What the rhythm of requests shows, as a set of features: `regular`, and beyond that `metronome`. */
export function rhythmOf(gaps: readonly number[]): number {
  if (gaps.length < REGULAR_GAPS_MIN) return 0;
  const variation = variationOf(gaps);
  if (variation >= REGULAR_VARIATION_MAX) return 0;
  const isMetronome = gaps.length >= METRONOME_GAPS_MIN && variation < METRONOME_VARIATION_MAX;
  return isMetronome ? FEATURE.regular | FEATURE.metronome : FEATURE.regular;
}
