/** The value that `ratio` of the samples do not exceed (nearest rank); NaN without samples. */
export function percentileOf(samples: readonly number[], ratio: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? Number.NaN;
}
