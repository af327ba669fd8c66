import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** The V8 of Node 24, which knows the flags below; another one collects as it does. */
const V8_MAJOR = '13';

/**
 * What a thread that starts later begins with, in MiB per half. It would begin with less than one, and
 * grow no more once `collectYoungOften` is called: the door's thread then collected a hundred times a
 * second, and its whole heap every second.
 */
const THREAD_HALF_MB = 8;

/**
 * Tells V8 to collect when what is in use has grown by 70 %, memory outside its heap included. Left
 * alone it does so whenever 64 MB more are in use outside, which rows and log batches are within
 * seconds, and then marks on the thread that everybody waits for: half a second with 400 MB of state.
 * `bench/state` measures it. And gives threads room for young objects. Concerns the whole process, and must
 * come before its threads; calling it again changes nothing.
 */
export function collectByGrowth(): void {
  if (!isKnown()) return;
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=70');
  setFlagsFromString(`--min-semi-space-size=${THREAD_HALF_MB}`);
}

/**
 * Size of the space for young objects from which on it grows no more: two halves of 8 MiB. What lives
 * in it is copied while everybody waits. V8's own 128 MiB take 30 to 45 ms on two cores, these 8.
 */
const YOUNG_BYTES_MAX = 16 * 1_024 ** 2;

let youngObserver: PerformanceObserver | undefined;

/**
 * Keeps the space for young objects small, for a process that somebody waits for: it costs 4 to 8 % of
 * an import's CPU time (`bench/pipeline`). Concerns the whole process; calling it again changes nothing.
 */
export function collectYoungOften(): void {
  if (!isKnown() || youngObserver !== undefined) return;
  // Its largest size can be set at the start of a process only; by how much it grows, at any time.
  youngObserver = new PerformanceObserver(() => {
    setFlagsFromString(`--semi-space-growth-factor=${youngBytes() < YOUNG_BYTES_MAX ? 2 : 1}`);
  });
  youngObserver.observe({ entryTypes: ['gc'] });
}

function isKnown(): boolean {
  return process.versions.v8.startsWith(`${V8_MAJOR}.`);
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}
