import { DIRECT_CHANNEL, type Model } from './row.ts';
import { CHANNEL, TIME, type Touch } from './touch.ts';

/**
 * Decayed weights are whole multiples of 2⁻³² and computed with +, ×, ÷ and floor alone. These give
 * the same bits everywhere, while two libraries' powers may differ in the last one and so decide a
 * near-tie of remainders differently. 2⁻³² is below the tolerance of 10⁻⁹, and products with orders
 * of up to two million minor units still fit a number.
 */
const DECAY_SCALE_BITS = 32;
const DECAY_SCALE = 2 ** DECAY_SCALE_BITS;

/** Terms of the series for 2^−x on [0, 1): the first one left out is below 10⁻¹⁷. */
const DECAY_TERMS = 16;

/**
 * The weights of the touches of `path` under one model: zero or more, at least one above zero, in
 * the order of the path. Only their proportions mean anything; they are integers, so sums are exact.
 *
 * @param path one touch or more, in order of time, ties by event id
 */
export type Weigh = (path: readonly Touch[], halfLifeMs: number) => number[];

/** @see definitions.md, section 3, for the table that these functions follow */
export const WEIGHTS: Readonly<Record<Model, Weigh>> = {
  first: (path) => onlyAt(path, 0),
  last: (path) => onlyAt(path, path.length - 1),
  last_non_direct: (path) => {
    const last = path.findLastIndex((touch) => touch[CHANNEL] !== DIRECT_CHANNEL);
    return onlyAt(path, last < 0 ? path.length - 1 : last);
  },
  linear: (path) => path.map(() => 1),
  // .4 to each end and .2 shared by the rest: in whole numbers 2(k − 2) to 1.
  position: (path) => {
    const last = path.length - 1;
    if (last < 2) return path.map(() => 1);
    return path.map((_, index) => (index === 0 || index === last ? 2 * (last - 1) : 1));
  },
  // Ages count from the path's newest touch: the proportions are those of ages before the
  // conversion, and the newest touch always has a weight above zero.
  time_decay: (path, halfLifeMs) => {
    const newestMs = path.at(-1)?.[TIME] ?? 0;
    return path.map((touch) => decayWeight((newestMs - touch[TIME]) / halfLifeMs));
  },
  // A channel's share goes to its first touch, which settles the campaign.
  shapley: (path) => {
    const seen = new Set<string>();
    return path.map((touch) => {
      if (seen.has(touch[CHANNEL])) return 0;
      seen.add(touch[CHANNEL]);
      return 1;
    });
  },
};

/** 2^−halfLives in whole multiples of 2⁻³², rounded down; `halfLives` is zero or more. */
export function decayWeight(halfLives: number): number {
  const whole = Math.floor(halfLives);
  if (whole > DECAY_SCALE_BITS) return 0;
  const exponent = -(halfLives - whole) * Math.LN2;
  let power = 1;
  for (let term = DECAY_TERMS; term > 0; term -= 1) power = 1 + (exponent / term) * power;
  return Math.floor((power * DECAY_SCALE) / 2 ** whole);
}

function onlyAt(path: readonly Touch[], index: number): number[] {
  return path.map((_, at) => (at === index ? 1 : 0));
}
