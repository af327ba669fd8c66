import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Embedded } from '../../processors/embedded.ts';
import { EngineError } from '../../schemas/errors.ts';
import type { EventCounts } from '../../schemas/ports.ts';
import { EVENT_TYPES, type EventType, TOPIC_OF_EVENT } from '../../schemas/topics.ts';
import type { ReaderChoice } from './readers.ts';
import { type ImportSummary, settled } from './summary.ts';
import {
  type AppendResult,
  type ImportJob,
  type ImportReport,
  sentError,
} from './thread-messages.ts';

/** How a file is imported. */
export interface ImportFileOptions {
  readonly choice: ReaderChoice;
  /** Ends the import after what is durable. */
  readonly signal: AbortSignal;
  readonly onRead: (bytesRead: number) => void;
}

/** What became of a file, and why it was not read to its end where it was not. */
export interface Imported {
  readonly summary: ImportSummary;
  readonly failure: EngineError | undefined;
}

/**
 * Reads one file into the log and waits until all of it is processed and stored. The file is read in
 * a thread of its own.
 */
export async function importFile(
  engine: Embedded,
  file: string,
  options: ImportFileOptions,
): Promise<Imported> {
  const importName = basename(file);
  const before = countsByType(engine);
  const { summary, failure } = await readInThread(engine, { file, importName, ...options });
  if (!options.signal.aborted) await engine.endImport(importName);
  else await engine.drain();
  const after = countsByType(engine);
  return {
    summary: EVENT_TYPES.reduce(
      (read, type) => settled(read, type, decided(before[type], after[type])),
      summary,
    ),
    failure,
  };
}

function readInThread(
  engine: Embedded,
  options: ImportFileOptions & { readonly file: string; readonly importName: string },
): Promise<Imported> {
  const { file, choice, importName, signal, onRead } = options;
  const workerData: ImportJob = { file, choice, importName, door: engine.doorSettings };
  const thread = new Worker(new URL('import-thread.ts', import.meta.url), {
    name: 'import',
    workerData,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Imported>();
  // One after the other, so that appends keep their order while one waits for room.
  let inOrder: Promise<void> = Promise.resolve();
  const answer = (result: AppendResult): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    thread.postMessage(result);
  };
  thread.on('message', (report: ImportReport) => {
    switch (report.kind) {
      case 'append':
        inOrder = inOrder.then(async () => {
          const failure = await roomFor(engine, signal);
          if (failure === undefined) void append(engine, report, answer).catch(reject);
          else answer({ id: report.id, failure: sentError(failure) });
        });
        inOrder.catch(reject);
        return;
      case 'answered':
        engine.countAnswer(report.type, report.answer);
        return;
      case 'read':
        onRead(report.bytesRead);
        return;
      case 'end':
        resolve({
          summary: report.summary,
          failure: report.failure === undefined ? undefined : new EngineError(report.failure),
        });
    }
  });
  thread.on('error', reject);
  thread.on('exit', (code) => {
    reject(new Error(`Expected the thread of the import to report its end, it ended with ${code}`));
  });
  return promise;
}

/** Waits until the tasks have caught up; returns why there will be no room. */
async function roomFor(engine: Embedded, signal: AbortSignal): Promise<EngineError | undefined> {
  for (;;) {
    if (signal.aborted) {
      return new EngineError({
        code: 'IMPORT_STOPPED',
        kind: 'fatal',
        message:
          'Stopped by a signal; import the file again to go on, what is in will count as duplicate',
      });
    }
    const refusal = engine.refusal();
    if (refusal === undefined) return undefined;
    if (refusal.status !== 429)
      return new EngineError({ code: 'DISK_FULL', kind: 'fatal', message: refusal.message });
    await engine.drain();
  }
}

async function append(
  engine: Embedded,
  { id, batches }: Extract<ImportReport, { kind: 'append' }>,
  answer: (result: AppendResult) => void,
): Promise<void> {
  try {
    await engine.appendPacked(batches);
    answer({ id, failure: undefined });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    answer({ id, failure: sentError(error) });
  }
}

function countsByType(engine: Embedded): Readonly<Record<EventType, EventCounts>> {
  return {
    click: engine.countsOf(TOPIC_OF_EVENT.click),
    order: engine.countsOf(TOPIC_OF_EVENT.order),
    inventory: engine.countsOf(TOPIC_OF_EVENT.inventory),
    reference: engine.countsOf(TOPIC_OF_EVENT.reference),
  };
}

function decided(
  before: EventCounts,
  after: EventCounts,
): { readonly contributed: number; readonly duplicate: number; readonly refused: number } {
  const refused = (counts: EventCounts): number =>
    counts.late + counts.dead_lettered + counts.quarantined;
  return {
    contributed: after.contributed - before.contributed,
    duplicate: after.duplicate - before.duplicate,
    refused: refused(after) - refused(before),
  };
}
