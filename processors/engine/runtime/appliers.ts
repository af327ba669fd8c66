import { erase } from '../../../schemas/brand.ts';
import { assert } from '../../../schemas/errors.ts';
import { type EventOfTopic, TOPICS_OF_STAGE, type Topic } from '../../../schemas/topics.ts';
import { NettingOutput } from '../operator/netting-output.ts';
import type { MergeContext, Operator, Output, RecordContext } from '../operator/operator.ts';
import { GONE, HUMAN, type Standing } from '../operator/standing.ts';

/** One operator's part in a topic: the slot of its state in the key's entry, and what to call. */
interface Applier {
  readonly slot: number;
  /** Whether it keeps something of the visitor, and so follows it to another id. */
  readonly isBound: boolean;
  readonly apply: (
    state: unknown,
    event: EventOfTopic[Topic],
    output: Output,
    record: RecordContext,
    facts: unknown,
  ) => void;
}

/** A record's context while the operators of its stage take it. */
export type OpenRecord = Omit<RecordContext, 'standing'> & { standing?: Standing };

/**
 * The operators of one stage as they take an event: the judge first, then, if the standing of the
 * key changed, everybody's reconsideration, then the others in the order of the list.
 */
export class Appliers {
  readonly #ofTopic: ReadonlyMap<Topic, readonly Applier[]>;
  readonly #judge: Operator | undefined;
  readonly #judgeSlot: number;
  readonly #operators: readonly Operator[];
  readonly #facts: readonly unknown[];
  readonly #judging: ReadonlyMap<Topic, Applier['apply']>;
  readonly #reconsidering: readonly {
    readonly slot: number;
    readonly reconsider: NonNullable<Operator['reconsider']>;
  }[];

  /** @param operators of one stage; a key's states, and `facts`, stand in the same order */
  constructor(operators: readonly Operator[], facts: readonly unknown[]) {
    this.#operators = operators;
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
    for (const { slot, apply, isBound } of this.#ofTopic.get(record.topic) ?? []) {
      if (record.member !== undefined && !isBound) continue;
      apply(states[slot], event, output, record, this.#facts[slot]);
    }
  }

  /**
   * Hands the event to those who look at events one by one, where it came in; the others take it under
   * the surviving id, as one with `record.member`.
   */
  applyWhereItCame(
    states: readonly unknown[],
    event: EventOfTopic[Topic],
    output: Output,
    record: OpenRecord,
  ): void {
    for (const { slot, apply, isBound } of this.#ofTopic.get(record.topic) ?? []) {
      if (!isBound) apply(states[slot], event, output, record, this.#facts[slot]);
    }
  }

  /** Tells everybody that the states of `key` go to another one. */
  leave(states: readonly unknown[], key: string, output: Output): void {
    this.#operators.forEach(({ leave }, slot) => leave?.(states[slot], key, output));
  }

  /** Makes `states` those of one visitor with `others`, and emits what that changes. */
  merge(
    states: readonly unknown[],
    others: readonly unknown[],
    output: Output,
    { key, eventId, record }: MergeContext & { readonly record: OpenRecord },
  ): void {
    const netting = new NettingOutput(output);
    const reconsider = (of: readonly unknown[], before: Standing, after: Standing): void =>
      this.#reconsider(of, { before, after }, netting, record);
    reconsider(states, this.#standingOf(states), GONE);
    reconsider(others, this.#standingOf(others), GONE);
    const context = { key, eventId, record };
    // The judge first: what the others say depends on what is held of the two together.
    const judgeSlot = this.#judgeSlot;
    this.#judge?.merge?.(states[judgeSlot], others[judgeSlot], netting, context);
    this.#operators.forEach(({ merge }, slot) => {
      if (slot !== judgeSlot) merge?.(states[slot], others[slot], netting, context);
    });
    reconsider(states, GONE, this.#standingOf(states));
    netting.flush();
  }

  #standingOf(states: readonly unknown[]): Standing {
    return this.#judge?.standingOf?.(states[this.#judgeSlot]) ?? HUMAN;
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
    if (apply === undefined) return [];
    const isBound = operator.merge !== undefined;
    return [{ slot, apply: erase<Applier['apply']>(apply), isBound }];
  });
}
