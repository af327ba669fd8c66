import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import type { SkuEvent } from '../../../schemas/events/sku-event.ts';
import type { Operator, Output } from '../operator/operator.ts';
import type { KeyedState } from '../state/keyed-state.ts';
import type { Store, Write } from '../state/store.ts';
import type { TaskOutput } from './task-output.ts';
import { Timers } from './timers.ts';

/** How far a round over all keys has come: `after` is the last stored key that was visited. */
interface Round {
  readonly after: string;
  /** Facts changed during the round, so that another one follows. */
  readonly isRepeated: boolean;
}

/** What a checkpoint holds of the facts. */
interface StoredFacts {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly round: Round | undefined;
}

/** What a wake may know of the task. */
interface Moment {
  readonly watermarkMs: number;
  readonly horizonMs: number;
}

/**
 * Wakes the keys of one task: those whose time has come, and all of them after the facts that they
 * share have changed. A little at a time, so that a task with many keys goes on with its events.
 */
export class Wakes {
  /** Per operator, in the task's order; undefined where an operator has none. */
  readonly facts: readonly unknown[];
  readonly timers: Timers;
  readonly #options: WakesOptions;
  readonly #key: string;
  /** Keys that were in memory when the round began: some of them may not be in the store. */
  #cached: string[] = [];
  #round: Round | undefined;
  #isChanged = false;

  constructor(options: WakesOptions) {
    this.#options = options;
    this.#key = `m/facts/${options.task}`;
    this.timers = new Timers(options);
    const stored = options.store.get(this.#key);
    // Written by `collect` and verified by the store's checksum.
    const restored = stored === undefined ? undefined : erase<StoredFacts>(unpack(stored));
    this.facts = options.operators.map(
      ({ name, facts }) => restored?.facts[name] ?? facts?.create(),
    );
    this.#round = restored?.round;
  }

  get hasChanges(): boolean {
    return this.#isChanged || this.timers.hasChanges;
  }

  /** Whether `run` would have something to do. */
  isDue(watermarkMs: number): boolean {
    return this.#round !== undefined || this.timers.isDue(watermarkMs);
  }

  /** Takes an event that is about every key. */
  take(event: SkuEvent, watermarkMs: number): void {
    let isNews = false;
    this.#options.operators.forEach(({ facts }, slot) => {
      if (facts === undefined) return;
      const take = erase<FactsTaker>(facts.take);
      if (take(this.facts[slot], event, { watermarkMs })) isNews = true;
    });
    if (!isNews) return;
    this.#isChanged = true;
    if (this.#round === undefined) this.#begin();
    else this.#round = { ...this.#round, isRepeated: true };
  }

  /**
   * Wakes about `limit` keys and returns how many it looked at.
   *
   * @param horizonMs state that expired at or before this event time counts as absent
   */
  run(limit: number, watermarkMs: number, horizonMs: number): number {
    if (!this.isDue(watermarkMs)) return 0;
    const moment = { watermarkMs, horizonMs };
    let count = 0;
    if (this.timers.isDue(watermarkMs)) {
      const keys = this.timers.take(watermarkMs, limit);
      for (const key of keys) this.#wake(key, moment);
      // A take that finds nothing has learnt when the next one is due.
      count += keys.length;
    }
    if (this.#round !== undefined && count < limit)
      count += this.#goOn(this.#round, limit - count, moment);
    return count;
  }

  collect(writes: Write[]): void {
    this.timers.collect(writes);
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const facts: Record<string, unknown> = {};
    this.#options.operators.forEach((operator, slot) => {
      if (operator.facts !== undefined) facts[operator.name] = this.facts[slot];
    });
    const stored: StoredFacts = { facts, round: this.#round };
    writes.push({ key: this.#key, value: pack(stored) });
  }

  #begin(): void {
    this.#cached = this.#options.state.cachedKeys();
    this.#round = { after: '', isRepeated: false };
  }

  #goOn(round: Round, limit: number, moment: Moment): number {
    this.#isChanged = true;
    const cached = this.#cached.splice(-limit);
    for (const key of cached) this.#wake(key, moment);
    if (cached.length > 0) return cached.length;
    const keys = this.#options.state.storedKeys(round.after, limit);
    for (const key of keys) this.#wake(key, moment);
    const last = keys.at(-1);
    if (last !== undefined) this.#round = { ...round, after: last };
    else {
      this.#round = undefined;
      if (round.isRepeated) this.#begin();
    }
    return Math.max(1, keys.length);
  }

  #wake(key: string, { watermarkMs, horizonMs }: Moment): void {
    const { state, output, operators } = this.#options;
    output.takeWoken(key, watermarkMs);
    state.visit(key, horizonMs, (states) => {
      let isChanged = false;
      operators.forEach((operator, slot) => {
        const wake = erase<KeyWaker | undefined>(operator.wake);
        const context = { watermarkMs, facts: this.facts[slot] };
        if (wake?.(states[slot], key, output, context) === true) isChanged = true;
      });
      return isChanged;
    });
  }
}

/** The operators' functions with the types that the engine's list has forgotten. */
type FactsTaker = (
  facts: unknown,
  event: SkuEvent,
  record: { readonly watermarkMs: number },
) => boolean;
type KeyWaker = (
  state: unknown,
  key: string,
  output: Output,
  context: { readonly watermarkMs: number; readonly facts: unknown },
) => boolean;

interface WakesOptions {
  readonly task: string;
  readonly store: Store;
  readonly state: KeyedState;
  readonly operators: readonly Operator[];
  readonly output: TaskOutput;
}
