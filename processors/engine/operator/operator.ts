import { erase } from '../../../schemas/brand.ts';
import type { SkuEvent } from '../../../schemas/events/sku-event.ts';
import type { EventOfTopic, Stage, Topic } from '../../../schemas/topics.ts';
import type { Standing, StandingChange } from './standing.ts';
import type { FactsTable, RowsTable, SumsTable, Value } from './table.ts';

/** One partition of a topic. */
export interface Partition {
  readonly partition: number;
}

/**
 * Where an operator's results go. The engine collects them, assigns row versions, and delivers them
 * together with the checkpoint that contains the state they came from.
 */
export interface Output {
  /**
   * Adds the signed integer `amount` to one sum of the window that contains `eventTimeMs`.
   * `sum` is the index into `table.sums`, `dimensions` are in the order of `table.dimensions`.
   * The engine decides whether that changes the window's own row or, once the window is final, a
   * correction row; an operator never needs to know.
   */
  add(
    table: SumsTable,
    eventTimeMs: number,
    dimensions: readonly string[],
    sum: number,
    amount: number,
  ): void;

  /** Writes the whole current row of its key; `values` are in the order of `table.columns`. */
  upsert(table: RowsTable, values: readonly Value[]): void;

  /** Writes a fact of the record in hand; `values` are in the order of `table.columns`. */
  append(table: FactsTable, values: readonly Value[]): void;

  /**
   * Sends an event to another stage through the log. Delivered at least once: its `event_id` must
   * follow from the event in hand, so that a repeat is recognised.
   *
   * @param to the key of the event, or its partition where only the sender of the key's other events
   *   knows that
   */
  forward<T extends Topic>(topic: T, to: string | Partition, event: EventOfTopic[T]): void;

  /**
   * Sends an event about every key to each partition of another stage; `event_id` as for `forward`.
   * There the operators' `facts` take it, see `Operator.facts`.
   */
  broadcast<T extends Topic>(topic: T, event: EventOfTopic[T]): void;

  /**
   * Asks for a call of `wake` for the key in hand, once the watermark has reached `eventTimeMs`. An
   * earlier request stands; one that is no longer needed does no harm.
   */
  wakeAt(eventTimeMs: number): void;

  /** Counts something an operator could not use or had to limit; `code` is from the operator's closed list. */
  count(code: string): void;
}

/** What is known about the record in hand. Valid only during the call. */
export interface RecordContext {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  /** When the log took the record: UTC milliseconds of processing time, the same in every replay. */
  readonly appendedAtMs: number;
  /** The task's watermark before this record, −Infinity until there is one. Never goes back. */
  readonly watermarkMs: number;
  /** What is held of the key, the record in hand included; absent where the stage has no judge. */
  readonly standing?: Standing;
  /** Set when the event came under another id of the same visitor: that id and its partition. */
  readonly member?: Member | undefined;
}

/** An id of a visitor beside the one that the visitor's state is kept under. */
export interface Member extends Partition {
  readonly id: string;
}

/**
 * A pure, synchronous step from (state of one key, event) to signed deltas, rows and events.
 *
 * The caller guarantees: events of one key arrive one at a time, each event id once, none older
 * than the allowed lateness (unless it belongs to an import of history), in any order.
 * The operator keeps true: the sum of everything it has emitted for a key depends on the set of that
 * key's events, not on their order; it reads no clock, no randomness, no I/O; state is plain data
 * (arrays, strings, numbers, booleans, null, plain objects), so that it can be stored and restored.
 */
export interface Operator<State = unknown, Facts = undefined> {
  /** Unique within its stage; names the state in the checkpoint. */
  readonly name: string;
  readonly stage: Stage;
  /** Raised when stored state of the version before can no longer be read. */
  readonly stateVersion: number;
  /** The key of each event this operator takes; a topic that is absent is not for this operator. */
  readonly createState: () => State;
  /** Changes `state` in place and emits. One entry for every topic the operator takes. */
  readonly apply: {
    readonly [T in Topic]?: (
      state: State,
      event: EventOfTopic[T],
      output: Output,
      record: RecordContext,
      ...facts: Facts extends undefined ? [] : [facts: Facts]
    ) => void;
  };
  /**
   * Makes this operator the judge of its stage, one at most: its `apply` comes first, and what this
   * returns for its state is the standing of the key for all others. The same array while it is the
   * same standing.
   */
  readonly standingOf?: (state: State) => Standing;
  /**
   * The standing of the key changed: emits what the key contributes with `change.after` less what it
   * did with `change.before`. Called before `apply` of the record in hand, whatever its topic; the
   * state does not hold that record yet. An operator whose results depend on who the visitor is has it.
   */
  readonly reconsider?: (
    state: State,
    change: StandingChange,
    output: Output,
    record: RecordContext,
  ) => void;
  /**
   * Two keys turn out to be one: makes `state` what it would be if the events of both had come to it.
   * What `other` and `state` contributed by `reconsider` is taken back before and given again after; the
   * rest, new − old, is for this method to emit. `other` is the caller's no longer. An operator without
   * it looks at events one by one, and takes each where it comes in.
   */
  readonly merge?: (state: State, other: State, output: Output, merge: MergeContext) => void;
  /** The state leaves for another key: takes back rows that are written under this one. */
  readonly leave?: (state: State, key: string, output: Output) => void;
  /**
   * What all keys of a task share, such as exchange rates; undefined for most operators. `take` changes
   * it in place by a broadcast event and returns whether keys must look at it: then `wake` is called for
   * every key, some time later and in no particular order. A key must give the same results whether it
   * is first woken or first gets an event of its own. Plain data, always in memory, so small.
   */
  readonly facts?: {
    readonly create: () => Facts;
    readonly take: (
      facts: Facts,
      event: SkuEvent,
      record: { readonly watermarkMs: number },
    ) => boolean;
  };
  /**
   * Looks at a key again because event time has passed or the facts have changed, and returns whether
   * its state changed. It may be called without a need. It must not append or forward.
   */
  readonly wake?: (
    state: State,
    key: string,
    output: Output,
    context: { readonly watermarkMs: number; readonly facts: Facts },
  ) => boolean;
  /**
   * The watermark at which this key's state can no longer change any result and may be dropped, in
   * event-time milliseconds; Infinity keeps it. The engine takes the maximum over a key's operators.
   */
  readonly expiresAtMs: (state: State) => number;
  /** A rough size of the state for the memory bound, in bytes; constant time. */
  readonly stateBytes: (state: State) => number;
}

/** What is known while the state of one key is merged into that of another. */
export interface MergeContext {
  /** The surviving key. */
  readonly key: string;
  /** Derived from the links that merge: events that this merge forwards are named after it. */
  readonly eventId: string;
  readonly record: RecordContext;
}

/** Declares an operator with its state type checked, and forgets that type for the engine's list. */
export function defineOperator<State, Facts = undefined>(
  operator: Operator<State, Facts>,
): Operator {
  return erase(operator);
}
