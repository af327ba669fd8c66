import { assert } from '../../schemas/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { DISORDER_MS_MAX, type ShopOptions } from './options.ts';
import { Random } from './random.ts';
import type { ShopEvent } from './shop-event.ts';

/** How finely arrivals are ordered; within a slot events keep the order in which they were made. */
const SLOT_MS = 100;

/** A repeat follows its first copy within this. */
const REPEAT_MS_MAX = 10 * SECOND_MS;

/** Longest time that may pass between two calls of `drainUntil`. */
export const DRAIN_EVERY_MS = SECOND_MS;

/** Slots in the ring: the longest ordinary delay, what has happened since the last drain, and some to spare. */
const RING_SLOTS = (DISORDER_MS_MAX + DRAIN_EVERY_MS) / SLOT_MS + 2;

/** Late events wait in memory, about 600 bytes each. */
const LATE_WAITING_MAX = 200_000;

/** Shares of events by how long they are under way, as parts of the largest delay: most are quick. */
const QUICK_SHARE = 0.7;
const QUICK_PART = 0.03;
const SLOW_SHARE = 0.95;
const SLOW_PART = 0.25;

/** Carries events from when they happen to when they arrive: out of order, some twice, some late. */
export class Delivery {
  readonly #random: Random;
  readonly #startMs: number;
  readonly #disorderMsMax: number;
  readonly #lateShare: number;
  readonly #latenessMsMax: number;
  readonly #duplicateShare: number;
  readonly #ring: ShopEvent[][] = Array.from({ length: RING_SLOTS }, () => []);
  /**
   * Late arrivals, by slot. They never use the ring, even where they would fit: what arrives in one
   * slot must have one order, however often the shop is asked.
   */
  readonly #later = new Map<number, ShopEvent[]>();
  #nextSlot = 0;
  #pending = 0;
  #laterCount = 0;
  #duplicates = 0;
  #late = 0;
  #limited = 0;

  constructor(options: ShopOptions) {
    this.#random = new Random(options.seed, 'delivery');
    this.#startMs = options.startMs;
    // The slot adds up to its length, and the promise is about the whole.
    this.#disorderMsMax = Math.max(0, options.disorderMsMax - SLOT_MS);
    this.#lateShare = options.lateShare;
    this.#latenessMsMax = options.latenessMsMax;
    this.#duplicateShare = options.duplicateShare;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** Events under way for more than a minute, delivered or not. */
  get late(): number {
    return this.#late;
  }

  /** Events that were to be late and were not, because too many were waiting. */
  get limited(): number {
    return this.#limited;
  }

  get isEmpty(): boolean {
    return this.#pending === 0;
  }

  /** Takes an event that happens now; `mayBeLate` is false for what the shop's own systems send. */
  take(event: ShopEvent, mayBeLate: boolean): void {
    const random = this.#random;
    const delayMs = this.#delayMs(mayBeLate);
    const isLate = delayMs > MINUTE_MS;
    this.#put(event, delayMs, isLate);
    if (!random.chance(this.#duplicateShare)) return;
    this.#duplicates += 1;
    const repeatMs = delayMs + random.between(0, REPEAT_MS_MAX);
    this.#put(event, isLate ? repeatMs : Math.min(repeatMs, this.#disorderMsMax), isLate);
  }

  #delayMs(mayBeLate: boolean): number {
    const random = this.#random;
    if (mayBeLate && this.#lateShare > 0 && random.chance(this.#lateShare)) {
      if (this.#laterCount < LATE_WAITING_MAX) {
        this.#late += 1;
        return Math.ceil(random.between(MINUTE_MS + 1, this.#latenessMsMax));
      }
      this.#limited += 1;
    }
    const choice = random.unit();
    const part = choice < QUICK_SHARE ? QUICK_PART : choice < SLOW_SHARE ? SLOW_PART : 1;
    return random.unit() * part * this.#disorderMsMax;
  }

  #put(event: ShopEvent, delayMs: number, isLate: boolean): void {
    const slot = Math.floor((event.occurredAtMs + delayMs - this.#startMs) / SLOT_MS);
    assert(slot >= this.#nextSlot, 'an event must not arrive in a slot that has been drained');
    this.#pending += 1;
    if (!isLate) {
      assert(slot < this.#nextSlot + RING_SLOTS, 'an event in time must fit into the ring');
      this.#ring[slot % RING_SLOTS]?.push(event);
      return;
    }
    this.#laterCount += 1;
    const waiting = this.#later.get(slot);
    if (waiting === undefined) this.#later.set(slot, [event]);
    else waiting.push(event);
  }

  /** Appends to `into` what has arrived by `untilMs`, finite; no event that happened before it may still come. */
  drainUntil(untilMs: number, into: ShopEvent[]): void {
    const endSlot = Math.floor((untilMs - this.#startMs) / SLOT_MS);
    while (this.#nextSlot < endSlot && this.#pending > 0) this.#drainSlot(into);
    if (this.#nextSlot < endSlot) this.#nextSlot = endSlot;
  }

  /** Appends to `into` everything still under way, in the order of its arrival. */
  drainAll(into: ShopEvent[]): void {
    while (this.#pending > 0) this.#drainSlot(into);
  }

  #drainSlot(into: ShopEvent[]): void {
    const slot = this.#nextSlot;
    this.#nextSlot = slot + 1;
    const ready = this.#ring[slot % RING_SLOTS];
    if (ready !== undefined && ready.length > 0) {
      for (const event of ready) into.push(event);
      this.#pending -= ready.length;
      ready.length = 0;
    }
    if (this.#laterCount === 0) return;
    const waiting = this.#later.get(slot);
    if (waiting === undefined) return;
    for (const event of waiting) into.push(event);
    this.#later.delete(slot);
    this.#laterCount -= waiting.length;
    this.#pending -= waiting.length;
  }
}
