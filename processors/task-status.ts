import type { TaskStatus } from '../schemas/ports.ts';
import type { Log } from './engine/log/log.ts';
import type { Engine } from './engine/runtime/engine.ts';

/** How far each task has come, and how far the log has. */
export function taskStatuses(engine: Engine, log: Log): readonly TaskStatus[] {
  return engine.tasks.map((task) => {
    const inputs = task.inputs().map(({ topic, nextOffset, isIdle }) => ({
      topic,
      partition: task.partition,
      next_offset: nextOffset,
      end_offset: log.endOffset(topic, task.partition),
      idle: isIdle,
    }));
    return {
      task: task.name,
      counts: task.counts(),
      watermark: finiteOrNull(task.watermarkMs),
      lag_records: inputs.reduce((sum, input) => sum + input.end_offset - input.next_offset, 0),
      inputs,
    };
  });
}

/** JSON has no infinity. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
