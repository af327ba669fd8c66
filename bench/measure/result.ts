/** One figure of a bench, over its runs. */
export interface Metric {
  /** Unique within its bench; names the figure in `baseline.json`. */
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** One value per run. */
  readonly samples: readonly number[];
  /** What the figure must reach on two free cores. */
  readonly target?: number;
  /**
   * Whether the figure means the same on every machine: a ratio to something measured beside it, or
   * bytes. Only these are compared with the baseline.
   */
  readonly isComparable?: boolean;
}

/** What one bench has measured. */
export interface BenchResult {
  readonly bench: string;
  /** What was measured and on what input, a sentence each. */
  readonly about: readonly string[];
  readonly metrics: readonly Metric[];
  /** Lines to print below the table, such as a profile. */
  readonly notes: readonly string[];
}

/** What `bench/run.ts` tells a bench. */
export interface BenchOptions {
  /** How often each measurement is repeated. */
  readonly runs: number;
  /** Events of one run; undefined leaves it to the bench. */
  readonly events?: number;
  /** A directory of the bench's own, removed afterwards. */
  readonly directory: string;
}

/** The middle of the sorted samples; of an even number the lower middle, so that it was measured. */
export function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
