import type { Stage, Topic } from '../../../schemas/topics.ts';
import type { Log, RecordBatch } from '../log/log.ts';
import type { Operator } from '../operator/operator.ts';
import type { Table } from '../operator/table.ts';
import type { Layout } from '../state/keyed-state.ts';
import type { Store } from '../state/store.ts';

/** What a task needs to know of the configuration. */
export interface TaskLimits {
  readonly outOfOrdernessMs: number;
  readonly idleTimeoutMs: number;
  readonly allowedLatenessMs: number;
  readonly clockSkewMs: number;
  /** Keyed state in memory of one generation of a task, in encoded bytes; see `KeyedState`. */
  readonly cachedStateBytesMax: number;
  /** Window rows of one table and task kept in memory. */
  readonly cachedRowsMax: number;
  /** Event ids that one task remembers. */
  readonly deduplicationIdsMax: number;
}

/** What a task is opened with. */
export interface TaskOptions {
  readonly stage: Stage;
  readonly partition: number;
  readonly operators: readonly Operator[];
  readonly tables: readonly Table[];
  readonly layouts: readonly Layout[];
  readonly log: Log;
  readonly store: Store;
  readonly limits: TaskLimits;
  /** Where a task without a checkpoint begins to read. */
  readonly firstOffset: (topic: Topic, partition: number) => number;
  readonly partitionCount: (topic: Topic) => number;
  /** An operator counted something it could not use; `code` is from the operator's list. */
  readonly onCount: (code: string) => void;
  /** Decides which events are too late, in place of the watermark. */
  readonly isLate?: LatenessRule | undefined;
  /** Whether the task is to wait with a batch that users sent; see `Alignment`. Never, without it. */
  readonly mustWait?: ((batch: RecordBatch) => boolean) | undefined;
  /** Whether a batch comes in live, so that it must not wait for another input of the task. */
  readonly isLive: (batch: RecordBatch) => boolean;
  readonly nowMs: number;
}

/** Whether the event of this topic and id is too late: a recomputation decides as was decided before. */
export type LatenessRule = (topic: Topic, eventId: string) => boolean;
