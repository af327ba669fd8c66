/** Time as the api sees it: the real one in production, a virtual one in tests. */
export interface Clock {
  /** Processing time, UTC milliseconds. */
  nowMs(): number;
  /** Calls `call` every `intervalMs` until the returned function is called; never keeps the process alive. */
  every(intervalMs: number, call: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => Date.now(),
  every(intervalMs, call) {
    const timer = setInterval(call, intervalMs);
    timer.unref();
    return () => {
      clearInterval(timer);
    };
  },
};
