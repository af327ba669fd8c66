/** Often enough to see a peak between two checkpoints. */
const SAMPLE_INTERVAL_MS = 100;

/** Resident memory over a run. */
export interface MemoryUse {
  readonly bytesMax: number;
  /** How much the median of the last quarter lies above that of the second: near zero when flat. */
  readonly growthBytes: number;
}

/** Starts to sample the process's resident memory; the returned function stops and says what it was. */
export function startMemory(): () => MemoryUse {
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(process.memoryUsage.rss()), SAMPLE_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    samples.push(process.memoryUsage.rss());
    const quarter = (from: number, to: number): number => {
      const part = samples
        .slice(Math.floor(from * samples.length), Math.ceil(to * samples.length))
        .toSorted((a, b) => a - b);
      return part[part.length >> 1] ?? 0;
    };
    return {
      bytesMax: Math.max(...samples),
      growthBytes: quarter(0.75, 1) - quarter(0.25, 0.5),
    };
  };
}
