import { readFileSync } from 'node:fs';

const SAMPLE_INTERVAL_MS = 100;
const BYTES_PER_KIB = 1_024;

/**
 * Starts to sample the memory that is private to the process: RSS without the pages of mapped files,
 * which the system takes back when it needs them. The returned function stops and gives the highest
 * sample in bytes; NaN where the system does not tell.
 */
export function startAnonymousMemory(): () => number {
  let bytesMax = anonymousBytes();
  const take = (): void => {
    bytesMax = Math.max(bytesMax, anonymousBytes());
  };
  const timer = setInterval(take, SAMPLE_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    take();
    return bytesMax;
  };
}

function anonymousBytes(): number {
  try {
    const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'));
    return Number(found?.[1]) * BYTES_PER_KIB;
  } catch {
    return Number.NaN; // Not Linux.
  }
}
