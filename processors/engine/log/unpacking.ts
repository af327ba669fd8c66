/** What unpacking starts with; it doubles when it is full. */
const FIRST_BYTES = 64 * 1_024;

/** Bytes in the making, put together from pieces and from repetitions of what is there already. */
export class Unpacking {
  readonly #bytesMax: number;
  #bytes: Buffer;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = Buffer.allocUnsafe(Math.min(FIRST_BYTES, bytesMax));
  }

  get length(): number {
    return this.#length;
  }

  /** Adds `source` from `start` to `end`. @throws {Error} when it has less, or when the limit is reached */
  append(source: Buffer, start: number, end: number): void {
    if (end > source.length) throw new Error('a piece is cut off');
    this.#makeRoom(end - start);
    source.copy(this.#bytes, this.#length, start, end);
    this.#length += end - start;
  }

  /** Adds `count` bytes that repeat those `distance` back. @throws {Error} as `append` */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length)
      throw new Error('a repetition of bytes that are not there');
    this.#makeRoom(count);
    // Copying at most what lies between the two doubles that with each turn.
    for (let left = count, from = this.#length - distance; left > 0;) {
      const some = Math.min(left, this.#length - from);
      this.#bytes.copyWithin(this.#length, from, from + some);
      this.#length += some;
      left -= some;
    }
  }

  /** Everything so far. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#bytesMax) throw new Error(`more than ${this.#bytesMax} bytes`);
    const larger = Buffer.allocUnsafe(
      Math.min(this.#bytesMax, Math.max(needed, 2 * this.#bytes.length)),
    );
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** @throws {Error} when there is no byte */
export function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new Error('a block is cut off');
  return byte;
}
