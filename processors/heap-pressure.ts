import { type PerformanceEntry, PerformanceObserver, constants } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

import { erase } from '../schemas/brand.ts';
import { SECOND_MS } from '../schemas/time.ts';

/** Share of the heap's limit that a full collection may leave in use: above it V8 soon does nothing else. */
const LIVE_RATIO_MAX = 0.85;

/** What Node's limit of the heap grants to young objects, beyond `--max-old-space-size`: three times 64 MiB. */
const YOUNG_BYTES = 192 * 1_024 ** 2;

/** How long a collection's result is believed. Near the limit the next one comes within a second. */
const BELIEVED_MS = 5 * SECOND_MS;

/**
 * Knows whether memory runs short. What is in use says nothing, because it rises to the limit before
 * V8 collects; what a full collection leaves is what is needed.
 */
export class HeapPressure {
  readonly #observer: PerformanceObserver;
  #isShort = false;
  #collectedAtMs = -Infinity;

  constructor() {
    this.#observer = new PerformanceObserver((entries) => {
      const collected = entries
        .getEntries()
        .some((entry) => kindOf(entry) === constants.NODE_PERFORMANCE_GC_MAJOR);
      if (collected) this.#note();
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Whether the newest full collection left too little room. */
  get isShort(): boolean {
    return this.#isShort && performance.now() - this.#collectedAtMs < BELIEVED_MS;
  }

  close(): void {
    this.#observer.disconnect();
  }

  #note(): void {
    this.#isShort = getHeapStatistics().used_heap_size > LIVE_RATIO_MAX * heapBytesMax();
    this.#collectedAtMs = performance.now();
  }
}

/** How much may live in the heap of this process: what `--max-old-space-size` says, or Node's own choice. */
export function heapBytesMax(): number {
  const limit = getHeapStatistics().heap_size_limit;
  // With other sizes for young objects it is an estimate, never less than a quarter.
  return Math.max(limit - YOUNG_BYTES, limit / 4);
}

/** Which kind of collection an entry tells of; the types of Node leave it out. */
function kindOf(entry: PerformanceEntry): number | undefined {
  return erase<{ readonly detail?: { readonly kind?: number } }>(entry).detail?.kind;
}
