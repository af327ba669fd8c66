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

/** Why a record can never be used: a code of docs/errors.md and a sentence without personal data. */
export interface Refused {
  readonly code: string;
  readonly message: string;
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
  /**
   * Where reading goes on after this batch: at least one past its last record or marker, and more
   * where offsets follow that hold nothing for a reader.
   */
  readonly nextOffset: number;
  /** When the log took the records, UTC milliseconds. */
  readonly appendedAtMs: number;
  readonly importName: string | undefined;
  /** A marker: it occupies one offset and carries no record. */
  readonly endsImport: boolean;
  readonly bytes: Buffer;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** By index, the records that were found unusable where they came in; their bytes are as sent. */
  readonly refused?: ReadonlyMap<number, Refused>;
}

/**
 * A partitioned, replayable log of records. Offsets of a partition only grow; some may hold nothing.
 */
export interface Log {
  /**
   * Appends all batches. Resolves when they are durable; only then can they be read. After an error
   * some may have been appended all the same: send all of them again, event ids tell repeats apart.
   *
   * @throws {EngineError} DISK_FULL when there is no room: nothing was appended, try again later
   * @throws {EngineError} KAFKA_UNREACHABLE when no broker answers in time: try again later
   */
  append(batches: readonly AppendBatch[]): Promise<void>;

  /**
   * The batch that contains `offset`, or the next one where `offset` holds nothing. Undefined when
   * `offset` is the end, and also when what is there has not been fetched yet: `onAppend` tells when.
   * Any offset may be asked for at any time, so that a reader can go back to its checkpoint.
   *
   * @throws {EngineError} LOG_BATCH_DAMAGED, LOG_FORMAT_UNKNOWN when the stored bytes do not verify or are of another version
   * @throws {EngineError} LOG_OFFSET_OUT_OF_RANGE when `offset` was trimmed or never written
   * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED when a topic has got more partitions
   */
  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined;

  /** One past the last durable offset. */
  endOffset(topic: Topic, partition: number): number;

  /** The oldest offset that is still stored. */
  startOffset(topic: Topic, partition: number): number;

  /**
   * Records below `nextOffset` are covered by a durable checkpoint. Removes whole batches of them
   * that were appended before `beforeMs`, unless the log does that by itself. Returns how many.
   */
  trim(
    topic: Topic,
    partition: number,
    limits: { readonly beforeMs: number; readonly nextOffset: number },
  ): Promise<number>;

  /** Calls `listener` whenever there is more to read. */
  onAppend(listener: () => void): void;

  /** Why the log can be neither read nor written for the moment; a log on this machine always can. */
  problem?(): string | undefined;

  close(): Promise<void>;
}
