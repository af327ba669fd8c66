import { messageOf } from '../../schemas/errors.ts';
import {
  type ConfluentReader,
  type RegisteredSchema,
  createConfluentReader,
} from '../../schemas/events/confluent.ts';
import { type DeadLetter, deadLetter } from '../../schemas/events/wire.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { Logger } from '../engine/telemetry/log.ts';
import { GenerationMap } from './generations.ts';

/** What knows schemas by their id: a registry's client. */
export interface SchemaSource {
  /** Undefined when there is no such schema; an error when that cannot be told. */
  readonly schemaById: (id: number) => Promise<RegisteredSchema | undefined>;
}

/** Readers that are remembered, over all topics: a topic has as many as its producers have versions. */
const READERS_MAX = 2_000;
/** How long to wait before a source that gave no answer is asked again: doubled up to the longest. */
const RETRY_MS = { first: 500, max: 10_000 };
/**
 * A producer may use an id before every node of a registry knows it: how often to look for one, and
 * how long to believe afterwards that there is none.
 */
const MISSING_LOOKS = 3;
const MISSING_MS = MINUTE_MS;

/** What is known of an id: how to read its records, why they cannot be read, or that it is being asked for. */
export type Known =
  | { readonly kind: 'ok'; readonly read: ConfluentReader }
  | DeadLetter
  | { readonly kind: 'wait'; readonly until: Promise<void> };

type Entry = Known & { readonly validUntilMs?: number };

/** Readers of Confluent's wire format by the id of the writer's schema, fetched when first needed. */
export class ConfluentReaders {
  readonly #source: SchemaSource;
  readonly #nowMs: () => number;
  readonly #wait: (durationMs: number) => Promise<unknown>;
  readonly #logger: Logger;
  readonly #entries = new GenerationMap<Entry>(READERS_MAX);
  readonly #closing = new AbortController();

  constructor(options: {
    readonly source: SchemaSource;
    /** A clock that never goes back, in milliseconds. */
    readonly nowMs: () => number;
    /** Resolves after so many milliseconds. */
    readonly wait: (durationMs: number) => Promise<unknown>;
    readonly logger: Logger;
  }) {
    this.#source = options.source;
    this.#nowMs = options.nowMs;
    this.#wait = options.wait;
    this.#logger = options.logger;
  }

  /** How many ids something is remembered about. */
  get size(): number {
    return this.#entries.size;
  }

  /** At once what is known; `wait` when the source must be asked first, over and over if need be. */
  readerOf(topic: Topic, id: number): Known {
    const key = `${topic} ${id}`;
    const entry = this.#entries.get(key);
    if (entry !== undefined && !(this.#nowMs() >= (entry.validUntilMs ?? Infinity))) return entry;
    const loading: Entry = {
      kind: 'wait',
      until: this.#load(topic, id).then((loaded) => this.#entries.set(key, loaded)),
    };
    this.#entries.set(key, loading);
    return loading;
  }

  /** Asks no more; what waits goes on waiting. */
  close(): void {
    this.#closing.abort();
  }

  async #load(topic: Topic, id: number): Promise<Entry> {
    let missing = 0;
    for (let waitMs = RETRY_MS.first; ; waitMs = Math.min(2 * waitMs, RETRY_MS.max)) {
      try {
        const schema = await this.#source.schemaById(id);
        if (schema !== undefined) return createConfluentReader(topic, schema);
        missing += 1;
        if (missing === MISSING_LOOKS) {
          const message = `Expected a schema that the registry has, got id ${id}`;
          const validUntilMs = this.#nowMs() + MISSING_MS;
          return { ...deadLetter('CONFLUENT_SCHEMA_UNKNOWN', message), validUntilMs };
        }
      } catch (error) {
        if (this.#closing.signal.aborted) return new Promise(() => undefined);
        this.#logger.warn(
          { topic, schemaId: id, error: messageOf(error) },
          'Records wait for a schema, because the schema registry does not tell it',
        );
      }
      await this.#wait(waitMs);
      if (this.#closing.signal.aborted) return new Promise(() => undefined);
    }
  }
}
