import { erase } from '../../../schemas/brand.ts';
import { assert } from '../../../schemas/errors.ts';
import { type EventOfTopic, TOPICS_OF_STAGE, type Topic } from '../../../schemas/topics.ts';
import type { Operator, Output, RecordContext } from '../operator/operator.ts';
import type { Standing } from '../operator/standing.ts';

/** One operator's part in a topic: the slot of its state in the key's entry, and what to call. */
interface Applier {
  readonly slot: number;
  readonly apply: (
    state: unknown,
    event: EventOfTopic[Topic],
    output: Output,
    record: RecordContext,
    facts: unknown,
  ) => void;
}

/** A record's context while the operators of its stage take it. */
type OpenRecord = Omit<RecordContext, 'standing'> & { standing?: Standing };

/**
 * The operators of one stage as they take an event: the judge first, then, if the standing of the
 * key changed, everybody's reconsideration, then the others in the order of the list.
 */
export class Appliers {
  readonly #ofTopic: ReadonlyMap<Topic, readonly Applier[]>;
  readonly #judge: Operator | undefined;
  readonly #judgeSlot: number;
  readonly #facts: readonly unknown[];
  readonly #judging: ReadonlyMap<Topic, Applier['apply']>;
  readonly #reconsidering: readonly {
    readonly slot: number;
    readonly reconsider: NonNullable<Operator['reconsider']>;
  }[];

  /** @param operators of one stage; a key's states, and `facts`, stand in the same order */
  constructor(operators: readonly Operator[], facts: readonly unknown[]) {
    this.#facts = facts;
    const judges = operators.filter(({ standingOf }) => standingOf !== undefined);
    assert(judges.length <= 1, 'a stage has one judge at most');
    this.#judge = judges[0];
    this.#judgeSlot = operators.findIndex((operator) => operator === this.#judge);
    const topics: readonly Topic[] = Object.values(TOPICS_OF_STAGE).flat();
    const appliers = topics.map((topic) => [topic, appliersOf(topic, operators)] as const);
    this.#ofTopic = new Map(
      appliers.map(([topic, all]) => [topic, all.filter(({ slot }) => slot !== this.#judgeSlot)]),
    );
    this.#judging = new Map(
      appliers.flatMap(([topic, all]) =>
        all.flatMap(({ slot, apply }) => (slot === this.#judgeSlot ? [[topic, apply]] : [])),
      ),
    );
    this.#reconsidering = operators.flatMap(({ reconsider }, slot) =>
      reconsider === undefined ? [] : [{ slot, reconsider }],
    );
  }

  /** Hands the event to everybody; sets `record.standing` on the way. */
  apply(
    states: readonly unknown[],
    event: EventOfTopic[Topic],
    output: Output,
    record: OpenRecord,
  ): void {
    if (this.#judge?.standingOf !== undefined) {
      const state = states[this.#judgeSlot];
      const before = this.#judge.standingOf(state);
      record.standing = before;
      const judge = this.#judging.get(record.topic);
      if (judge !== undefined) {
        judge(state, event, output, record, this.#facts[this.#judgeSlot]);
        const after = this.#judge.standingOf(state);
        if (after !== before) this.#reconsider(states, { before, after }, output, record);
      }
    }
    for (const { slot, apply } of this.#ofTopic.get(record.topic) ?? []) {
      apply(states[slot], event, output, record, this.#facts[slot]);
    }
  }

  #reconsider(
    states: readonly unknown[],
    change: { readonly before: Standing; readonly after: Standing },
    output: Output,
    record: OpenRecord,
  ): void {
    record.standing = change.after;
    for (const { slot, reconsider } of this.#reconsidering) {
      reconsider(states[slot], change, output, record);
    }
  }
}

function appliersOf(topic: Topic, operators: readonly Operator[]): readonly Applier[] {
  return operators.flatMap((operator, slot) => {
    const apply = operator.apply[topic];
    // The task hands each operator the events of the topic it is registered for.
    return apply === undefined ? [] : [{ slot, apply: erase<Applier['apply']>(apply) }];
  });
}
