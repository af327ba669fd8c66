import type { EventCounts } from '../../../schemas/ports.ts';
import { type Topic, isTimed } from '../../../schemas/topics.ts';
import type { Log, RecordBatch } from '../log/log.ts';
import type { Watermark } from '../time/watermark.ts';
import type { TopicCounts } from './counts.ts';

/** One topic that a task reads, and how far it has come. */
export interface Input {
  readonly topic: Topic;
  nextOffset: number;
  /** The batch being read, and the record in it that comes next. */
  batch: RecordBatch | undefined;
  counts: TopicCounts;
}

/** The same for whoever watches the task. */
export interface InputStatus {
  readonly topic: Topic;
  readonly nextOffset: number;
  readonly isIdle: boolean;
  readonly counts: EventCounts;
}

/**
 * Which input comes next: of several with something to read, the one whose newest event is older;
 * undefined when none has anything at hand. Tells the watermark which inputs rest.
 */
export function chooseInput(
  inputs: readonly Input[],
  task: {
    readonly watermark: Watermark;
    readonly log: Log;
    readonly partition: number;
    /** Inputs of which the log had nothing at hand in this step, although there is more. */
    readonly unfetched: ReadonlySet<number>;
    readonly nowMs: number;
  },
): number | undefined {
  let chosen: number | undefined;
  const newest = task.watermark.newestEventMs;
  for (let index = 0; index < inputs.length; index += 1) {
    const input = inputAt(inputs, index);
    const isAtEnd = input.nextOffset >= task.log.endOffset(input.topic, task.partition);
    if (isTimed(input.topic)) task.watermark[isAtEnd ? 'rest' : 'touch'](index, task.nowMs);
    if (isAtEnd || task.unfetched.has(index)) continue;
    if (chosen === undefined || (newest[index] ?? 0) < (newest[chosen] ?? 0)) chosen = index;
  }
  return chosen;
}

/** The batch with the record that comes next; undefined when the log has not fetched it yet. */
export function nextBatch(input: Input, log: Log, partition: number): RecordBatch | undefined {
  const { batch } = input;
  if (batch !== undefined && input.nextOffset < batch.nextOffset) return batch;
  input.batch = log.read(input.topic, partition, input.nextOffset);
  // Offsets before it that hold nothing are passed over.
  input.nextOffset = Math.max(input.nextOffset, input.batch?.firstOffset ?? 0);
  return input.batch;
}

/** The input at an index that is known to be there. */
export function inputAt(inputs: readonly Input[], index: number): Input {
  const input = inputs[index];
  if (input === undefined)
    throw new RangeError(`Expected an input below ${inputs.length}, got ${index}`);
  return input;
}
