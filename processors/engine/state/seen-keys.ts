import { crc32 } from 'node:zlib';

/** One bit for each of 64 million hashes: 8 MiB, and of a million keys one in 60 is taken for another. */
const BITS_LOG2 = 26;
const BITS_PER_BYTE_LOG2 = 3;

/** Which keys have surely not been seen, so that a store need not be asked for them. */
export class SeenKeys {
  readonly #bits = new Uint8Array(1 << (BITS_LOG2 - BITS_PER_BYTE_LOG2));

  /** Remembers the key. False when it has never been seen before; true when it may have been. */
  see(key: string): boolean {
    const bit = crc32(key) >>> (32 - BITS_LOG2);
    const at = bit >>> BITS_PER_BYTE_LOG2;
    const mask = 1 << (bit & 7);
    const before = this.#bits[at] ?? 0;
    this.#bits[at] = before | mask;
    return (before & mask) !== 0;
  }
}
