/** Largest relative error of a quantile that is read from the bins. */
export const RELATIVE_ACCURACY = 0.01;

/** Each bucket is this much wider than the one below it. */
const GAMMA = (1 + RELATIVE_ACCURACY) / (1 - RELATIVE_ACCURACY);
const LN_GAMMA = Math.log(GAMMA);

/**
 * The bucket of a length of time: the least i with lengthMs ≤ γ^i; a length of a millisecond or less is
 * in bucket 0. Counts per bucket are DDSketch's whole state, so two sketches merge by adding them, and
 * what was added can be taken back.
 *
 * @see Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile sketch, PVLDB 12(12), 2019, §2
 */
export function binOf(lengthMs: number): number {
  return lengthMs <= 1 ? 0 : Math.ceil(Math.log(lengthMs) / LN_GAMMA);
}

/** The length of time in milliseconds that stands for a bucket: within the accuracy of all in it. */
export function valueOfBin(bin: number): number {
  return (2 * GAMMA ** bin) / (1 + GAMMA);
}

/**
 * The quantile of the counts per bucket, in milliseconds; undefined when there are none.
 *
 * @param counts buckets with their counts, in any order
 * @param quantile 0 to 1
 */
export function quantileOf(
  counts: Iterable<readonly [bin: number, count: number]>,
  quantile: number,
): number | undefined {
  const ordered = [...counts].toSorted(([a], [b]) => a - b);
  const total = ordered.reduce((sum, [, count]) => sum + count, 0);
  if (total <= 0) return undefined;
  const rank = quantile * (total - 1);
  let seen = 0;
  for (const [bin, count] of ordered) {
    seen += count;
    if (seen > rank) return valueOfBin(bin);
  }
  return undefined;
}
