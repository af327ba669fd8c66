import type { Row, Update, UpdateBatch } from '../../schemas/panel.ts';
import type {
  Assignment,
  Decision,
  EnginePort,
  IngestAnswer,
  IngestOptions,
  PipelineStatus,
  QueryParameter,
  Refusal,
} from '../../schemas/ports.ts';
import type { EventType } from '../../schemas/topics.ts';

const NO_COUNTS = {
  received: 0,
  contributed: 0,
  duplicate: 0,
  late: 0,
  dead_lettered: 0,
  quarantined: 0,
};

/** Whatever answers reads, such as `ClickHouse` over a directory of its own. */
interface Reader {
  query(sql: string, parameters: Readonly<Record<string, QueryParameter>>): Promise<readonly Row[]>;
}

/**
 * A small engine in memory: it keeps the events it is given by id, publishes the updates a test hands
 * it, and leaves reads to the given reader.
 */
export class MemoryEngine implements EnginePort {
  /** Accepted events by type, in order. */
  readonly events = new Map<EventType, unknown[]>();
  readonly imports: string[] = [];
  readonly acknowledged: {
    readonly alertId: string;
    readonly entityKey: string;
    readonly nodeId: string;
    readonly actor: string;
  }[] = [];
  readonly decided: Decision[] = [];
  /** How many times `ingest` was asked, duplicates of a request included. */
  ingestCount = 0;
  /** How many requests have come to the door, before their bodies. */
  arrivedCount = 0;
  /** What the bodies that were being taken might come to, by each of those requests. */
  readonly bodyBytes: number[] = [];
  /** Set to have `ingest` wait before it answers. */
  holding: Promise<void> | undefined;
  /** Set to have ingest refused. */
  refusing: Refusal | undefined;
  /** Set to have the next calls of `ingest`, `query`, `acknowledge` and `decide` fail. */
  failing: Error | undefined;
  /** Set to have visitors assigned to tests. */
  assigning: (visitorId: string) => readonly Assignment[] = () => [];
  #status: PipelineStatus = {
    mode: 'embedded',
    ready: true,
    problems: [],
    watermark: null,
    processors_off: [],
    allowed_lateness_ms: 0,
    counts: NO_COUNTS,
    unaccounted: 0,
    tasks: [],
    checkpoint: { sequence: 0, age_ms: 0, duration_ms: 0 },
    sink: { pending_rows: 0, healthy: true },
    audit: { checked_rows: 0, differences: 0, last_at: null },
    identities: { merged: 0, refused: 0 },
  };
  readonly #reader: Reader | undefined;
  readonly #ids = new Set<string>();
  readonly #published: Update[] = [];
  readonly #listeners = new Set<(batch: UpdateBatch) => void>();

  constructor(reader?: Reader) {
    this.#reader = reader;
  }

  setStatus(change: Partial<PipelineStatus>): void {
    this.#status = { ...this.#status, ...change };
  }

  /** Hands changed rows to every listener, as a flush of the engine does. */
  publish(
    updates: readonly Update[],
    freshness: { readonly newestEventMs?: number; readonly newestAppendedMs?: number } = {},
  ): void {
    this.#published.push(...updates);
    const { newestEventMs = 0, newestAppendedMs = 0 } = freshness;
    for (const listener of this.#listeners) listener({ updates, newestEventMs, newestAppendedMs });
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  async ingest(
    type: EventType,
    events: readonly unknown[],
    options: IngestOptions = {},
  ): Promise<IngestAnswer> {
    this.ingestCount += 1;
    await this.holding;
    this.#failWhenAsked();
    if (options.importName !== undefined) this.imports.push(options.importName);
    const kept = this.events.get(type) ?? [];
    this.events.set(type, kept);
    const rejected: { index: number; code: string; message: string }[] = [];
    let accepted = 0;
    let duplicates = 0;
    for (const [index, event] of events.entries()) {
      const id = eventIdOf(event);
      if (id === undefined) {
        rejected.push({ index, code: 'EVENT_FIELD_MISSING', message: 'Expected an event_id' });
      } else if (this.#ids.has(`${type}:${id}`)) {
        duplicates += 1;
      } else {
        this.#ids.add(`${type}:${id}`);
        kept.push(event);
        accepted += 1;
      }
    }
    return { accepted, duplicates, rejected };
  }

  refusal(bodyBytes = 0): Refusal | undefined {
    this.arrivedCount += 1;
    this.bodyBytes.push(bodyBytes);
    return this.refusing;
  }

  async query(
    sql: string,
    parameters: Readonly<Record<string, QueryParameter>>,
  ): Promise<readonly Row[]> {
    this.#failWhenAsked();
    return this.#reader === undefined ? [] : this.#reader.query(sql, parameters);
  }

  subscribe(listener: (batch: UpdateBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  current(table: string, sinceMs: number): UpdateBatch {
    const updates = this.#published.filter(
      ({ table: name, row }) => name === table && Number(row['window_start'] ?? sinceMs) >= sinceMs,
    );
    return { updates, newestEventMs: 0, newestAppendedMs: 0 };
  }

  async acknowledge(alert: {
    readonly alertId: string;
    readonly entityKey: string;
    readonly nodeId: string;
    readonly actor: string;
  }): Promise<void> {
    this.#failWhenAsked();
    this.acknowledged.push(alert);
  }

  async decide(decision: Decision): Promise<void> {
    this.#failWhenAsked();
    this.decided.push(decision);
  }

  assignments(visitorId: string): readonly Assignment[] {
    return this.assigning(visitorId);
  }

  status(): PipelineStatus {
    return this.#status;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly body: string }> {
    return {
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: '# TYPE engine_events_received_total counter\nengine_events_received_total 0\n',
    };
  }

  #failWhenAsked(): void {
    if (this.failing !== undefined) throw this.failing;
  }
}

function eventIdOf(event: unknown): string | undefined {
  if (typeof event !== 'object' || event === null || !('event_id' in event)) return undefined;
  return typeof event.event_id === 'string' ? event.event_id : undefined;
}
