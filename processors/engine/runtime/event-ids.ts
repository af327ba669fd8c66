import { EngineError } from '../../../schemas/errors.ts';
import { Deduplicator, type Seen } from '../operator/deduplicate.ts';
import type { Store, Write } from '../state/store.ts';

/** Ids that one checkpoint added, stored under the chunk's number. */
export interface IdChunk {
  readonly chunk: number;
  readonly idCount: number;
}

/** Bytes of one id in a chunk: 64 bits of its fingerprint, 32 of its body's hash. */
const ID_BYTES = 12;
const CHUNK_DIGITS = 12;

/** The event ids that one task remembers, with their copy in the store: one chunk per checkpoint. */
export class EventIds {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #idsMax: number;
  readonly #deduplicator: Deduplicator;
  readonly #chunks: IdChunk[];
  #storedCount = 0;

  /**
   * @param options.chunks what the checkpoint holds, oldest first
   * @throws {EngineError} CHECKPOINT_DAMAGED when a chunk is missing
   */
  constructor(options: {
    readonly store: Store;
    readonly task: string;
    readonly idsMax: number;
    readonly chunks: readonly IdChunk[];
  }) {
    this.#store = options.store;
    this.#prefix = `d/${options.task}/`;
    this.#idsMax = options.idsMax;
    this.#deduplicator = new Deduplicator({ idsMax: options.idsMax });
    this.#chunks = [...options.chunks];
    for (const { chunk, idCount } of this.#chunks) {
      this.#deduplicator.restore(this.#stored(chunk));
      this.#storedCount += idCount;
    }
  }

  get count(): number {
    return this.#deduplicator.count;
  }

  /** For the checkpoint. */
  get chunks(): readonly IdChunk[] {
    return this.#chunks;
  }

  see(eventId: string, bodyHash: number): Seen {
    return this.#deduplicator.see(eventId, bodyHash);
  }

  /** Adds what is new since the last call to `writes`, and the removal of chunks that are no longer needed. */
  collect(writes: Write[]): void {
    const ids = this.#deduplicator.takeAdded();
    if (ids.length === 0) return;
    const chunk = (this.#chunks.at(-1)?.chunk ?? 0) + 1;
    const idCount = ids.length / ID_BYTES;
    writes.push({ key: this.#key(chunk), value: ids });
    this.#chunks.push({ chunk, idCount });
    this.#storedCount += idCount;
    for (;;) {
      const oldest = this.#chunks[0];
      if (oldest === undefined || this.#storedCount - oldest.idCount < this.#idsMax) return;
      writes.push({ key: this.#key(oldest.chunk), value: undefined });
      this.#chunks.shift();
      this.#storedCount -= oldest.idCount;
    }
  }

  #stored(chunk: number): Buffer {
    const ids = this.#store.get(this.#key(chunk));
    if (ids !== undefined) return ids;
    throw new EngineError({
      code: 'CHECKPOINT_DAMAGED',
      kind: 'fatal',
      message: `Expected the event ids ${this.#key(chunk)} in the checkpoint, found none`,
    });
  }

  #key(chunk: number): string {
    return this.#prefix + String(chunk).padStart(CHUNK_DIGITS, '0');
  }
}
