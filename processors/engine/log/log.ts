import type { Topic } from '../../../schemas/topics.ts';

/** Records on their way into one partition. The log takes the values over; do not change them afterwards. */
export interface AppendBatch {
  readonly topic: Topic;
  readonly partition: number;
  readonly values: readonly Uint8Array[];
  /** Set on records of an import of history: they are never too late and do not move the watermark. */
  readonly importName?: string;
  /** A marker without records: the named import is complete in this partition. */
  readonly endsImport?: boolean;
}

/**
 * Consecutive records of one partition. Record i lies in `bytes` from `starts[i]` to `ends[i]` and
 * has offset `firstOffset + i`. The bytes may belong to the log: valid until the next read.
 */
export interface RecordBatch {
  readonly topic: Topic;
  readonly partition: number;
  readonly firstOffset: number;
  readonly count: number;
  /** When the log took the records, UTC milliseconds. */
  readonly appendedAtMs: number;
  readonly importName: string | undefined;
  /** A marker: it occupies one offset and carries no record. */
  readonly endsImport: boolean;
  readonly bytes: Buffer;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/**
 * A partitioned, replayable log of records. Offsets of a partition start at 0 and have no gaps.
 */
export interface Log {
  /**
   * Appends all batches or none. Resolves when they are durable; only then can they be read.
   *
   * @throws {EngineError} DISK_FULL when there is no room: nothing was appended, try again later
   */
  append(batches: readonly AppendBatch[]): Promise<void>;

  /**
   * The stored batch that contains `offset`, or undefined when `offset` is the end.
   *
   * @throws {EngineError} LOG_BATCH_DAMAGED when the stored bytes do not verify
   * @throws {EngineError} LOG_OFFSET_OUT_OF_RANGE when `offset` was trimmed or never written
   */
  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined;

  /** One past the last durable offset. */
  endOffset(topic: Topic, partition: number): number;

  /** The oldest offset that is still stored. */
  startOffset(topic: Topic, partition: number): number;

  /** Removes whole batches that were appended before `beforeMs` and lie below `nextOffset`. Returns how many. */
  trim(
    topic: Topic,
    partition: number,
    limits: { readonly beforeMs: number; readonly nextOffset: number },
  ): Promise<number>;

  /** Calls `listener` after every append that became durable. */
  onAppend(listener: () => void): void;

  close(): Promise<void>;
}
