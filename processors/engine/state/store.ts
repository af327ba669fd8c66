import { crc32 } from 'node:zlib';

/** A change of one key; `undefined` removes it. */
export interface Write {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  /** The value behind its checksum, where whoever made it had room for that: it need not be copied. */
  readonly sealed?: Buffer;
}

/** Room for the checksum in front of a value. */
export const SEAL_BYTES = 4;

/** The write of the value that begins `SEAL_BYTES` into `sealed`; writes its CRC-32 there. */
export function sealedWrite(key: string, sealed: Buffer): Write {
  const value = sealed.subarray(SEAL_BYTES);
  sealed.writeUInt32LE(crc32(value), 0);
  return { key, value, sealed };
}

/**
 * Durable key–value pairs of one node: keyed state, window sums, offsets and the outbox. Keys are
 * text of at most `KEY_BYTES_MAX` bytes and sort by their bytes.
 */
export interface Store {
  /**
   * The stored value, valid until the next `get`: state is read for every other event, and a buffer
   * of its own for each would make V8 collect its whole heap every few seconds.
   *
   * @throws {EngineError} STATE_DAMAGED when the stored bytes do not verify
   */
  get(key: string): Buffer | undefined;

  /** Pairs with `start` ≤ key < `end` in key order, at most `limit`. */
  range(bounds: {
    readonly start: string;
    readonly end: string;
    readonly limit?: number;
  }): Iterable<{
    readonly key: string;
    readonly value: Buffer;
  }>;

  /**
   * Applies all writes or none, and resolves when they are durable. One at a time: the caller
   * awaits a commit before the next. Until then `get` may return old or new values.
   *
   * @throws {EngineError} DISK_FULL when there is no room; nothing was applied
   */
  commit(writes: readonly Write[]): Promise<void>;

  close(): Promise<void>;
}

/** LMDB's limit of a key is 1,978 bytes; the rest is left for its own encoding. */
export const KEY_BYTES_MAX = 1_900;

/** The first key after every key that starts with `prefix`. */
export function endOfPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
