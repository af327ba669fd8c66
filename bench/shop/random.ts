import { createHash } from 'node:crypto';

/** Rounds that spread the seed over the whole state before the first number is used. */
const WARM_UP_ROUNDS = 15;

const UNIT = 1 / 2 ** 32;

/**
 * The generator sfc32 (small fast chaotic, 128 bits of state): passes PractRand, period at least
 * 2³². One per stream, so that a change in one part of the shop leaves the draws of the others alone.
 *
 * @see Chris Doty-Humphrey, PractRand, https://pracrand.sourceforge.net/RNG_engines.txt
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** The state comes from SHA-256 of `seed/stream`: near seeds give unrelated streams. */
  constructor(seed: number, stream: string) {
    const digest = createHash('sha256').update(`${seed}/${stream}`).digest();
    this.#a = digest.readInt32LE(0);
    this.#b = digest.readInt32LE(4);
    this.#c = digest.readInt32LE(8);
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) this.next();
  }

  /** The next unsigned 32-bit integer. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** Uniform in [0, 1), in steps of 2⁻³². */
  unit(): number {
    return this.next() * UNIT;
  }

  /** A whole number from 0 (inclusive) to `count` (exclusive). */
  below(count: number): number {
    return Math.floor(this.next() * UNIT * count);
  }

  /** Uniform in [`min`, `max`). */
  between(min: number, max: number): number {
    return min + this.next() * UNIT * (max - min);
  }

  /** Exponential with the given mean: the gap of a Poisson process. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next() * UNIT) * mean;
  }

  chance(probability: number): boolean {
    return this.next() * UNIT < probability;
  }
}

/**
 * A fixed scrambling of a 32-bit integer: what a visitor has for life (region, browser, address)
 * follows from the visitor's number and needs no memory.
 *
 * @see Austin Appleby, MurmurHash3, fmix32
 */
export function mix32(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Draws an index in proportion to fixed weights, by their running sums. */
export class WeightedChoice {
  readonly #ends: Float64Array;
  /** Each weight's share of the total, in the order given. */
  readonly shares: readonly number[];

  /** @param weights zero or more each, at least one above zero */
  constructor(weights: readonly number[]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.shares = weights.map((weight) => weight / total);
    let end = 0;
    this.#ends = Float64Array.from(this.shares, (share) => (end += share));
  }

  /** @param unit uniform in [0, 1) */
  pick(unit: number): number {
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (unit < (this.#ends[middle] ?? 1)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
