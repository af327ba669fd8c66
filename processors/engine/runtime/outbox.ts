import PQueue from 'p-queue';

import { EngineError, messageOf } from '../../../schemas/errors.ts';
import { giveBack } from '../../../schemas/give-back.ts';
import type { Log } from '../log/log.ts';
import type { Sink } from '../sink/sink.ts';
import { type Store, type Write, endOfPrefix, sealedWrite } from '../state/store.ts';
import type { Clock } from '../time/clock.ts';
import { type Delivery, type NewDelivery, rowsOf, storedDelivery } from './delivery.ts';
import { backoffMs } from './retry.ts';

export interface OutboxEvents {
  /** A delivery failed and will be tried again after `waitMs`. */
  onRetry(failure: {
    readonly delivery: Delivery;
    readonly error: EngineError;
    readonly attempt: number;
    readonly waitMs: number;
  }): void;
  onDelivered(delivered: { readonly delivery: Delivery; readonly durationMs: number }): void;
}

const PREFIX = 'o/';
const SEQUENCE_DIGITS = 16;
/** Two inserts at once keep ClickHouse busy while the next one is prepared; more only adds parts. */
const CONCURRENT_DELIVERIES = 2;
const BACKOFF = { firstMs: 50, maxMs: 5_000 };
/** Failures in a row after which the sink counts as unhealthy and the api reports not ready. */
const UNHEALTHY_ATTEMPTS = 3;
/** A try without an answer for this long counts as unhealthy too: a network can swallow all there is. */
const UNANSWERED_MS_MAX = 15_000;

/** A delivery in the order of all. */
interface Staged {
  readonly key: string;
  readonly sequence: number;
  readonly delivery: Delivery;
  /** The memory of its stored form and of its rows; undefined where it was read from the store. */
  readonly sealed: Uint8Array | undefined;
}

/**
 * Deliveries that belong to a checkpoint: stored in the same transaction, sent afterwards until
 * acknowledged, and removed with a later checkpoint. After a crash those still stored are sent again,
 * with the same bytes and the same token.
 */
export class Outbox {
  readonly #store: Store;
  readonly #sink: Sink;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #events: OutboxEvents;
  readonly #queue = new PQueue({ concurrency: CONCURRENT_DELIVERIES });
  readonly #closing = new AbortController();
  readonly #failedAttempts = new Map<string, number>();
  /** When the tries that are under way began. */
  readonly #triedSinceMs = new Map<string, number>();
  #delivered: string[] = [];
  #pendingRows = 0;
  /** Rising: those that are not yet acknowledged. */
  readonly #pendingSequences = new Set<number>();
  /** The same of those to other stages. */
  readonly #pendingAppends = new Set<number>();
  #nextSequence = 1;

  constructor(options: {
    readonly store: Store;
    readonly sink: Sink;
    readonly log: Log;
    readonly clock: Clock;
    readonly events: OutboxEvents;
  }) {
    this.#store = options.store;
    this.#sink = options.sink;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#events = options.events;
  }

  /** Rows and records that are stored and not yet acknowledged. */
  get pendingRows(): number {
    return this.#pendingRows;
  }

  /** Deliveries that are not yet acknowledged, those of a checkpoint that is being written among them. */
  get pendingDeliveries(): number {
    return this.#pendingSequences.size;
  }

  /** All deliveries that were staged before it; it only grows. */
  get begun(): number {
    return this.#nextSequence;
  }

