import type { Log } from '../log/log.ts';
import type { Task } from './task.ts';

/** Records that the log has and the task has not taken, over all its inputs. */
export function unreadCount(task: Task, log: Log): number {
  return task
    .inputs()
    .reduce(
      (sum, { topic, nextOffset }) =>
        sum + Math.max(0, log.endOffset(topic, task.partition) - nextOffset),
      0,
    );
}
