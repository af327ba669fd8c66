import type { Write } from '../state/store.ts';
import type { Clock } from '../time/clock.ts';
import type { Task } from './task.ts';

/** A record changes about one key: a checkpoint is encoded in a third of the time in which the next one fills. */
const KEYS_PER_RECORD = 3;

/**
 * How long a checkpoint keeps the tasks from reading: while it works itself, and while they wait for it
 * because more has changed meanwhile than the next one may hold.
 */
export class Hold {
  readonly #clock: Clock;
  #sinceMs: number | undefined;
  #longestMs = 0;
  #areTasksWaiting = false;
  /** Does some of what is left for a number of keys; undefined while nothing is left. */
  #goOn: ((keys: number) => void) | undefined;

  /** Begins a stretch in which tasks cannot go on. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.begin();
  }

  /** The longest stretch that has ended. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Whether tasks wait for the checkpoint, although it does not work at the moment. */
  get areTasksWaiting(): boolean {
    return this.#areTasksWaiting;
  }

  begin(): void {
    this.#sinceMs ??= this.#clock.monotonicMs();
  }

  /** Ends the stretch, unless tasks wait. */
  end(): void {
    if (this.#areTasksWaiting || this.#sinceMs === undefined) return;
    this.#longestMs = Math.max(this.#longestMs, this.#clock.monotonicMs() - this.#sinceMs);
    this.#sinceMs = undefined;
  }

  /** Says whether tasks must wait for the checkpoint. */
  wait(mustWait: boolean): void {
    if (mustWait === this.#areTasksWaiting) return;
    this.#areTasksWaiting = mustWait;
    if (mustWait) this.begin();
    else this.end();
  }

  /**
   * Lets the tasks go on; then another stretch begins.
   *
   * @param goOn does what is left for a number of keys; `beside` calls it between two steps of the tasks
   */
  async pause(goOn: (keys: number) => void): Promise<void> {
    this.end();
    this.#goOn = goOn;
    await this.#clock.sleep(0);
    this.#goOn = undefined;
    this.begin();
  }

  /** Goes on with a paused checkpoint after a step of so many records, so that it is ready before the next is due. */
  beside(records: number): void {
    if (this.#goOn === undefined) return;
    this.begin();
    this.#goOn(KEYS_PER_RECORD * records);
    this.end();
  }
}

/**
 * Adds the keys of a closed checkpoint to `writes`. Tasks go on in between: what they change belongs to
 * the next checkpoint.
 */
export async function encodeKeys(
  tasks: readonly Task[],
  writes: Write[],
  { hold, stretchKeysMax }: { readonly hold: Hold; readonly stretchKeysMax: number },
): Promise<void> {
  const encodeSome = (keys: number): number => {
    let left = keys;
    for (const { state } of tasks) left -= state.encodeSome(left);
    return left;
  };
  // What closes a checkpoint and what writes it are stretches of their own.
  do await hold.pause(encodeSome);
  while (encodeSome(stretchKeysMax) < stretchKeysMax);
  for (const { state } of tasks) state.collect(writes);
}
