import { SECOND_MS } from '../../../schemas/time.ts';
import type { EngineEvents } from './engine-options.ts';
import { PoisonRecord } from './poison-record.ts';
import type { Task } from './task.ts';

/** How often operators may hang on one record: a second time it is not the machine that stood still. */
const HANGS_MAX = 2;

/**
 * Tasks whose memory is unusable because an operator threw or was ended half way, and the records
 * that are to blame. A task goes back to the checkpoint, and skips what is to blame.
 */
export class Failures {
  readonly #events: EngineEvents;
  readonly #failed = new Set<Task>();
  /** task name → "topic/offset" → what is said of the record. */
  readonly #poison = new Map<string, Map<string, string>>();
  /** The record on which each task was ended last. */
  readonly #hangs = new Map<string, { readonly place: string; readonly times: number }>();

  constructor(events: EngineEvents) {
    this.#events = events;
  }

  /** Whether this task, as it is in memory, must not be used. */
  has(task: Task): boolean {
    return this.#failed.has(task);
  }

  /** Another task has taken the place of this one. */
  replaced(task: Task): void {
    this.#failed.delete(task);
  }

  /** The records that a task skips, and why. */
  poisonOf(taskName: string): ReadonlyMap<string, string> {
    return this.#poison.get(taskName) ?? new Map();
  }

  /** An operator threw on a record. */
  threw(record: PoisonRecord, task: Task): void {
    this.#events.onPoison(record, task.name);
    this.#failed.add(task);
    let poison = this.#poison.get(task.name);
    if (poison === undefined) {
      poison = new Map();
      this.#poison.set(task.name, poison);
    }
    poison.set(`${record.topic}/${record.offset}`, record.message);
  }

  /**
   * A task was ended because it did not return. It tries again, because the machine may have stood
   * still; a record on which it hangs every time is to blame.
   */
  ended(task: Task, limitMs: number): void {
    this.#failed.add(task);
    this.#events.onCount('OPERATOR_HUNG');
    const { name, applying } = task;
    if (applying === undefined) return;
    const { topic, offset } = applying;
    const place = `${topic}/${offset}`;
    const last = this.#hangs.get(name);
    const times = (last?.place === place ? last.times : 0) + 1;
    this.#hangs.set(name, { place, times });
    if (times < HANGS_MAX) return;
    const message = `Expected operators to return within ${limitMs / SECOND_MS} s, they did not, ${times} times`;
    this.threw(new PoisonRecord(topic, offset, new Error(message)), task);
  }
}
