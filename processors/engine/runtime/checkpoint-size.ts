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

/** How many times as large and as rare as of live events the next checkpoint may be, and as rare what viewers are told. */
export function historyFactor(tasks: readonly Task[], log: Log): number {
  const isHistory = tasks.some(
    (task) => task.isImporting || unreadCount(task, log) >= BEHIND_RECORDS_MIN,
  );
  return isHistory ? HISTORY_FACTOR : 1;
}

/**
 * How many keys may still change until there is as much as a checkpoint should hold; none as soon as
 * there are enough rows or lines.
 *
 * @param factor how many times as many keys there may be as make a checkpoint of live events due
 */
export function keysLeft(
  tasks: readonly Task[],
  limits: Pick<EngineLimits, 'checkpointKeysMax' | 'checkpointRowsMax' | 'checkpointLinesMax'>,
  factor: number,
): number {
  let keys = 0;
  let rows = 0;
  let lines = 0;
  for (const { pending } of tasks) {
    keys += pending.keys;
    rows += pending.rows;
    lines += pending.lines;
  }
  if (rows >= limits.checkpointRowsMax || lines >= limits.checkpointLinesMax) return 0;
  return Math.max(0, factor * limits.checkpointKeysMax - keys);
}
