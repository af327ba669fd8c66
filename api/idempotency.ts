import { createHash } from 'node:crypto';

import { HOUR_MS } from '../schemas/time.ts';
import type { Clock } from './clock.ts';
import { Problem } from './problem.ts';

/** Answers that are remembered; at 200 bytes each a few megabytes. Event ids make older repeats harmless. */
const ANSWERS_MAX = 10_000;

/** Long enough for a client that retries through an outage, as payment interfaces have it. */
const ANSWER_KEPT_MS = 24 * HOUR_MS;

/** Printable ASCII: a UUID, or a name with a number. */
const KEY = /^[\x21-\x7e]{1,128}$/;

interface Remembered<Answer> {
  readonly bodyHash: string;
  readonly answer: Promise<Answer>;
  readonly atMs: number;
}

/**
 * Remembers answers by `Idempotency-Key`, for one process: a retry gets the answer of the first try
 * instead of a second count, also while the first is still being worked on.
 *
 * @see draft-ietf-httpapi-idempotency-key-header
 */
export class IdempotentAnswers<Answer> {
  readonly #clock: Clock;
  readonly #answers = new Map<string, Remembered<Answer>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The remembered answer for `key`, or that of `work`. A failure is not remembered.
   *
   * @param body what must be the same for the key to mean the same request
   * @throws {Problem} IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED with another body
   */
  async once(
    key: string,
    body: readonly (string | Buffer)[],
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    if (!KEY.test(key)) {
      throw new Problem({
        code: 'IDEMPOTENCY_KEY_INVALID',
        detail: 'Expected an Idempotency-Key of 1 to 128 printable ASCII characters',
      });
    }
    const bodyHash = hashOf(body);
    const nowMs = this.#clock.nowMs();
    const known = this.#answers.get(key);
    if (known !== undefined && nowMs - known.atMs < ANSWER_KEPT_MS) {
      if (known.bodyHash === bodyHash) return known.answer;
      throw new Problem({
        code: 'IDEMPOTENCY_KEY_REUSED',
        detail: 'This Idempotency-Key came with another request before; take a new one',
      });
    }
    const remembered: Remembered<Answer> = { bodyHash, answer: work(), atMs: nowMs };
    this.#answers.delete(key);
    this.#answers.set(key, remembered);
    this.#forgetOldest();
    try {
      return await remembered.answer;
    } catch (error) {
      if (this.#answers.get(key) === remembered) this.#answers.delete(key);
      throw error;
    }
  }

  #forgetOldest(): void {
    if (this.#answers.size <= ANSWERS_MAX) return;
    for (const key of this.#answers.keys()) {
      this.#answers.delete(key);
      return;
    }
  }
}

function hashOf(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64');
}
