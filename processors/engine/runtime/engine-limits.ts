import type { TaskLimits } from './task-options.ts';

/** How much the engine takes, keeps and waits for. */
export interface EngineLimits extends TaskLimits {
  /** Longest time between two checkpoints while there is something to write. */
  readonly checkpointMs: number;
  /** Changed keys and rows left for a checkpoint to encode, which bounds its stall: more are encoded ahead. */
  readonly checkpointChangesMax: number;
  /** Facts and forwarded records that make a checkpoint due before its time: bounds its size. */
  readonly checkpointLinesMax: number;
  /** Rows stored and not yet acknowledged at which the tasks stop reading. */
  readonly outboxRowsMax: number;
}
