import type { Clock } from './connection.ts';
import type { GetJson } from './today.ts';

interface PolledOptions<Value> {
  readonly clock: Clock;
  readonly getJson: GetJson;
  readonly changed: () => void;
  /** Path and query, such as `/v1/lift`. */
  readonly path: string;
  /** Least time between two questions, milliseconds. */
  readonly apartMs: number;
  /** Reads an answer; throws when it is none. */
  readonly parse: (answer: unknown) => Value;
}

/** An answer of the server that is asked for again while somebody looks at it. */
export class Polled<Value> {
  readonly #options: PolledOptions<Value>;
  #value: Value | undefined;
  #problem: string | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;

  constructor(options: PolledOptions<Value>) {
    this.#options = options;
  }

  /** Undefined until the first answer. */
  get value(): Value | undefined {
    return this.#value;
  }

  /** Why the value is missing or old; undefined when it is neither. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Asks again when the last answer is old. Call it whenever the value is shown. */
  async refresh(): Promise<void> {
    const { clock, getJson, changed, path, apartMs, parse } = this.#options;
    const now = clock.now();
    if (this.#isAsking || now - this.#askedAt < apartMs) return;
    this.#isAsking = true;
    this.#askedAt = now;
    try {
      this.#value = parse(await getJson(path));
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#isAsking = false;
    changed();
  }
}
