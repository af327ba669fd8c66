/** One input of a task, as its watermark sees it. */
interface Input {
  newestEventMs: number;
  /** When something last arrived, or the task started: milliseconds of processing time. */
  lastActiveMs: number;
  isIdle: boolean;
}

/**
 * The watermark of one task: no more events older than it are expected. It is the minimum over the
 * inputs of (newest accepted event time − out-of-orderness bound), leaves out inputs that are idle,
 * and never goes back.
 */
export class Watermark {
  readonly #inputs: Input[];
  readonly #outOfOrdernessMs: number;
  readonly #idleTimeoutMs: number;
  #watermarkMs = -Infinity;

  constructor(options: {
    readonly inputCount: number;
    readonly outOfOrdernessMs: number;
    readonly idleTimeoutMs: number;
    readonly startedAtMs: number;
  }) {
    this.#outOfOrdernessMs = options.outOfOrdernessMs;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#inputs = Array.from({ length: options.inputCount }, () => ({
      newestEventMs: -Infinity,
      lastActiveMs: options.startedAtMs,
      isIdle: false,
    }));
  }

  /** Event-time milliseconds; −Infinity until every input that is not idle has had an event. */
  get currentMs(): number {
    return this.#watermarkMs;
  }

  /** Newest accepted event time of each input, −Infinity where there was none. */
  get newestEventMs(): readonly number[] {
    return this.#inputs.map((input) => input.newestEventMs);
  }

  isIdle(index: number): boolean {
    return this.#input(index).isIdle;
  }

  /** An event of `eventMs` was accepted from input `index`. */
  observe(index: number, eventMs: number): void {
    const input = this.#input(index);
    if (eventMs <= input.newestEventMs) return;
    input.newestEventMs = eventMs;
    this.#advance();
  }

  /** Input `index` had something to read at `nowMs` of processing time. */
  touch(index: number, nowMs: number): void {
    const input = this.#input(index);
    input.lastActiveMs = nowMs;
    input.isIdle = false;
  }

  /**
   * Input `index` has nothing to read at `nowMs`. After the idle timeout it no longer holds the
   * watermark back.
   */
  rest(index: number, nowMs: number): void {
    const input = this.#input(index);
    if (input.isIdle || nowMs - input.lastActiveMs < this.#idleTimeoutMs) return;
    input.isIdle = true;
    this.#advance();
  }

  /** A source says that nothing older than `eventMs` will follow, such as at the end of an import. */
  advanceTo(eventMs: number): void {
    if (eventMs > this.#watermarkMs) this.#watermarkMs = eventMs;
  }

  /** Goes on from a checkpoint. */
  restore(snapshot: {
    readonly watermarkMs: number;
    readonly newestEventMs: readonly number[];
  }): void {
    this.#watermarkMs = snapshot.watermarkMs;
    snapshot.newestEventMs.forEach((newestEventMs, index) => {
      this.#input(index).newestEventMs = newestEventMs;
    });
  }

  #advance(): void {
    let lowestMs = Infinity;
    for (const input of this.#inputs) {
      if (!input.isIdle && input.newestEventMs < lowestMs) lowestMs = input.newestEventMs;
    }
    if (lowestMs !== Infinity) this.advanceTo(lowestMs - this.#outOfOrdernessMs);
  }

  #input(index: number): Input {
    const input = this.#inputs[index];
    if (input === undefined)
      throw new RangeError(`Expected an input below ${this.#inputs.length}, got ${index}`);
    return input;
  }
}
