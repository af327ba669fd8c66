import { type RootDatabase, open } from 'lmdb';

import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import {
  type BatchPlace,
  batchDamaged,
  decodeBatch,
  encodeBatch,
  offsetsOf,
  storedBytesOf,
  storedAppendedAtMs,
  storedOffsets,
} from './batch.ts';
import type { AppendBatch, Log, RecordBatch } from './log.ts';

/** Address space set aside: whenever a file outgrows its map LMDB makes another and keeps the old one in memory. */
const MAP_BYTES = 16 * 1_024 ** 3;

type BatchKey = [topic: Topic, partition: number, firstOffset: number];

/** Memory that is used again grows by more than is needed, so that it seldom does. */
const GROWTH = 1.5;

/** Most batches that one transaction removes, so that trimming never holds the writer for long. */
const TRIM_BATCHES_MAX = 1_000;

interface PendingAppend {
  readonly batches: readonly AppendBatch[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The log of one machine: appended batches in LMDB, keyed by topic, partition and first offset.
 * Appends that arrive while a transaction is under way share the next one and its fsync.
 */
export class EmbeddedLog implements Log {
  readonly #batches: RootDatabase<Buffer, BatchKey>;
  readonly #nowMs: () => number;
  readonly #endOffsets = new Map<string, number>();
  readonly #listeners: (() => void)[] = [];
  /*
   * Used again and again: a buffer of its own per batch would be tens of megabytes a second outside of
   * V8's heap, and V8 answers those with full collections of everything inside it.
   */
  /** For the stored forms of one flush; as large as the largest one needed. */
  #written = Buffer.alloc(0);
  /** For the batch that was read last of each partition. */
  readonly #read = new Map<string, Buffer>();
  #pending: PendingAppend[] = [];
  #flushing: Promise<void> | undefined;

  private constructor(batches: RootDatabase<Buffer, BatchKey>, nowMs: () => number) {
    this.#batches = batches;
    this.#nowMs = nowMs;
  }

  /** Opens or creates the log in `directory`. The caller holds the data directory's lock. */
  static open(directory: string, nowMs: () => number): EmbeddedLog {
    const batches = open<Buffer, BatchKey>({
      path: directory,
      encoding: 'binary',
      compression: false,
      // The pages that LMDB allocates are written in full right away.
      noMemInit: true,
      mapSize: MAP_BYTES,
      // A batch of lmdb's own has a promise that nobody can handle when the disk is full.
      eventTurnBatching: false,
    });
    return new EmbeddedLog(batches, nowMs);
  }

  append(batches: readonly AppendBatch[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ batches, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    });
  }

  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined {
    const endOffset = this.endOffset(topic, partition);
    if (offset === endOffset) return undefined;
    if (offset < endOffset) {
      const key = this.#newestKey(topic, partition, offset);
      if (key !== undefined) {
        const stored = this.#valueOf(key);
        const batch = decodeBatch(stored, { topic, partition, firstOffset: key[2] });
        // Offsets have no gaps, so what should follow is gone.
        if (offset >= batch.nextOffset) throw batchDamaged(batch, 'successor is missing');
        return batch;
      }
    }
    throw new EngineError({
      code: 'LOG_OFFSET_OUT_OF_RANGE',
      kind: 'fatal',
      message:
        `Expected an offset from ${this.startOffset(topic, partition)} to ${endOffset} ` +
        `of ${topic}/${partition}, got ${offset}`,
      details: { topic, partition, offset },
    });
  }

  endOffset(topic: Topic, partition: number): number {
    const name = `${topic}/${partition}`;
    let endOffset = this.#endOffsets.get(name);
    if (endOffset === undefined) {
      const last = this.#newestKey(topic, partition, Number.MAX_SAFE_INTEGER);
      endOffset = last === undefined ? 0 : last[2] + storedOffsets(this.#valueOf(last));
      this.#endOffsets.set(name, endOffset);
    }
    return endOffset;
  }

  startOffset(topic: Topic, partition: number): number {
    for (const key of this.#batches.getKeys({
      start: [topic, partition, 0],
      end: [topic, partition, Number.MAX_SAFE_INTEGER],
      limit: 1,
    })) {
      return key[2];
    }
    return this.endOffset(topic, partition);
  }

