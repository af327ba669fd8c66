/** Enough for some hundred states. */
const CHUNK_BYTES = 256 * 1_024;

/**
 * Memory for the values of one checkpoint, used again for those of the next. A buffer of its own per
 * value would be tens of megabytes a second outside of V8's heap, and V8 answers those with full
 * collections of everything inside it.
 */
export class Arena {
  #free: Buffer[] = [];
  /** Chunks with values since the last `release`. */
  #used: Buffer[] = [];
  /** The last of them, and where it has room. */
  #chunk: Buffer = Buffer.alloc(0);
  #at = CHUNK_BYTES;

  /** Bytes for one value, valid until the next `release`. */
  take(length: number): Buffer {
    if (length > CHUNK_BYTES) return Buffer.allocUnsafeSlow(length);
    if (this.#at + length > CHUNK_BYTES) {
      this.#chunk = this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#used.push(this.#chunk);
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += length;
    return this.#chunk.subarray(start, start + length);
  }

  /** What was taken may be used again. */
  release(): void {
    // Twice what these values needed at most: after a burst the rest is given back.
    const spare = this.#free.slice(0, this.#used.length);
    this.#free = [...spare, ...this.#used];
    this.#used = [];
    this.#at = CHUNK_BYTES;
  }
}
