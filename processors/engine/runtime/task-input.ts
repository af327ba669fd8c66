import type { EventCounts } from '../../../schemas/ports.ts';
import type { Topic } from '../../../schemas/topics.ts';
import type { RecordBatch } from '../log/log.ts';
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
