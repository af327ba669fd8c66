import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { type PerformanceEntry, PerformanceObserver, constants } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

import { erase } from '../schemas/brand.ts';
import { SECOND_MS } from '../schemas/time.ts';

/** Share of the heap's limit that a full collection may leave in use: above it V8 soon does nothing else. */
const LIVE_RATIO_MAX = 0.85;

/** What Node's limit of the heap grants to young objects, beyond `--max-old-space-size`: three times 64 MiB. */
const YOUNG_BYTES = 192 * 1_024 ** 2;

/** Share of what the process may take altogether that it plans with; threads and libraries take the rest. */
const PROCESS_RATIO_MAX = 0.9;

/** How long what the process holds beside its heap is believed: asking takes some 50 µs. */
const OUTSIDE_BELIEVED_MS = 200;

/** How long a collection's result is believed. Near the limit the next one comes within a second. */
const BELIEVED_MS = 5 * SECOND_MS;

/**
 * Knows whether memory runs short, and how much there is left. What is in use says nothing, because it rises to the limit before
 * V8 collects; what a full collection leaves is what is needed.
 */
export class HeapPressure {
  readonly #observer: PerformanceObserver;
  #isShort = false;
  #liveBytes = Infinity;
  #collectedAtMs = -Infinity;
  #outsideBytes = 0;
  #outsideAtMs = -Infinity;

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

  /**
   * How much more may be needed at once, in bytes: of the heap, or of what the process may take where
   * that is less. Below zero when memory is short already.
   */
  get roomBytes(): number {
    const live = Math.min(this.#liveBytes, getHeapStatistics().used_heap_size);
    const heapBytes = LIVE_RATIO_MAX * heapBytesMax();
    const limit = processBytesMax();
    if (limit === undefined) return heapBytes - live;
    return Math.min(heapBytes, PROCESS_RATIO_MAX * limit - this.#outside()) - live;
  }

  close(): void {
    this.#observer.disconnect();
  }

  #note(): void {
    this.#liveBytes = getHeapStatistics().used_heap_size;
    this.#isShort = this.#liveBytes > LIVE_RATIO_MAX * heapBytesMax();
    this.#collectedAtMs = performance.now();
  }

  /** What the process holds beside the heap: ClickHouse, buffers, threads. Pages of files can be given back. */
  #outside(): number {
    const nowMs = performance.now();
    if (nowMs - this.#outsideAtMs > OUTSIDE_BELIEVED_MS) {
      this.#outsideAtMs = nowMs;
      const [, kib = '0'] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(STATUS, 'utf8')) ?? [];
      this.#outsideBytes = Number(kib) * 1_024 - getHeapStatistics().total_physical_size;
    }
    return this.#outsideBytes;
  }
}

/** How much may live in the heap of this process: what `--max-old-space-size` says, or Node's own choice. */
export function heapBytesMax(): number {
  const limit = getHeapStatistics().heap_size_limit;
  // With other sizes for young objects it is an estimate, never less than a quarter.
  return Math.max(limit - YOUNG_BYTES, limit / 4);
}

const STATUS = '/proc/self/status';

/** What the process may take altogether, by its control group; undefined where nothing says so. */
function processBytesMax(): number | undefined {
  const bytes = process.constrainedMemory();
  return process.platform === 'linux' && bytes > 0 && bytes < totalmem() ? bytes : undefined;
}

/** Which kind of collection an entry tells of; the types of Node leave it out. */
function kindOf(entry: PerformanceEntry): number | undefined {
  return erase<{ readonly detail?: { readonly kind?: number } }>(entry).detail?.kind;
}
