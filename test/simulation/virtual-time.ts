import type { Random } from '../../bench/shop/random.ts';
import type { Clock } from '../../processors/engine/time/clock.ts';

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * A clock that moves only when the simulation says so: what is scheduled runs in the order of its
 * time, and everything that follows at once (promises) has settled before the next thing runs.
 */
export class VirtualTime implements Clock {
  readonly #random: Random;
  readonly #scheduled: Scheduled[] = [];
  #nowMs: number;
  #order = 0;
  /** Added to what `nowMs` tells: the machine's clock was set. */
  skewMs = 0;

  constructor(startMs: number, random: Random) {
    this.#nowMs = startMs;
    this.#random = random;
  }

  nowMs(): number {
    return this.#nowMs + this.skewMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  random(): number {
    return this.#random.unit();
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.after(durationMs, resolve);
      signal?.addEventListener('abort', () => resolve());
    });
  }

  after(durationMs: number, run: () => void): void {
    this.#order += 1;
    this.#scheduled.push({ atMs: this.#nowMs + durationMs, order: this.#order, run });
  }

  /** Runs the next thing; false when nothing is scheduled. */
  async advance(): Promise<boolean> {
    let next = 0;
    for (let index = 1; index < this.#scheduled.length; index += 1) {
      if (isBefore(this.#scheduled[index], this.#scheduled[next])) next = index;
    }
    const [scheduled] = this.#scheduled.splice(next, 1);
    if (scheduled === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, scheduled.atMs);
    scheduled.run();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    return true;
  }
}

function isBefore(a: Scheduled | undefined, b: Scheduled | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
