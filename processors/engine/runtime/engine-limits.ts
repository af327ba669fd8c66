import type { TaskLimits } from './task-options.ts';

/** How much the engine takes, keeps and waits for. */
export interface EngineLimits extends TaskLimits {
  /** Longest time between two checkpoints while there is something to write. */
  readonly checkpointMs: number;
  /** Changed keys and rows that make a checkpoint due before its time: bounds how long it stalls. */
  readonly checkpointChangesMax: number;
  /** Facts and forwarded records that do the same: bounds the size of an insert. */
  readonly checkpointLinesMax: number;
  /** Rows stored and not yet acknowledged at which the tasks stop reading. */
  readonly outboxRowsMax: number;
}
