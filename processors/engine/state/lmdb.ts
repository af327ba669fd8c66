import { crc32 } from 'node:zlib';

import { type RootDatabase, open } from 'lmdb';

import { EngineError, assert, messageOf } from '../../../schemas/errors.ts';
import { KEY_BYTES_MAX, SEAL_BYTES, type Store, type Write } from './store.ts';

/** Address space set aside: whenever a file outgrows its map LMDB makes another and keeps the old one in memory. */
const MAP_BYTES = 16 * 1_024 ** 3;

/** Memory that is used again grows by more than is needed, so that it seldom does. */
const GROWTH = 1.5;

/** Keys as plain UTF-8: LMDB's own key format gives control characters a meaning. */
const UTF8_KEYS = {
  writeKey: (key: string, target: Buffer, position: number): number =>
    position + target.write(key, position, 'utf8'),
  readKey: (source: Buffer, start: number, end: number): string =>
    source.toString('utf8', start, end),
};

/** A store in LMDB. Each value carries a CRC-32, because LMDB itself does not notice a flipped bit. */
export class LmdbStore implements Store {
  readonly #values: RootDatabase<Buffer, string>;
  /** For the stored forms of values without a seal in one commit; as large as the largest one needed. */
  #scratch = Buffer.alloc(0);
  /** For the value that was read last; as large as the largest one. */
  #read = Buffer.alloc(0);

  private constructor(values: RootDatabase<Buffer, string>) {
    this.#values = values;
  }

  /** Opens or creates the store in `directory`. The caller holds the data directory's lock. */
  static open(directory: string): LmdbStore {
    return new LmdbStore(
      open<Buffer, string>({
        path: directory,
        encoding: 'binary',
        compression: false,
        keyEncoder: UTF8_KEYS,
        // The pages that LMDB allocates are written in full right away.
        noMemInit: true,
        mapSize: MAP_BYTES,
        // A batch of lmdb's own has a promise that nobody can handle when the disk is full.
        eventTurnBatching: false,
      }),
    );
  }

  get(key: string): Buffer | undefined {
    // A buffer that lmdb uses again, and claims to be as long as the value.
    const shared = reading(() => this.#values.getBinaryFast(key));
    if (shared === undefined) return undefined;
    const { length } = shared;
    if (this.#read.length < length) this.#read = Buffer.allocUnsafeSlow(Math.ceil(GROWTH * length));
    this.#read.set(shared.subarray(0, length));
    return verified(key, this.#read.subarray(0, length));
  }

  *range(bounds: {
    readonly start: string;
    readonly end: string;
    readonly limit?: number;
  }): Iterable<{
    readonly key: string;
    readonly value: Buffer;
  }> {
    const entries = reading(() => this.#values.getRange(bounds)[Symbol.iterator]());
    for (;;) {
      const next = reading(() => entries.next());
      if (next.done === true) return;
      const { key, value } = next.value;
      yield { key, value: verified(key, value) };
    }
  }

  async commit(writes: readonly Write[]): Promise<void> {
    for (const { key } of writes) {
      // A UTF-16 unit takes at most three bytes, so only long keys are worth counting.
      const isShort = key.length * 3 <= KEY_BYTES_MAX;
      assert(isShort || Buffer.byteLength(key) <= KEY_BYTES_MAX, 'a key must fit into LMDB');
    }
    const stored = this.#withChecksums(writes);
    try {
      // Atomic like a transaction, but it is the writing thread that puts.
      await this.#values.batch(() => {
        for (const [index, { key }] of writes.entries()) {
          const value = stored[index];
          if (value === undefined) void this.#values.remove(key);
          else void this.#values.put(key, value);
        }
      });
      await this.#values.flushed;
    } catch (error) {
      const reason = await reasonOf(error);
      if (isStructureDamaged(reason)) throw damagedFile(reason);
      throw new EngineError({
        code: 'DISK_FULL',
        kind: 'transient',
        message: `Expected room to write a checkpoint, got: ${messageOf(reason)}`,
        cause: reason,
      });
    }
  }

  async close(): Promise<void> {
    await this.#values.close();
  }

  /** The stored forms of values; valid until the next commit. */
  #withChecksums(writes: readonly Write[]): readonly (Buffer | undefined)[] {
    let bytes = 0;
    for (const { value, sealed } of writes)
      if (value !== undefined && sealed === undefined) bytes += SEAL_BYTES + value.length;
    if (this.#scratch.length < bytes)
      this.#scratch = Buffer.allocUnsafeSlow(Math.ceil(GROWTH * bytes));
    let at = 0;
    return writes.map(({ value, sealed }) => {
      if (value === undefined || sealed !== undefined) return sealed;
      const stored = this.#scratch.subarray(at, at + SEAL_BYTES + value.length);
      at += stored.length;
      stored.writeUInt32LE(crc32(value), 0);
      stored.set(value, SEAL_BYTES);
      return stored;
    });
  }
}

/** LMDB throws when it comes to a page that is not what its index says. */
function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw damagedFile(error);
  }
}

function damagedFile(error: unknown): EngineError {
  return new EngineError({
    code: 'STATE_DAMAGED',
    kind: 'fatal',
    message: `Expected to read the state on disk, got: ${messageOf(error)}. ${WAY_OUT}`,
    cause: error,
  });
}

/** lmdb hides why a commit failed in a promise of its own, which must be handled too. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    return await error.commitError;
  } catch (reason) {
    return reason;
  }
}

/** Codes that start like this say what is wrong with the file; lack of room has others. */
function isStructureDamaged(error: unknown): boolean {
  return /MDB_(CORRUPTED|PAGE_NOTFOUND|PANIC|BAD_TXN|INVALID|PROBLEM)/.test(messageOf(error));
}

const WAY_OUT =
  'Move the directory state out of the data directory and start again: everything is recomputed from the log';

function verified(key: string, stored: Buffer): Buffer {
  const value = stored.subarray(SEAL_BYTES);
  if (stored.length < SEAL_BYTES || stored.readUInt32LE(0) !== crc32(value)) {
    throw new EngineError({
      code: 'STATE_DAMAGED',
      kind: 'fatal',
      message: `Expected a stored value that matches its checksum; the state on disk is damaged. ${WAY_OUT}`,
      // The part before the key proper: the rest may hold a visitor's token.
      details: { area: key.slice(0, key.lastIndexOf('/')) },
    });
  }
  return value;
}
