import { readFileSync } from 'node:fs';

/** Often enough to see a peak between two checkpoints. */
const SAMPLE_INTERVAL_MS = 100;
const BYTES_PER_KIB = 1_024;

/** Memory of a process over a run. */
export interface MemoryUse {
  /** Highest resident memory, pages of mapped files too. */
  readonly residentBytesMax: number;
  /**
   * Highest memory that is private to the process: without the pages of mapped files, which the
   * system takes back when it needs them. NaN where the system does not tell.
   */
  readonly anonymousBytesMax: number;
  /** How much the median of the last quarter of anonymous memory lies above that of the second: near zero when flat. */
  readonly growthBytes: number;
}

/** Starts to sample the process's memory; the returned function stops and says what it was. */
export function startMemory(): () => MemoryUse {
  const resident: number[] = [];
  const anonymous: number[] = [];
  const take = (): void => {
    resident.push(process.memoryUsage.rss());
    anonymous.push(anonymousBytes());
  };
  take();
  const timer = setInterval(take, SAMPLE_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    take();
    return {
      residentBytesMax: Math.max(...resident),
      anonymousBytesMax: Math.max(...anonymous),
      growthBytes: median(anonymous, 0.75, 1) - median(anonymous, 0.25, 0.5),
    };
  };
}

/** The median of a part of the samples, by shares of their time. */
function median(samples: readonly number[], from: number, to: number): number {
  const part = samples
    .slice(Math.floor(from * samples.length), Math.ceil(to * samples.length))
    .toSorted((a, b) => a - b);
  return part[part.length >> 1] ?? 0;
}

function anonymousBytes(): number {
  try {
    const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'));
    return Number(found?.[1]) * BYTES_PER_KIB;
  } catch {
    return Number.NaN; // Not Linux.
  }
}
