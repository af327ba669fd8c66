import { SECOND_MS } from '../../../schemas/time.ts';
import { PoisonRecord } from './poison-record.ts';
import type { Task } from './task.ts';

/** How often operators may hang on one record: a second time it is not the machine that stood still. */
const HANGS_MAX = 2;

/** Remembers on which record each task was ended, to tell a record's fault from the machine's. */
export class Hangs {
  readonly #last = new Map<string, { readonly place: string; readonly times: number }>();

  /** Notes that a task was ended. Returns its record once operators have hung on it too often. */
  note({ name, applying }: Task): Task['applying'] {
    if (applying === undefined) return undefined;
    const place = `${applying.topic}/${applying.offset}`;
    const last = this.#last.get(name);
    const times = (last?.place === place ? last.times : 0) + 1;
    this.#last.set(name, { place, times });
    return times >= HANGS_MAX ? applying : undefined;
  }
}

/** What is said of a record on which operators hang. */
export function hungRecord(
  { topic, offset }: NonNullable<Task['applying']>,
  limitMs: number,
): PoisonRecord {
  return new PoisonRecord(
    topic,
    offset,
    new Error(
      `Expected operators to return within ${limitMs / SECOND_MS} s, they did not, ${HANGS_MAX} times`,
    ),
  );
}
