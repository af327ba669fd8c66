import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import type { Clock } from '../clock.ts';

/** Keys or addresses that are remembered; beyond it the one that asked longest ago is forgotten. */
const REMEMBERED_MAX = 10_000;

interface Bucket {
  /** Requests that may still come at once. */
  tokens: number;
  filledAtMs: number;
}

/**
 * Requests per minute of each key or address, by token bucket: a minute's worth at once, then as they
 * come back. Counted in this process alone.
 *
 * @see Turner, New directions in communications, IEEE Communications Magazine 24(10), 1986
 */
export class RateLimit {
  readonly #perMinute: number;
  readonly #clock: Clock;
  /** By whoever asks, in the order in which they last did. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** Counts a request of `who`; how many seconds it came too early, undefined when there was room. */
  take(who: string): number | undefined {
    const nowMs = this.#clock.nowMs();
    const bucket = this.#buckets.get(who) ?? { tokens: this.#perMinute, filledAtMs: nowMs };
    this.#buckets.delete(who);
    this.#buckets.set(who, bucket);
    if (this.#buckets.size > REMEMBERED_MAX) {
      const [longestAgo] = this.#buckets.keys();
      if (longestAgo !== undefined) this.#buckets.delete(longestAgo);
    }
    const elapsedMs = Math.max(0, nowMs - bucket.filledAtMs);
    bucket.filledAtMs = nowMs;
    bucket.tokens = Math.min(
      this.#perMinute,
      bucket.tokens + (elapsedMs * this.#perMinute) / MINUTE_MS,
    );
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return undefined;
    }
    return Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / this.#perMinute / SECOND_MS);
  }
}
