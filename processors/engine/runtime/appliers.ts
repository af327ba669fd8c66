import { erase } from '../../../schemas/brand.ts';
import type { EventOfTopic, Topic } from '../../../schemas/topics.ts';
import type { Operator, Output, RecordContext } from '../operator/operator.ts';

/** One operator's part in a topic: the slot of its state in the key's entry, and what to call. */
export interface Applier {
  readonly slot: number;
  readonly apply: (
    state: unknown,
    event: EventOfTopic[Topic],
    output: Output,
    record: RecordContext,
  ) => void;
}

/** The operators that take a topic, in the task's order. */
export function appliersOf(topic: Topic, operators: readonly Operator[]): readonly Applier[] {
  return operators.flatMap((operator, slot) => {
    const apply = operator.apply[topic];
    // The task hands each operator the events of the topic it is registered for.
    return apply === undefined ? [] : [{ slot, apply: erase<Applier['apply']>(apply) }];
  });
}
