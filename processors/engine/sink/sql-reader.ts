import { Worker } from 'node:worker_threads';

import type { SqlAnswer, SqlPort, SqlRun } from '../../../schemas/ports.ts';
import { LIVE_DATABASE } from './clickhouse.ts';
import { CANCELLED, type SqlOrder, type SqlReport, commentOf } from './sql-job.ts';

/** Who waits for the answers of the thread, by the id of the run. */
const waiting = new Map<number, (answer: SqlAnswer) => void>();
let lastId = 0;

/**
 * The thread, once for the process and never ended: the end of a thread that has used chDB takes the
 * engine of the whole process with it. It does not keep the process alive.
 */
let thread: Worker | undefined;
let hasEnded = false;

/** Runs people's statements on the embedded ClickHouse, in a thread and in sessions of their own. */
export class SqlReader implements SqlPort {
  readonly #path: string;
  /** The runs of this reader that are not answered yet. */
  readonly #running = new Map<number, Promise<SqlAnswer>>();
  #isClosed = false;

  /** @param path directory of the ClickHouse files, which this process has open until `close` */
  constructor(path: string) {
    this.#path = path;
  }

  async run(run: SqlRun, signal?: AbortSignal): Promise<SqlAnswer> {
    if (this.#isClosed || signal?.aborted === true) return CANCELLED;
    lastId += 1;
    const id = lastId;
    const { promise, resolve } = Promise.withResolvers<SqlAnswer>();
    waiting.set(id, resolve);
    this.#running.set(id, promise);
    const cancel = (): void => void this.#cancel(id);
    signal?.addEventListener('abort', cancel, { once: true });
    tell({ kind: 'run', id, path: this.#path, database: LIVE_DATABASE, run });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#running.delete(id);
    }
  }

  /** Ends what runs and waits for it; a run that comes later is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const answers = [...this.#running.values()];
    await Promise.all([...this.#running.keys()].map((id) => this.#cancel(id)));
    await Promise.all(answers);
  }

  /** From this thread, because the other one may be held by the very query. */
  async #cancel(id: number): Promise<void> {
    tell({ kind: 'cancel', id });
    const { Session } = await import('chdb');
    const session = new Session(this.#path);
    try {
      await session.queryAsync(
        `KILL QUERY WHERE Settings['log_comment'] = '${commentOf(id)}' ASYNC`,
      );
    } catch {
      // It has ended by itself, or its time limit will end it.
    } finally {
      session.close();
    }
  }
}

function tell(order: SqlOrder): void {
  thread ??= startThread();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  if (!hasEnded) thread.postMessage(order);
  else if (order.kind === 'run') settle(order.id, ENDED);
}

function startThread(): Worker {
  const started = new Worker(new URL('sql-worker.ts', import.meta.url), { name: 'sql' });
  started.on('message', ({ id, answer }: SqlReport) => settle(id, answer));
  // An error is followed by the end; without a listener it would end the process too.
  started.on('error', () => undefined);
  started.on('exit', () => {
    hasEnded = true;
    for (const id of waiting.keys()) settle(id, ENDED);
  });
  started.unref();
  return started;
}

const ENDED: SqlAnswer = {
  kind: 'refused',
  code: 1_001,
  message: 'The thread for statements has ended; restart Weir. (STD_EXCEPTION)',
};

function settle(id: number, answer: SqlAnswer): void {
  waiting.get(id)?.(answer);
  waiting.delete(id);
}
