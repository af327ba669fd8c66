import type { AppendBatch, RecordBatch } from '../../processors/engine/log/log.ts';

/** The one topic that is written and read. */
export const TOPIC = 'weir.clicks';

/** What the log asks of a client library, and no more: the bench gives both libraries the same work. */
export interface Client {
  /** Resolves when all replicas in sync have them. An idempotent producer, one request at a time. */
  append(batches: readonly AppendBatch[]): Promise<void>;
  /** Joins the group and reads on from `positions`; resolves when it has been given partitions. */
  join(reading: Reading): Promise<Member>;
  close(): Promise<void>;
}

/** What a member of a group reads, and where to. */
export interface Reading {
  readonly groupId: string;
  /**
   * The next offset of each partition. Members of one group share it, as processes share a checkpoint,
   * and the client moves it on.
   */
  readonly positions: Map<number, number>;
  readonly onBatches: (batches: readonly RecordBatch[]) => void;
}

/** A member of a group; leaving it gives its partitions to the others. */
export interface Member {
  leave(): Promise<void>;
}

/** Brokers and what the libraries are set to, the same for both. */
export interface ClientOptions {
  readonly broker: string;
  readonly name: string;
}

/** As the log of Weir sets them. */
export const SESSION_MS = 10_000;
export const HEARTBEAT_MS = 2_000;
export const FETCH_WAIT_MS_MAX = 250;
export const PARTITION_BYTES_MAX = 512 * 1_024;
