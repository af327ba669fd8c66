import { pack, unpack } from 'msgpackr';

import { type ClusterRecord, unite } from '../../processors/engine/operator/clusters.ts';
import type { Operator, RecordContext } from '../../processors/engine/operator/operator.ts';
import { Appliers } from '../../processors/engine/runtime/appliers.ts';
import { erase } from '../../schemas/brand.ts';
import type { Reference } from '../../schemas/events/reference.ts';
import { type SkuEvent, isBroadcast } from '../../schemas/events/sku-event.ts';
import {
  type EventOfTopic,
  KEY_OF_TOPIC,
  type Stage,
  TOPICS_OF_STAGE,
  type Topic,
} from '../../schemas/topics.ts';
import { CollectingOutput } from '../doubles/collecting-output.ts';
import type { LawEvent } from './law-event.ts';

/** One pass over events: a small stand-in for a task, with one state per operator and key. */
export class Run {
  readonly output = new CollectingOutput();
  newestMs = Number.NEGATIVE_INFINITY;
  readonly #stages: readonly StageRun[];
  /** Which ids are part of another visitor. */
  readonly #into = new Map<string, string>();
  readonly #clusters = new Map<string, ClusterRecord>();
  #watermarkMs = Number.NEGATIVE_INFINITY;
  #offset = 0;