  async trim(
    topic: Topic,
    partition: number,
    limits: { readonly beforeMs: number; readonly nextOffset: number },
  ): Promise<number> {
    const removed: BatchKey[] = [];
    for (const { key, value } of this.#batches.getRange({
      start: [topic, partition, 0],
      end: [topic, partition, Number.MAX_SAFE_INTEGER],
      limit: TRIM_BATCHES_MAX,
    })) {
      if (storedAppendedAtMs(value) >= limits.beforeMs) break;
      if (key[2] + storedOffsets(value) > limits.nextOffset) break;
      // The last batch stays: the end offset is found from it after a restart.
      if (key[2] + storedOffsets(value) === this.endOffset(topic, partition)) break;
      removed.push(key);
    }
    if (removed.length > 0) {
      await this.#batches.batch(() => {
        for (const key of removed) void this.#batches.remove(key);
      });
    }
    return removed.length;
  }

  onAppend(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#batches.close();
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const taken = this.#pending;
      this.#pending = [];
      try {
        await this.#write(taken);
        for (const { resolve } of taken) resolve();
        for (const listener of this.#listeners) listener();
      } catch (error) {
        const failure = appendFailure(await reasonOf(error));
        for (const { reject } of taken) reject(failure);
      }
    }
  }

  /** The key of the newest stored batch that begins at `offset` or before it. */
  #newestKey(topic: Topic, partition: number, offset: number): BatchKey | undefined {
    return reading({ topic, partition, firstOffset: offset }, () => {
      const [found] = this.#batches.getKeys({
        start: [topic, partition, offset],
        end: [topic, partition, -1],
        reverse: true,
        limit: 1,
      });
      return found;
    });
  }

  /** A stored batch, valid until the next one of its partition is read. */
  #valueOf([topic, partition, firstOffset]: BatchKey): Buffer {
    const place = { topic, partition, firstOffset };
    // A buffer that lmdb uses again, and claims to be as long as the value.
    const shared = reading(place, () =>
      this.#batches.getBinaryFast([topic, partition, firstOffset]),
    );
    if (shared === undefined) throw batchDamaged(place, 'value is missing');
    const { length } = shared;
    const name = `${topic}/${partition}`;
    let read = this.#read.get(name);
    if (read === undefined || read.length < length) {
      read = Buffer.allocUnsafeSlow(Math.ceil(GROWTH * length));
      this.#read.set(name, read);
    }
    read.set(shared.subarray(0, length));
    return read.subarray(0, length);
  }

  async #write(taken: readonly PendingAppend[]): Promise<void> {
    const appendedAtMs = this.#nowMs();
    const endOffsets = new Map<string, number>();
    const writes: { readonly key: BatchKey; readonly stored: Buffer }[] = [];
    const batches = taken.flatMap((each) => each.batches);
    const byteCount = batches.reduce((bytes, batch) => bytes + storedBytesOf(batch), 0);
    if (this.#written.length < byteCount)
      this.#written = Buffer.allocUnsafeSlow(Math.ceil(GROWTH * byteCount));
    let at = 0;
    for (const batch of batches) {
      const name = `${batch.topic}/${batch.partition}`;
      const firstOffset = endOffsets.get(name) ?? this.endOffset(batch.topic, batch.partition);
      endOffsets.set(name, firstOffset + offsetsOf(batch));
      const place = this.#written.subarray(at, at + storedBytesOf(batch));
      at += place.length;
      writes.push({
        key: [batch.topic, batch.partition, firstOffset],
        stored: encodeBatch(batch, appendedAtMs, place),
      });
    }
    // Atomic like a transaction, but it is the writing thread that puts.
    await this.#batches.batch(() => {
      for (const { key, stored } of writes) void this.#batches.put(key, stored);
    });
    await this.#batches.flushed;
    // Only now: a reader must never see what a power cut could still take back.
    for (const [name, endOffset] of endOffsets) this.#endOffsets.set(name, endOffset);
  }
}

/** LMDB throws when it comes to a page that is not what its index says. */
function reading<Result>(place: BatchPlace, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw batchDamaged(place, `file cannot be read: ${messageOf(error)}`);
  }
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

function appendFailure(error: unknown): EngineError {
  return new EngineError({
    code: 'DISK_FULL',
    kind: 'transient',
    message: `Expected room to append to the log, got: ${messageOf(error)}`,
    cause: error,
  });
}
