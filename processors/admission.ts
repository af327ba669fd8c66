import { Worker } from 'node:worker_threads';

import {
  type AdmissionJob,
  type AdmissionOrder,
  type AdmissionReport,
  ownMemoryOf,
} from './admission-messages.ts';
import type { Admission, Converted, FetchedFrom } from './engine/log/kafka-batch.ts';
import type { RecordSet } from './engine/log/kafka-records.ts';

/**
 * The door for records that other programs write to Kafka, in a thread of its own, which starts with
 * the first of them: where all events come by our own door it costs nothing.
 */
export class AdmissionThread implements Admission {
  readonly #job: AdmissionJob;
  readonly #converting = new Map<number, PromiseWithResolvers<Converted>>();
  readonly #waiting = new Map<number, () => void>();
  #thread: Worker | undefined;
  /** Why the thread has ended. */
  #ended: { readonly error: unknown } | undefined;
  #lastId = 0;

  constructor(job: AdmissionJob) {
    this.#job = job;
  }

  async convert(sets: readonly RecordSet[], from: FetchedFrom): Promise<Converted> {
    if (this.#ended !== undefined) throw this.#ended.error;
    this.#thread ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const converting = Promise.withResolvers<Converted>();
    this.#converting.set(id, converting);
    const parts = sets.map((set) => set.parts);
    const order: AdmissionOrder = { id, sets: parts, from };
    const memory = ownMemoryOf(parts.flatMap(({ bytes, places }) => [bytes, places]));
    this.#thread.postMessage(order, memory);
    return converting.promise;
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const thread = new Worker(new URL('admission-thread.ts', import.meta.url), {
      name: 'admission',
      workerData: this.#job,
    });
    thread.on('message', (report: AdmissionReport) => this.#take(report));
    thread.on('error', (error) => this.#end(error));
    thread.on('exit', (code) => {
      this.#end(new Error(`Expected the thread of the door to go on, it ended with ${code}`));
    });
    return thread;
  }

  #end(error: unknown): void {
    this.#ended ??= { error };
    for (const { reject } of this.#converting.values()) reject(this.#ended.error);
    this.#converting.clear();
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
    this.#converting.get(id)?.resolve({ ...converted, batches, ...until });
    this.#converting.delete(id);
  }
}

/** Bytes that come from another thread are no `Buffer` any more. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
