import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import type { Reason } from './engine-facts.ts';

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

/** Why the record of a task is passed over, where an operator once threw on it. */
export function poisonAt(
  poison: ReadonlyMap<string, string>,
  topic: Topic,
  offset: number,
): Reason | undefined {
  // Asked by size first: the name would be built for every event.
  if (poison.size === 0) return undefined;
  const message = poison.get(`${topic}/${offset}`);
  return message === undefined ? undefined : { code: 'PROCESSOR_FAILED', message };
}
