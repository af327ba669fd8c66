import { assert } from '../../../schemas/errors.ts';
import { type Fingerprint, fingerprintText } from './fingerprint.ts';

/** `new` the id was not seen; `duplicate` it was, with the same body; `conflict` it was, with another body. */
export type Seen = 'new' | 'duplicate' | 'conflict';

const SLOTS_MIN = 1_024;
/** Share of used slots at which the table doubles: linear probing stays short below it. */
const LOAD_MAX = 0.6;
/** Words of one id in a snapshot: high and low half of its fingerprint, hash of its body. */
const WORDS_PER_ID = 3;

/**
 * Remembers the newest `idsMax` event ids of one task, 21 to 35 bytes each, in the order they came;
 * the oldest is forgotten when a new one needs its place. Ids are kept as 64-bit fingerprints.
 *
 * The hash table is open addressing over typed arrays: a Map of strings takes five times the memory
 * and is slower once it outgrows the cache.
 */
export class Deduplicator {
  readonly #idsMax: number;
  readonly #keepsAdded: boolean;
  #high = new Uint32Array(SLOTS_MIN);
  #low = new Uint32Array(SLOTS_MIN);
  #body = new Uint32Array(SLOTS_MIN);
  #isUsed = new Uint8Array(SLOTS_MIN);
  /** Fingerprints in arrival order, as a ring of pairs. */
  #ring: Uint32Array;
  #ringStart = 0;
  #count = 0;
  #added: number[] = [];
  readonly #fingerprint: Fingerprint = { high: 0, low: 0 };

  /** @param options.keepsAdded whether `takeAdded` will be called; default true */
  constructor(options: { readonly idsMax: number; readonly keepsAdded?: boolean }) {
    assert(options.idsMax >= 1, 'a deduplicator must remember at least one id');
    this.#idsMax = options.idsMax;
    this.#ring = new Uint32Array(Math.min(SLOTS_MIN, options.idsMax) * 2);
    this.#keepsAdded = options.keepsAdded ?? true;
  }

  /** How many ids are remembered. */
  get count(): number {
    return this.#count;
  }

  /** Looks `eventId` up, and remembers it when it is new. */
  see(eventId: string, bodyHash: number): Seen {
    fingerprintText(eventId, this.#fingerprint);
    const { high, low } = this.#fingerprint;
    const slot = this.#find(high, low);
    if (this.#isUsed[slot] === 1) return this.#body[slot] === bodyHash ? 'duplicate' : 'conflict';
    this.#insert(high, low, bodyHash);
    if (this.#keepsAdded) this.#added.push(high, low, bodyHash);
    return 'new';
  }

  /** Whether `eventId` is remembered; changes nothing. */
  has(eventId: string): boolean {
    fingerprintText(eventId, this.#fingerprint);
    return this.#isUsed[this.#find(this.#fingerprint.high, this.#fingerprint.low)] === 1;
  }

  /** The ids that were added since the last call, for the checkpoint. */
  takeAdded(): Uint8Array {
    const words = Uint32Array.from(this.#added);
    this.#added = [];
    return new Uint8Array(words.buffer);
  }

  /** Adds ids of an earlier `takeAdded`, oldest first. */
  restore(added: Uint8Array): void {
    const words = new Uint32Array(added.length / Uint32Array.BYTES_PER_ELEMENT);
    new Uint8Array(words.buffer).set(added);
    for (let at = 0; at + WORDS_PER_ID <= words.length; at += WORDS_PER_ID) {
      this.#insert(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0);
    }
  }

  #insert(high: number, low: number, bodyHash: number): void {
    if (this.#count === this.#idsMax) this.#forgetOldest();
    else if (this.#count + 1 > this.#high.length * LOAD_MAX) this.#grow();
    this.#put(this.#find(high, low), high, low, bodyHash);
    const end = ((this.#ringStart + this.#count) % (this.#ring.length / 2)) * 2;
    this.#ring[end] = high;
    this.#ring[end + 1] = low;
    this.#count += 1;
  }

  #put(slot: number, high: number, low: number, bodyHash: number): void {
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#body[slot] = bodyHash;
    this.#isUsed[slot] = 1;
  }

  /** The slot of the id, or the free slot where it belongs. */
  #find(high: number, low: number): number {
    const mask = this.#high.length - 1;
    let slot = low & mask;
    while (this.#isUsed[slot] === 1 && (this.#low[slot] !== low || this.#high[slot] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #forgetOldest(): void {
    const at = this.#ringStart * 2;
    this.#ringStart = (this.#ringStart + 1) % (this.#ring.length / 2);
    this.#count -= 1;
    this.#remove(this.#find(this.#ring[at] ?? 0, this.#ring[at + 1] ?? 0));
  }

  /** Frees `slot` and moves later ids of the same run up, so that no search stops short. */
  #remove(slot: number): void {
    const mask = this.#high.length - 1;
    let free = slot;
    let next = (free + 1) & mask;
    while (this.#isUsed[next] === 1) {
      const home = (this.#low[next] ?? 0) & mask;
      if (((next - home) & mask) >= ((next - free) & mask)) {
        this.#put(free, this.#high[next] ?? 0, this.#low[next] ?? 0, this.#body[next] ?? 0);
        free = next;
      }
      next = (next + 1) & mask;
    }
    this.#isUsed[free] = 0;
  }

  #grow(): void {
    const { length } = this.#high;
    const [high, low, body, isUsed, ring] = [
      this.#high,
      this.#low,
      this.#body,
      this.#isUsed,
      this.#ring,
    ];
    this.#high = new Uint32Array(length * 2);
    this.#low = new Uint32Array(length * 2);
    this.#body = new Uint32Array(length * 2);
    this.#isUsed = new Uint8Array(length * 2);
    for (let slot = 0; slot < length; slot += 1) {
      if (isUsed[slot] !== 1) continue;
      this.#put(
        this.#find(high[slot] ?? 0, low[slot] ?? 0),
        high[slot] ?? 0,
        low[slot] ?? 0,
        body[slot] ?? 0,
      );
    }
    const ringLength = Math.min(length * 2, this.#idsMax);
    this.#ring = new Uint32Array(ringLength * 2);
    for (let index = 0; index < this.#count; index += 1) {
      const from = ((this.#ringStart + index) % (ring.length / 2)) * 2;
      this.#ring[index * 2] = ring[from] ?? 0;
      this.#ring[index * 2 + 1] = ring[from + 1] ?? 0;
    }
    this.#ringStart = 0;
  }
}
