/** Enough for some hundred states. */
const CHUNK_BYTES = 256 * 1_024;

/**
 * Memory for values that live until the checkpoint that holds them is durable, used again for later
 * ones. A buffer of its own per value would be tens of megabytes a second outside of V8's heap, and
 * V8 answers those with full collections of everything inside it.
 */
export class Arena {
  #free: Buffer[] = [];
  /** Chunks with values since the last `seal`; the last one has room. */
  #open: Buffer[] = [];
  #sealed: Buffer[] = [];
  #at = CHUNK_BYTES;

  /** Bytes for one value, valid until the `release` that follows the next `seal`. */
  take(length: number): Buffer {
    if (length > CHUNK_BYTES) return Buffer.allocUnsafe(length);
    if (this.#at + length > CHUNK_BYTES) {
      this.#open.push(this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES));
      this.#at = 0;
    }
    const value = this.#open.at(-1)?.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value ?? Buffer.allocUnsafe(length);
  }

  /** What was taken so far belongs to a checkpoint. Call `release` before the next `seal`. */
  seal(): void {
    this.#sealed.push(...this.#open);
    this.#open = [];
    this.#at = CHUNK_BYTES;
  }

  /** The checkpoint is durable: what was sealed may be used again. */
  release(): void {
    // Twice what this checkpoint needed at most: after a burst the rest is given back.
    const spare = this.#free.slice(0, this.#sealed.length);
    this.#free = [...spare, ...this.#sealed];
    this.#sealed = [];
  }
}
