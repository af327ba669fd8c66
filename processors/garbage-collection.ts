import { setFlagsFromString } from 'node:v8';

/** The V8 of Node 24, which knows the flags below; another one collects as it does. */
const V8_MAJOR = '13';

/**
 * Tells V8 to collect when what is in use has grown by 70 %, memory outside its heap included. Left
 * alone it does so whenever 64 MB more are in use outside, which rows and log batches are within
 * seconds, and then marks on the thread that everybody waits for: half a second with 400 MB of state.
 * `bench/state` measures it. Concerns the whole process; calling it again changes nothing.
 */
export function collectByGrowth(): void {
  if (!process.versions.v8.startsWith(`${V8_MAJOR}.`)) return;
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=70');
}
