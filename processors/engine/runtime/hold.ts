import type { Write } from '../state/store.ts';
import type { Clock } from '../time/clock.ts';
import type { Task } from './task.ts';

/** How long a checkpoint keeps the tasks from reading. */
export class Hold {
  readonly #clock: Clock;
  #sinceMs: number;
  #longestMs = 0;

  /** Begins a stretch in which tasks cannot go on. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** The longest stretch that has ended. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Ends the stretch. */
  end(): void {
    this.#longestMs = Math.max(this.#longestMs, this.#clock.monotonicMs() - this.#sinceMs);
  }

  /** Lets the tasks go on; then another stretch begins. */
  async pause(): Promise<void> {
    this.end();
    await this.#clock.sleep(0);
    this.#sinceMs = this.#clock.monotonicMs();
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
  for (;;) {
    let left = stretchKeysMax;
    for (const { state } of tasks) left -= state.encodeSome(left);
    if (left > 0) break;
    await hold.pause();
  }
  for (const { state } of tasks) state.collect(writes);
}
