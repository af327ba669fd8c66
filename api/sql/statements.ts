import PQueue from 'p-queue';

import type { SqlPort } from '../../schemas/ports.ts';
import { type Result, answerOf } from './answer.ts';
import { type Catalog, readCatalog } from './catalog.ts';
import { greetingOf } from './greeting.ts';
import { type Refusal, refusal } from './refusal.ts';
import type { SqlRequest } from './request.ts';

/**
 * Statements at once. Each holds a thread of the pool through which the engine writes too, and there
 * are four.
 */
const RUNNING_MAX = 2;
/** Statements that wait for one of these; a page of a dashboard asks for a dozen at once. */
const WAITING_MAX = 50;

const NO_ROOM = refusal(
  'TOO_MANY_SIMULTANEOUS_QUERIES',
  `More than ${WAITING_MAX} statements wait for one of ${RUNNING_MAX} to end`,
);

/** Runs statements in the order in which they came, a few at a time. */
export class Statements {
  readonly #sql: SqlPort;
  readonly #queue = new PQueue({ concurrency: RUNNING_MAX });
  #catalog: Catalog | undefined;

  constructor(sql: SqlPort) {
    this.#sql = sql;
  }

  /** Version of ClickHouse; unknown before the first statement. */
  get version(): string {
    return this.#catalog?.version ?? 'unknown';
  }

  /** @param signal when it is aborted the statement ends, also while it waits */
  async answer(request: SqlRequest, signal: AbortSignal): Promise<Result | Refusal> {
    if (this.#queue.size >= WAITING_MAX) return NO_ROOM;
    return this.#queue.add(async () => {
      const catalog = this.#catalog ?? (await readCatalog(this.#sql));
      if ('kind' in catalog) return catalog;
      this.#catalog = catalog;
      const greeting = greetingOf(request, catalog.version);
      return greeting ?? answerOf(request, this.#sql, catalog, signal);
    });
  }

  /** Resolves when no statement runs or waits. */
  idle(): Promise<void> {
    return this.#queue.onIdle();
  }
}
