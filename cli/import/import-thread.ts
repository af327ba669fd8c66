import { parentPort, workerData } from 'node:worker_threads';

import { type PackedBatch, createDoorInThread } from '../../processors/door-in-thread.ts';
import { erase } from '../../schemas/brand.ts';
import { EngineError } from '../../schemas/errors.ts';
import type { ImportBatch } from './batch.ts';
import { readFileAs } from './readers.ts';
import { SummaryBuilder } from './summary.ts';
import {
  type AppendResult,
  type ImportJob,
  type ImportReport,
  sentError,
} from './thread-messages.ts';

// The thread that reads a file, checks its events, makes tokens and encodes. Half of what an import
// costs is spent here, so that the main thread has its time for the tasks.

/** Batches that may wait to become durable while the next one is read. */
const UNANSWERED_MAX = 4;

const job = erase<ImportJob>(workerData);
const waiting = new Map<number, (result: AppendResult) => void>();
let lastId = 0;

parentPort?.on('message', (result: AppendResult) => {
  waiting.get(result.id)?.(result);
  waiting.delete(result.id);
});

const door = createDoorInThread(job.door, append);
const builder = new SummaryBuilder();
let failure: EngineError | undefined;
try {
  await readWhole();
} catch (error) {
  // A defect ends the thread, and with it the import.
  if (!(error instanceof EngineError)) throw error;
  failure = error;
}
report({
  kind: 'end',
  summary: builder.summary(),
  failure: failure === undefined ? undefined : sentError(failure),
});
parentPort?.close();

async function readWhole(): Promise<void> {
  const unanswered: Promise<void>[] = [];
  try {
    for await (const batch of readFileAs(job.choice, job.file)) {
      const answered = take(batch);
      // Whoever awaits it below handles its failure; until then it must not count as unhandled.
      answered.catch(() => undefined);
      unanswered.push(answered);
      if (unanswered.length >= UNANSWERED_MAX) await unanswered.shift();
    }
  } finally {
    await Promise.all(unanswered);
  }
}

async function take(batch: ImportBatch): Promise<void> {
  const { type, events, bytesRead } = batch;
  if (events.length === 0) {
    builder.add(batch, undefined);
  } else {
    const answer = await door.ingest(type, events, { importName: job.importName });
    builder.add(batch, answer);
    report({ kind: 'answered', type, answer });
  }
  report({ kind: 'read', bytesRead });
}

/** Resolves when the main thread has made the batches durable. */
async function append(batches: readonly PackedBatch[]): Promise<void> {
  lastId += 1;
  const id = lastId;
  const { promise, resolve } = Promise.withResolvers<AppendResult>();
  waiting.set(id, resolve);
  report(
    { kind: 'append', id, batches },
    batches.flatMap(({ bytes, ends }) => [bytes.buffer, ends.buffer]),
  );
  const result = await promise;
  if (result.failure !== undefined) throw new EngineError(result.failure);
}

function report(given: ImportReport, transferred: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(given, [...transferred]);
}