  /** All deliveries before it are acknowledged; at most `begun`, and equal to it when none is pending. */
  get arrived(): number {
    for (const oldest of this.#pendingSequences) return oldest;
    return this.#nextSequence;
  }

  /** Everything for other stages that was staged before it lies in the log; at most `begun`. */
  get appended(): number {
    for (const oldest of this.#pendingAppends) return oldest;
    return this.#nextSequence;
  }

  get isHealthy(): boolean {
    for (const attempts of this.#failedAttempts.values())
      if (attempts >= UNHEALTHY_ATTEMPTS) return false;
    const nowMs = this.#clock.monotonicMs();
    for (const sinceMs of this.#triedSinceMs.values())
      if (nowMs - sinceMs >= UNANSWERED_MS_MAX) return false;
    return true;
  }

  /** Deliveries whose removal waits for a checkpoint. */
  get hasDelivered(): boolean {
    return this.#delivered.length > 0;
  }

  /** Sends what an earlier process left behind. Call once, before the first `stage`. */
  resume(): void {
    for (const { key, delivery } of storedDeliveries(this.#store)) {
      const sequence = Number(key.slice(PREFIX.length));
      this.#nextSequence = sequence + 1;
      this.#begin(sequence, delivery);
      this.#enqueue({ key, sequence, delivery, sealed: undefined });
    }
  }

  /**
   * Adds the deliveries to the writes of a checkpoint, and the removal of those that were
   * acknowledged. Call the returned function when the checkpoint is durable.
   */
  stage(deliveries: readonly NewDelivery[], writes: Write[]): () => void {
    for (const key of this.#delivered) writes.push({ key, value: undefined });
    this.#delivered = [];
    const staged = deliveries.map((delivery) => {
      const sequence = this.#nextSequence;
      const key = PREFIX + String(sequence).padStart(SEQUENCE_DIGITS, '0');
      this.#nextSequence += 1;
      this.#begin(sequence, delivery);
      writes.push(sealedWrite(key, delivery.sealed));
      return { key, sequence, delivery, sealed: delivery.sealed };
    });
    return () => {
      for (const each of staged) this.#enqueue(each);
    };
  }

  /** Resolves when nothing is pending, or after `msMax`. */
  async idle(msMax = Infinity): Promise<void> {
    if (msMax === Infinity) return this.#queue.onIdle();
    const waited = new AbortController();
    await Promise.race([this.#queue.onIdle(), this.#clock.sleep(msMax, waited.signal)]);
    waited.abort();
    return undefined;
  }

  /** Stops trying; what is not acknowledged stays stored. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#queue.clear();
    await this.#queue.onIdle();
  }

  #begin(sequence: number, { kind }: Delivery): void {
    this.#pendingSequences.add(sequence);
    if (kind === 'append') this.#pendingAppends.add(sequence);
  }

  #enqueue({ key, sequence, delivery, sealed }: Staged): void {
    const rows = rowsOf(delivery);
    this.#pendingRows += rows;
    void this.#queue.add(async () => {
      const attempts = await this.#deliver(key, delivery);
      this.#pendingSequences.delete(sequence);
      this.#pendingAppends.delete(sequence);
      if (attempts === 0) return;
      // After a failure the sink may still be reading what it was given first.
      if (attempts === 1 && sealed !== undefined) giveBack(sealed);
      this.#delivered.push(key);
      this.#pendingRows -= rows;
    });
  }

  /** How many attempts it took; 0 when it was given up because the process stops. */
  async #deliver(key: string, delivery: Delivery): Promise<number> {
    for (let attempt = 1; !this.#closing.signal.aborted; attempt += 1) {
      const startedAtMs = this.#clock.monotonicMs();
      this.#triedSinceMs.set(key, startedAtMs);
      try {
        if (delivery.kind === 'insert') await this.#sink.insert(delivery.insert);
        else await this.#log.append(delivery.batches);
        this.#triedSinceMs.delete(key);
        this.#failedAttempts.delete(key);
        this.#events.onDelivered({ delivery, durationMs: this.#clock.monotonicMs() - startedAtMs });
        return attempt;
      } catch (cause) {
        this.#triedSinceMs.delete(key);
        const error = asEngineError(cause);
        if (error.kind === 'defect') throw error;
        this.#failedAttempts.set(key, attempt);
        // A refused insert is tried again too: a person may mend the table, and the rows must not be lost.
        const waitMs = backoffMs(BACKOFF, attempt, this.#clock.random());
        this.#events.onRetry({ delivery, error, attempt, waitMs });
        await this.#clock.sleep(waitMs, this.#closing.signal);
      }
    }
    return 0;
  }
}

/** What is stored and was not known to be acknowledged when it was, oldest first. */
export function* storedDeliveries(
  store: Store,
): Iterable<{ readonly key: string; readonly delivery: Delivery }> {
  for (const { key, value } of store.range({ start: PREFIX, end: endOfPrefix(PREFIX) })) {
    yield { key, delivery: storedDelivery(value) };
  }
}

function asEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError({
    code: 'CLICKHOUSE_UNAVAILABLE',
    kind: 'transient',
    message: `Expected a delivery to be acknowledged, got: ${messageOf(error)}`,
    cause: error,
  });
}
