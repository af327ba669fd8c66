import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';

/** An operator threw on this record. The engine restores the task and dead-letters the record. */
export class PoisonRecord extends Error {
  readonly topic: Topic;
  readonly offset: number;

  constructor(topic: Topic, offset: number, cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = 'PoisonRecord';
    this.topic = topic;
    this.offset = offset;
  }
}

/** What an operator threw: the record's fault, or the damaged state that the operator came across. */
export function poisonOrFatal(topic: Topic, offset: number, thrown: unknown): Error {
  if (thrown instanceof EngineError && thrown.kind === 'fatal') return thrown;
  return new PoisonRecord(topic, offset, thrown);
}
