import type { TaskLimits } from './task-options.ts';

/** How much the engine takes, keeps and waits for. */
export interface EngineLimits extends TaskLimits {
  /** Longest time between two checkpoints while there is something to write. */
  readonly checkpointMs: number;
  /** Changed keys that make a checkpoint due before its time: bounds how long the store takes them in. */
  readonly checkpointKeysMax: number;
  /** The same of changed rows, which a checkpoint encodes at one stretch. */
  readonly checkpointRowsMax: number;
  /** The same of facts and forwarded records: bounds the size of a checkpoint. */
  readonly checkpointLinesMax: number;
  /** Keys that a checkpoint encodes at a stretch, before tasks go on. */
  readonly stretchKeysMax: number;
  /** Rows stored and not yet acknowledged at which the tasks stop reading. */
  readonly outboxRowsMax: number;
}