  /** @param operators of any stages; each stage's in their order */
  constructor(operators: readonly Operator[]) {
    this.#stages = [...Map.groupBy(operators, ({ stage }) => stage)].map(([stage, ofStage]) => {
      const facts = ofStage.map((operator): unknown => operator.facts?.create());
      return {
        stage,
        operators: ofStage,
        appliers: new Appliers(ofStage, facts),
        states: new Map(),
        facts,
        wakes: new Map(),
        isRoundDue: false,
      };
    });
  }

  get states(): readonly { readonly operator: Operator; readonly state: unknown }[] {
    return this.#stages.flatMap(({ operators, states }) =>
      [...states.values()].flatMap((ofKey) =>
        operators.map((operator, slot) => ({ operator, state: ofKey[slot] })),
      ),
    );
  }

  /** What a checkpoint would store of all states and facts, or what operators say it takes where that is more. */
  get bytes(): number {
    const stored = this.#stages.flatMap(({ facts }) => facts.map((each) => pack(each).length));
    for (const { operator, state } of this.states) {
      stored.push(Math.max(pack(state).length, operator.stateBytes(state)));
    }
    return stored.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Hands one event to the operators of every stage that takes its topic, as a task does. */
  apply({ topic, event }: LawEvent, watermarkMs = Number.NEGATIVE_INFINITY): void {
    const offset = this.#offset;
    this.#offset += 1;
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
    if (topic === 'weir.reference') this.#link(event, watermarkMs);
    for (const stage of this.#stages) {
      const topics: readonly Topic[] = TOPICS_OF_STAGE[stage.stage];
      if (!topics.includes(topic)) continue;
      this.#wakeDue(stage);
      if (isBroadcast(event)) {
        this.#takeFact(stage, event);
        continue;
      }
      const key = erase<Readonly<Record<string, string>>>(event)[KEY_OF_TOPIC[topic]] ?? '';
      const record = { topic, partition: 0, offset, appendedAtMs: event.occurred_at, watermarkMs };
      const into = this.#into.get(key);
      if (stage.stage !== 'visitor' || into === undefined) {
        stage.appliers.apply(statesOf(stage, key), event, this.output, record);
      } else {
        stage.appliers.applyWhereItCame(statesOf(stage, key), event, this.output, record);
        const forwarded: EventOfTopic[Topic] = erase({ ...event, visitor_id: into });
        const member = { id: key, partition: 0 };
        const states = statesOf(stage, into);
        stage.appliers.apply(states, forwarded, this.output, { ...record, member });
      }
      this.#noteWakes(stage, into ?? key);
      // Keys hear of new facts late here: after the event that follows.
      this.#wakeAll(stage);
    }
    this.newestMs = Math.max(this.newestMs, event.occurred_at);
  }

  /**
   * Time goes on, until the newest event or where each key's task has come: wakes who asked for it, and
   * all whose facts have changed.
   */
  finish(watermarkMsOf?: (stage: Stage, key: string) => number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, this.newestMs);
    for (const stage of this.#stages) {
      const until = watermarkMsOf && ((key: string) => watermarkMsOf(stage.stage, key));
      this.#wakeDue(stage, until);
      this.#wakeAll(stage, until);
    }
  }

  /** Makes two ids one visitor, as the control task and the tasks of the ids do by and by. */
  #link({ kind, visitor_id: from, into, event_id }: Reference, watermarkMs: number): void {
    if (kind !== 'identity' || from === null || into === null) return;
    const union = unite(this.#clusters, from, into);
    if (union.kind !== 'merged') return;
    for (const { id, into: survivor } of union.changes) {
      if (id === survivor) this.#into.delete(id);
      else this.#into.set(id, survivor);
    }
    for (const { id, into: key } of union.changes) {
      if (id === key) continue;
      for (const stage of this.#stages) {
        const others = stage.states.get(id);
        if (stage.stage !== 'visitor' || others === undefined) continue;
        stage.appliers.leave(others, id, this.output);
        stage.states.delete(id);
        const moved = others.map((state): unknown => JSON.parse(JSON.stringify(state)));
        const record: RecordContext = {
          topic: 'weir.internal.identity',
          partition: 0,
          offset: this.#offset,
          appendedAtMs: 0,
          watermarkMs,
        };
        stage.appliers.merge(statesOf(stage, key), moved, this.output, {
          key,
          eventId: `${event_id}/${id}`,
          record,
        });
        this.#noteWakes(stage, key);
      }
    }
  }

  #takeFact(stage: StageRun, event: SkuEvent): void {
    stage.operators.forEach(({ facts }, slot) => {
      const take = erase<
        ((facts: unknown, event: SkuEvent, record: object) => boolean) | undefined
      >(facts?.take);
      const record = { watermarkMs: this.#watermarkMs };
      if (take?.(stage.facts[slot], event, record) === true) stage.isRoundDue = true;
    });
  }

  #wakeDue(stage: StageRun, watermarkMsOf: WatermarkOfKey = () => this.#watermarkMs): void {
    for (const [key, instants] of stage.wakes) {
      const watermarkMs = watermarkMsOf(key);
      const waiting = instants.filter((instantMs) => instantMs > watermarkMs);
      if (waiting.length === instants.length) continue;
      stage.wakes.set(key, waiting);
      this.#wake(stage, key, watermarkMs);
    }
  }

  #wakeAll(stage: StageRun, watermarkMsOf: WatermarkOfKey = () => this.#watermarkMs): void {
    if (!stage.isRoundDue) return;
    stage.isRoundDue = false;
    for (const key of stage.states.keys()) this.#wake(stage, key, watermarkMsOf(key));
  }

  #wake(stage: StageRun, key: string, watermarkMs: number): void {
    stage.operators.forEach((operator, slot) => {
      const wake = erase<
        | ((state: unknown, key: string, output: CollectingOutput, context: object) => boolean)
        | undefined
      >(operator.wake);
      const context = { watermarkMs, facts: stage.facts[slot] };
      wake?.(stage.states.get(key)?.[slot], key, this.output, context);
    });
    this.#noteWakes(stage, key);
  }

  #noteWakes(stage: StageRun, key: string): void {
    const asked = this.output.wakes.splice(0);
    if (asked.length > 0) stage.wakes.set(key, [...(stage.wakes.get(key) ?? []), ...asked]);
  }

  /** Stores every state and reads it back, as a stop and a start between two events would. */
  restart(): void {
    for (const { states } of this.#stages) {
      for (const [key, ofKey] of states) {
        // The detour over JSON refuses what is not plain data (Map, Date, undefined, NaN).
        states.set(
          key,
          ofKey.map((state): unknown => JSON.parse(JSON.stringify(unpack(pack(state))))),
        );
      }
    }
    for (const { facts } of this.#stages) {
      facts.forEach((each, slot) => {
        facts[slot] = each === undefined ? undefined : JSON.parse(JSON.stringify(each));
      });
    }
  }

  dropStates(): void {
    for (const { states } of this.#stages) states.clear();
  }
}

type WatermarkOfKey = (key: string) => number;

interface StageRun {
  readonly stage: Stage;
  readonly operators: readonly Operator[];
  readonly appliers: Appliers;
  /** By key: one state per operator, in their order. */
  readonly states: Map<string, unknown[]>;
  /** What the keys of each operator share, in their order. */
  readonly facts: unknown[];
  /** When keys asked to be woken. */
  readonly wakes: Map<string, readonly number[]>;
  isRoundDue: boolean;
}

function statesOf({ states, operators }: StageRun, key: string): unknown[] {
  let ofKey = states.get(key);
  if (ofKey === undefined) {
    ofKey = operators.map((operator) => operator.createState());
    states.set(key, ofKey);
  }
  return ofKey;
}
