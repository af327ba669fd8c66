import type { EngineError } from '../../../schemas/errors.ts';
import type { Log } from '../log/log.ts';
import type { Processor } from '../operator/processor.ts';
import type { Sink } from '../sink/sink.ts';
import type { Store } from '../state/store.ts';
import type { Clock } from '../time/clock.ts';
import type { EngineLimits } from './engine-limits.ts';
import type { OutboxEvents } from './outbox.ts';
import type { PoisonRecord } from './poison-record.ts';
import type { LatenessRule } from './task-options.ts';
import type { WindowRowCount } from './window-row-counts.ts';

/** What the engine tells whoever watches it; every call is cheap and must not throw. */
export interface EngineEvents extends OutboxEvents {
  onCount(code: string): void;
  onPoison(record: PoisonRecord, task: string): void;
  onCheckpoint(checkpoint: {
    readonly sequence: number;
    /** Longest time that it kept the tasks from reading at a stretch, by its work or because they waited for it. */
    readonly stallMs: number;
    readonly durationMs: number;
    readonly writes: number;
    readonly windowRows: readonly WindowRowCount[];
  }): void;
  onCheckpointFailed(error: EngineError): void;
}

/** What an engine is opened with. */
export interface EngineOptions {
  /** Names the rows and deduplication tokens of this engine: no other that writes to the same sink has it. */
  readonly node: string;
  readonly processors: readonly Processor[];
  readonly log: Log;
  readonly store: Store;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  /** The fencing epoch is at least this; for a store that may be older than what it has written. */
  readonly epochMin?: number;
  /** Partitions of the visitor and sku stages; the control stage has one. */
  readonly partitions: number;
  /** Runs the tasks of this partition alone, and with partition 0 the control stage; without it all of them. */
  readonly partition?: number;
  readonly events: EngineEvents;
  /** Decides which events are too late, in place of the tasks' watermarks. */
  readonly isLate?: LatenessRule;
}
