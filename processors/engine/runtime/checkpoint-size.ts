import type { Log } from '../log/log.ts';
import type { EngineLimits } from './engine-limits.ts';
import type { Task } from './task.ts';
import { unreadCount } from './unread.ts';

/**
 * How many times as large and as rare as of live events a checkpoint of history may be, of an import or
 * of what has piled up: nobody waits for its rows, and in a larger one an event costs a sixth less;
 * with an engine per partition, and so with a checkpoint per partition, a fifth.
 */
const HISTORY_FACTOR = 4;
/** Records that one task has not read at which it catches up: a second of a high rate. */
const BEHIND_RECORDS_MIN = 5_000;
/** How many times as large one of live events may grow while the store is slow, before tasks wait for it. */
const WAITING_FACTOR = 2;

/** How many times as long as the last one a checkpoint may take before tasks stand still until it ends. */
const PATIENCE_FACTOR = 2;

/** How many times as large and as rare as of live events the next checkpoint may be. */
export function sizeFactor(tasks: readonly Task[], log: Log): number {
  const isHistory = tasks.some(
    (task) => task.isImporting || unreadCount(task, log) >= BEHIND_RECORDS_MIN,
  );
  return isHistory ? HISTORY_FACTOR : 1;
}

/**
 * The same at which tasks wait for the checkpoint that is being written. It grows with the time that
 * the last one took: a store slower than the tasks makes them wait often and briefly, instead of once
 * and until it has finished.
 *
 * @param dueFactor how many times as large as of live events the next one is when it is due
 */
export function waitingFactor(
  dueFactor: number,
  { elapsedMs, lastDurationMs }: { readonly elapsedMs: number; readonly lastDurationMs: number },
): number {
  const most = Math.max(WAITING_FACTOR, dueFactor);
  const patienceMs = PATIENCE_FACTOR * lastDurationMs;
  return elapsedMs >= patienceMs ? most : (most / 2) * (1 + elapsedMs / patienceMs);
}

/**
 * Whether as much has changed as a checkpoint should hold.
 *
 * @param factor how many times as many keys there may be as make a checkpoint of live events due
 */
export function isCheckpointFull(
  tasks: readonly Task[],
  limits: Pick<EngineLimits, 'checkpointKeysMax' | 'checkpointRowsMax' | 'checkpointLinesMax'>,
  factor: number,
): boolean {
  let keys = 0;
  let rows = 0;
  let lines = 0;
  for (const { pending } of tasks) {
    keys += pending.keys;
    rows += pending.rows;
    lines += pending.lines;
  }
  if (keys >= factor * limits.checkpointKeysMax) return true;
  return rows >= limits.checkpointRowsMax || lines >= limits.checkpointLinesMax;
}
