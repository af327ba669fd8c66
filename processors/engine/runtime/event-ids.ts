import { EngineError } from '../../../schemas/errors.ts';
import { Deduplicator, type Seen } from '../operator/deduplicate.ts';
import type { Store, Write } from '../state/store.ts';

/** Which ids are stored: all of the chunks from `firstChunk` on, together `idCount`. */
export interface StoredIds {
  readonly firstChunk: number;
  readonly idCount: number;
}

/** What a task without a checkpoint has. */
const NO_IDS: StoredIds = { firstChunk: 1, idCount: 0 };

/**
 * Ids of one chunk. The newest is written again until it is full, so small ones cost less where events
 * are few; were they as many as checkpoints instead, an hour of single events would make thousands.
 */
const CHUNK_IDS = 256;
/** Bytes of one id in a chunk: 64 bits of its fingerprint, 32 of its body's hash. */
const ID_BYTES = 12;
const CHUNK_BYTES = CHUNK_IDS * ID_BYTES;
const CHUNK_DIGITS = 12;

/** The event ids that one task remembers, with their copy in the store. */
export class EventIds {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #idsMax: number;
  readonly #deduplicator: Deduplicator;
  #stored: StoredIds;
  /** The newest chunk while it is not full. */
  #tail: Uint8Array = new Uint8Array(0);

  /**
   * @param options.stored what the checkpoint says
   * @throws {EngineError} CHECKPOINT_DAMAGED when a chunk is missing or has another length
   */
  constructor(options: {
    readonly store: Store;
    readonly task: string;
    readonly idsMax: number;
    readonly stored: StoredIds | undefined;
  }) {
    this.#store = options.store;
    this.#prefix = `d/${options.task}/`;
    this.#idsMax = options.idsMax;
    this.#deduplicator = new Deduplicator({ idsMax: options.idsMax });
    this.#stored = options.stored ?? NO_IDS;
    const { firstChunk, idCount } = this.#stored;
    for (let chunk = firstChunk, left = idCount; left > 0; chunk += 1, left -= CHUNK_IDS) {
      const ids = this.#read(chunk, Math.min(left, CHUNK_IDS));
      this.#deduplicator.restore(ids);
      if (left < CHUNK_IDS) this.#tail = Uint8Array.from(ids);
    }
  }

  get count(): number {
    return this.#deduplicator.count;
  }

  /** For the checkpoint. */
  get stored(): StoredIds {
    return this.#stored;
  }

  see(eventId: string, bodyHash: number): Seen {
    return this.#deduplicator.see(eventId, bodyHash);
  }

  /** Adds what is new since the last call to `writes`, and the removal of chunks that are no longer needed. */
  collect(writes: Write[]): void {
    const added = this.#deduplicator.takeAdded();
    if (added.length === 0) return;
    let { firstChunk, idCount } = this.#stored;
    let chunk = firstChunk + Math.floor(idCount / CHUNK_IDS);
    const ids = Buffer.concat([this.#tail, added]);
    for (let at = 0; at < ids.length; at += CHUNK_BYTES, chunk += 1) {
      writes.push({ key: this.#key(chunk), value: ids.subarray(at, at + CHUNK_BYTES) });
    }
    this.#tail = Uint8Array.from(ids.subarray(ids.length - (ids.length % CHUNK_BYTES)));
    idCount += added.length / ID_BYTES;
    for (; idCount - CHUNK_IDS >= this.#idsMax; idCount -= CHUNK_IDS, firstChunk += 1) {
      writes.push({ key: this.#key(firstChunk), value: undefined });
    }
    this.#stored = { firstChunk, idCount };
  }

  #read(chunk: number, idCount: number): Buffer {
    const ids = this.#store.get(this.#key(chunk));
    if (ids?.length === idCount * ID_BYTES) return ids;
    const found = ids === undefined ? 'none' : String(ids.length / ID_BYTES);
    throw new EngineError({
      code: 'CHECKPOINT_DAMAGED',
      kind: 'fatal',
      message: `Expected ${idCount} event ids as ${this.#key(chunk)} in the checkpoint, found ${found}`,
    });
  }

  #key(chunk: number): string {
    return this.#prefix + String(chunk).padStart(CHUNK_DIGITS, '0');
  }
}
