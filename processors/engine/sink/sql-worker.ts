import { parentPort } from 'node:worker_threads';

import { Session } from 'chdb';

import { messageOf } from '../../../schemas/errors.ts';
import type { SqlAnswer, SqlRun } from '../../../schemas/ports.ts';
import { CANCELLED, type SqlOrder, type SqlReport, commentOf } from './sql-job.ts';
import { ANSWER_BYTES_MAX, settingsWithin } from './sql-limits.ts';

// The thread in which people's statements run. ClickHouse evaluates scalar subqueries while it starts
// a query in blocks, and that start holds the thread: in the main thread all of Weir would wait.

/** Runs without an answer yet, and those of them that were given up. */
const running = new Set<number>();
const cancelled = new Set<number>();

parentPort?.on('message', (order: SqlOrder) => {
  if (order.kind === 'run') void answer(order);
  else if (running.has(order.id)) cancelled.add(order.id);
});

/** Answers in every case: an error that nobody caught would end the thread, and chDB with it. */
async function answer(order: Extract<SqlOrder, { kind: 'run' }>): Promise<void> {
  const { id } = order;
  running.add(id);
  try {
    report({ id, answer: await runInSession(order) });
  } catch (error) {
    report({ id, answer: refusalOf(messageOf(error)) });
  } finally {
    running.delete(id);
    cancelled.delete(id);
  }
}

function report(given: SqlReport): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(given);
}

/**
 * Runs one statement in a session that lives for it alone: chDB hands the leftovers of a failed query
 * to the next one of the session, and what is set stays set. Opening one takes about a millisecond.
 */
async function runInSession({
  id,
  path,
  database,
  run,
}: Extract<SqlOrder, { kind: 'run' }>): Promise<SqlAnswer> {
  const startedMs = performance.now();
  const session = new Session(path);
  try {
    await session.queryAsync(`USE ${database}`);
    for (const statement of preparationsOf(run, id)) await session.queryAsync(statement);
    if (cancelled.has(id)) return CANCELLED;
    const { blocks, rowCount } = run.inBlocks
      ? await inBlocks(session, run, id)
      : {
          blocks: [(await session.queryAsync(run.sql, { format: run.format })).bytes()],
          rowCount: 0,
        };
    if (cancelled.has(id)) return CANCELLED;
    if (blocks === undefined) return TOO_LARGE;
    return { kind: 'rows', blocks, rowCount, durationMs: performance.now() - startedMs };
  } finally {
    session.close();
  }
}

/**
 * Settings first, because they make room for long parameters; read-only last, because nothing can be
 * set after it.
 */
function preparationsOf({ settings = {}, parameters = {} }: SqlRun, id: number): readonly string[] {
  const values: readonly (readonly [string, string])[] = [
    ...Object.entries(parameters).map(([name, value]) => [`param_${name}`, value] as const),
    ['log_comment', commentOf(id)],
    ['readonly', '1'],
  ];
  return [settingsWithin(settings), values].map(
    (assignments) =>
      `SET ${assignments.map(([name, value]) => `${name} = ${literal(value)}`).join(', ')}`,
  );
}

/** The blocks of the answer; undefined when they are more than may be held. */
async function inBlocks(
  session: Session,
  run: SqlRun,
  id: number,
): Promise<{ readonly blocks: readonly Uint8Array[] | undefined; readonly rowCount: number }> {
  const blocks: Uint8Array[] = [];
  let rowCount = 0;
  let bytes = 0;
  for await (const block of session.queryStream(run.sql, { format: run.format })) {
    blocks.push(block.raw());
    rowCount += block.numRows;
    bytes += block.numBytes;
    if (bytes > ANSWER_BYTES_MAX) return { blocks: undefined, rowCount };
    if (cancelled.has(id)) break;
  }
  return { blocks, rowCount };
}

const TOO_LARGE: SqlAnswer = {
  kind: 'refused',
  code: 396,
  message: `Limit for result exceeded, max bytes: ${ANSWER_BYTES_MAX} of the answer as it is sent. (TOO_MANY_ROWS_OR_BYTES)`,
};

/** A text in single quotes; nothing but these two characters can end it. */
function literal(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}

/** Name and version, where an error that passed through several places has them more than once. */
const REPEATED = /(?<=\([A-Z_]+\)) \(version [^)]*\)[^]*$/;

/** ClickHouse's error, or 1001 for one that is not of ClickHouse. */
function refusalOf(message: string): SqlAnswer {
  const match = /^(?:Code: (?<code>\d+)\. DB::Exception: )+(?<text>[^]*)$/.exec(message);
  const { code, text } = match?.groups ?? {};
  if (code === undefined || text === undefined) {
    return { kind: 'refused', code: 1_001, message: `${message} (STD_EXCEPTION)` };
  }
  return { kind: 'refused', code: Number(code), message: text.replace(REPEATED, '') };
}
