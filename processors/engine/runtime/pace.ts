import { historyFactor, keysLeft } from './checkpoint-size.ts';
import type { EngineOptions } from './engine-options.ts';
import type { Task } from './task.ts';

/** Records that one task takes before the next one has its turn. */
const STEP_RECORDS_MAX = 256;
/** A record changes about one key; seldom more than two. */
const KEYS_PER_RECORD = 2;
/** A step is worth it from this share of what makes a checkpoint due: some 25 records, 2 ms. */
const STEP_SHARE_MIN = 1 / 128;
/** How many times as large as of live events the next checkpoint may grow while one is being written. */
const WAITING_FACTOR = 2;
/** Share of it that tasks may change at once, and again in the time that a checkpoint takes. */
const WAITING_SHARE = 3 / 8;
/** The most that they may change when one takes much longer than others: it must fit into memory. */
const WAITING_SHARE_MAX = 3 / 2;
/** What passes for the duration of a checkpoint before there was one. */
const DURATION_MS_MIN = 1;

/**
 * When a checkpoint is due, and how far tasks may go on while one is being written: what they may
 * change grows with the time that it takes, and a step takes no more than that. A store slower than
 * the tasks makes them wait often and for milliseconds, instead of once and until it has finished.
 */
export class Pace {
  readonly #options: Pick<EngineOptions, 'clock' | 'log' | 'limits'>;
  #beganAtMs: number;
  #durationMs = 0;
  /** The longer one of the last duration and a moving mean, so that one short checkpoint says little. */
  #usualDurationMs = DURATION_MS_MIN;

  constructor(options: Pick<EngineOptions, 'clock' | 'log' | 'limits'>) {
    this.#options = options;
    this.#beganAtMs = options.clock.monotonicMs();
  }

  /** Since the last checkpoint began, or since there is an engine. */
  get ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#beganAtMs;
  }

  /** How long the last checkpoint took. */
  get durationMs(): number {
    return this.#durationMs;
  }

  /** A checkpoint begins. */
  began(): void {
    this.#beganAtMs = this.#options.clock.monotonicMs();
  }

  /** It is written. */
  ended(): void {
    this.#durationMs = this.ageMs;
    const mean = (this.#usualDurationMs + this.#durationMs) / 2;
    this.#usualDurationMs = Math.max(this.#durationMs, mean, DURATION_MS_MIN);
  }

  /** Whether the next checkpoint should begin. */
  isDue(tasks: readonly Task[]): boolean {
    const { log, limits } = this.#options;
    const factor = historyFactor(tasks, log);
    return keysLeft(tasks, limits, factor) === 0 || this.ageMs >= factor * limits.checkpointMs;
  }

  /** How many records a task may take now, while a checkpoint `isWriting`; 0 when all must wait for it. */
  recordsMax(tasks: readonly Task[], isWriting: boolean): number {
    if (!isWriting) return STEP_RECORDS_MAX;
    const { log, limits } = this.#options;
    const factor = waitingFactor(historyFactor(tasks, log), this.ageMs / this.#usualDurationMs);
    const keys = keysLeft(tasks, limits, factor);
    if (keys < STEP_SHARE_MIN * limits.checkpointKeysMax) return 0;
    return Math.min(STEP_RECORDS_MAX, Math.ceil(keys / KEYS_PER_RECORD));
  }
}

/**
 * How many times as much as makes a checkpoint of live events due tasks may change while one is written.
 *
 * @param dueFactor how many times as large as of live events the next one is when it is due
 * @param elapsedRatio how long it is being written, in times of what is usual
 */
export function waitingFactor(dueFactor: number, elapsedRatio: number): number {
  const share = Math.min(WAITING_SHARE * (1 + elapsedRatio), WAITING_SHARE_MAX);
  return Math.max(WAITING_FACTOR, dueFactor) * share;
}
