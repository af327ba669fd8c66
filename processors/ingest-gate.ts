import { EngineError } from '../schemas/errors.ts';
import type { Refusal } from '../schemas/ports.ts';
import { SECOND_MS } from '../schemas/time.ts';
import type { Log } from './engine/log/log.ts';
import { HeapPressure } from './heap-pressure.ts';
import { refusalOf } from './open-log.ts';

/** How long the door stays shut after the disk was found full. */
const DISK_FULL_MS = 5_000;
/** When to ask again while too many records wait, or memory is short. */
const RETRY_AFTER_SECONDS = 5;

/**
 * What a body may take in the heap, in its own bytes: parsed, one of empty objects takes 21 times its
 * size, one of clicks 1.3 times. What is taken of it is in bytes again, once more its size.
 */
const HEAP_PER_BODY_BYTE = 24;

/** Decides whether events can be taken now: there must be room on the disk, in memory and in the log. */
export class IngestGate {
  readonly #log: Log;
  readonly #backlogRecordsMax: number;
  readonly #heap = new HeapPressure();
  #diskFullUntilMs = -Infinity;

  constructor(log: Log, backlogRecordsMax: number) {
    this.#log = log;
    this.#backlogRecordsMax = backlogRecordsMax;
  }

  /**
   * Why no events are taken, or undefined.
   *
   * @param bodyBytes of all bodies that are being taken, the one in question among them
   * @param countLag how many records wait to be processed; asked when nothing else is in the way
   */
  refusal(bodyBytes: number, countLag: () => number): Refusal | undefined {
    if (performance.now() < this.#diskFullUntilMs) {
      return {
        status: 507,
        code: 'DISK_FULL',
        message:
          'The disk is full: nothing can be stored durably. Free some space; events are taken again by themselves',
        retryAfterSeconds: Math.ceil(DISK_FULL_MS / SECOND_MS),
      };
    }
    const ofMemory = memoryRefusal(this.#heap, bodyBytes);
    if (ofMemory !== undefined) return ofMemory;
    const ofLog = refusalOf(this.#log);
    if (ofLog !== undefined) return ofLog;
    const lagRecords = countLag();
    if (lagRecords < this.#backlogRecordsMax) return undefined;
    return {
      status: 429,
      code: 'INGEST_BACKLOG',
      message: `${lagRecords} records wait to be processed, ingest.max_backlog_records is ${this.#backlogRecordsMax}`,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    };
  }

  /** Shuts the door for a while when an append found the disk full. */
  appendFailed(error: unknown): void {
    if (error instanceof EngineError && error.code === 'DISK_FULL') {
      this.#diskFullUntilMs = performance.now() + DISK_FULL_MS;
    }
  }

  close(): void {
    this.#heap.close();
  }
}

/**
 * Why memory has no room for bodies of so many bytes altogether, or undefined. They are refused before
 * they are read, because what is parsed cannot be given back halfway.
 */
export function memoryRefusal(heap: HeapPressure, bodyBytes: number): Refusal | undefined {
  const { isShort, roomBytes } = heap;
  if (!isShort && bodyBytes * HEAP_PER_BODY_BYTE <= roomBytes) return undefined;
  return {
    status: 503,
    code: 'MEMORY_SHORT',
    message:
      'Memory runs short: events are taken again when some is free. Send smaller batches, or fewer at once, or give the process more (--max-old-space-size)',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  };
}
