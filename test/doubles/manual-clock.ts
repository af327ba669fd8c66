import type { Clock } from '../../api/clock.ts';

interface Timer {
  readonly intervalMs: number;
  readonly call: () => void;
  nextMs: number;
}

/** A clock that moves only when a test moves it. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #nowMs: number;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  every(intervalMs: number, call: () => void): () => void {
    const timer: Timer = { intervalMs, call, nextMs: this.#nowMs + intervalMs };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  /** Moves on by `durationMs` and makes the calls that fall due on the way, in their order. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      const due = [...this.#timers]
        .filter(({ nextMs }) => nextMs <= endMs)
        .toSorted((a, b) => a.nextMs - b.nextMs)[0];
      if (due === undefined) break;
      this.#nowMs = due.nextMs;
      due.nextMs += due.intervalMs;
      due.call();
    }
    this.#nowMs = endMs;
  }
}
