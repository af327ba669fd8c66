import { setTimeout as wait } from 'node:timers/promises';

import type { Clock } from '../time/clock.ts';

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (durationMs, signal) => {
    // An abort ends the wait early; that is the caller's wish, not an error.
    await wait(durationMs, undefined, signal === undefined ? {} : { signal }).catch(
      () => undefined,
    );
  },
  random: () => Math.random(),
};
