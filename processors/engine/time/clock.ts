/** Processing time and waiting, so that tests and the simulation can bring their own. */
export interface Clock {
  /** UTC milliseconds. May jump when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds since some moment; never jumps. For durations and timeouts. */
  monotonicMs(): number;
  /** Resolves after at least `durationMs` of processing time, or at once when `signal` aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
  /** A number in [0, 1) for jitter. */
  random(): number;
}
