import { Worker } from 'node:worker_threads';

import {
  type AdmissionJob,
  type AdmissionOrder,
  type AdmissionReport,
  ownMemoryOf,
} from './admission-messages.ts';
import type { Admission, Converted, FetchedFrom } from './engine/log/kafka-batch.ts';
import type { RecordSet } from './engine/log/kafka-records.ts';

/** A thread and what it has been asked. */
interface Running {
  readonly thread: Worker;
  /** Rejects when the thread has ended. */
  readonly ended: Promise<never>;
}

/**
 * The door for records that other programs write to Kafka, in a thread of its own, which starts with
 * the first of them: where all events come by our own door it costs nothing.
 */
export class AdmissionThread implements Admission {
  readonly #job: AdmissionJob;
  readonly #converting = new Map<number, (converted: Converted) => void>();
  readonly #waiting = new Map<number, () => void>();
  #running: Running | undefined;
  #lastId = 0;

  constructor(job: AdmissionJob) {
    this.#job = job;
  }

  async convert(sets: readonly RecordSet[], from: FetchedFrom): Promise<Converted> {
    this.#running ??= this.#start();
    const { thread, ended } = this.#running;
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Converted>();
    this.#converting.set(id, resolve);
    const parts = sets.map((set) => set.parts);
    const order: AdmissionOrder = { id, sets: parts, from };
    thread.postMessage(order, ownMemoryOf(parts.flatMap(({ bytes, places }) => [bytes, places])));
    return Promise.race([promise, ended]);
  }

  async close(): Promise<void> {
    await this.#running?.thread.terminate();
  }

  #start(): Running {
    const thread = new Worker(new URL('admission-thread.ts', import.meta.url), {
      name: 'admission',
      workerData: this.#job,
    });
    thread.on('message', (report: AdmissionReport) => this.#take(report));
    const { promise: ended, reject } = Promise.withResolvers<never>();
    thread.on('error', reject);
    thread.on('exit', (code) =>
      reject(new Error(`Expected the thread of the door to go on, it ended with ${code}`)),
    );
    // Whoever waits for an answer handles it.
    ended.catch(() => undefined);
    return { thread, ended };
  }

  #take(report: AdmissionReport): void {
    const { id } = report;
    if (report.kind === 'judged') {
      this.#waiting.get(id)?.();
      this.#waiting.delete(id);
      return;
    }
    const { converted, mustWait } = report;
    const until = mustWait
      ? { until: new Promise<void>((resolve) => this.#waiting.set(id, resolve)) }
      : {};
    const batches = converted.batches.map((batch) => ({ ...batch, bytes: bufferOf(batch.bytes) }));
    this.#converting.get(id)?.({ ...converted, batches, ...until });
    this.#converting.delete(id);
  }
}

/** Bytes that come from another thread are no `Buffer` any more. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
