import { assert } from '../schemas/errors.ts';
import { CHANNELS_MAX, type ChannelSet } from './path-counts.ts';

/** What the conversion rates of channel sets say of the channels. */
export interface ShapleyRate {
  readonly channels: readonly {
    readonly channel: string;
    /**
     * The channel's Shapley value over the sum of all; may be below zero. The sum is the rate of the paths
     * that touched every channel: where there are none, or none converted, it is the channel's part of the
     * values above zero.
     */
    readonly share: number;
    readonly credit: number;
  }[];
  /** Sets that no path had, out of 2^k − 1: each counts as a rate of zero. */
  readonly unseenSets: number;
}

/**
 * Shapley values of the game whose value for a set of channels is the conversion rate of the paths
 * that touched exactly these.
 *
 * @param counts over at most `CHANNELS_MAX` channels
 * @see L. S. Shapley, "A Value for n-Person Games" (1953); definitions.md §3
 */
export function shapleyRate(counts: readonly ChannelSet[]): ShapleyRate {
  const sets = counts.filter((set) => set.conversions + set.nulls > 0);
  const channels = [...new Set(sets.flatMap((set) => set.channels))].toSorted();
  const size = channels.length;
  assert(size <= CHANNELS_MAX, `at most ${CHANNELS_MAX} channels can be told apart`);
  const conversions = new Float64Array(1 << size);
  const paths = new Float64Array(1 << size);
  for (const set of sets) {
    let bits = 0;
    for (const channel of set.channels) bits |= 1 << channels.indexOf(channel);
    conversions[bits] = (conversions[bits] ?? 0) + set.conversions;
    paths[bits] = (paths[bits] ?? 0) + set.conversions + set.nulls;
  }
  const rates = conversions.map((count, bits) =>
    (paths[bits] ?? 0) > 0 ? count / (paths[bits] ?? 1) : 0,
  );
  const weights = weightsOf(size);
  const values = channels.map((_, index) => valueOf(index, rates, weights));
  const rateOfAll = rates.at(-1) ?? 0;
  const gains = values.map((value) => (rateOfAll > 0 ? value : Math.max(0, value)));
  const sum = gains.reduce((total, value) => total + value, 0);
  const total = conversions.reduce((all, count) => all + count, 0);
  return {
    channels: channels.map((channel, index) => {
      const share = sum > 0 ? (gains[index] ?? 0) / sum : 0;
      return { channel, share, credit: share * total };
    }),
    unseenSets: paths.subarray(1).filter((count) => count === 0).length,
  };
}

/** |S|!(n − |S| − 1)!/n! by the size of S. */
function weightsOf(size: number): readonly number[] {
  const weights = [1 / Math.max(1, size)];
  for (let chosen = 1; chosen < size; chosen += 1) {
    weights.push(((weights[chosen - 1] ?? 0) * chosen) / (size - chosen));
  }
  return weights;
}

function valueOf(index: number, rates: Float64Array, weights: readonly number[]): number {
  const own = 1 << index;
  let value = 0;
  for (let bits = 0; bits < rates.length; bits += 1) {
    if ((bits & own) !== 0) continue;
    value += (weights[bitCount(bits)] ?? 0) * ((rates[bits | own] ?? 0) - (rates[bits] ?? 0));
  }
  return value;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}
