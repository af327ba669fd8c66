import type { Arm } from './assignment.ts';
import type { LiveTopic, Row, UpdateBatch } from './panel.ts';
import type { ProcessorName } from './processors.ts';
import type { EventType } from './topics.ts';

/**
 * What the api needs from whatever runs behind it: the embedded engine in one process, or a broker
 * and a ClickHouse server. `processors/main.ts` provides it, `api/main.ts` takes it.
 */
export interface EnginePort {
  /**
   * Takes events at the door: checks, tokenises and appends the good ones. Resolves when they are
   * durable. `events` are parsed JSON values or decoded Avro records; the order of `rejected` is the
   * order of the batch.
   */
  ingest(
    type: EventType,
    events: readonly unknown[],
    options?: IngestOptions,
  ): Promise<IngestAnswer>;

  /**
   * Why ingest must be refused at the moment, or undefined when there is room.
   *
   * @param bodyBytes of all bodies that are being taken, the one in question among them; 0 by default
   */
  refusal(bodyBytes?: number): Refusal | undefined;

  /** Runs one read-only statement with bound parameters (`{name:Type}`) against ClickHouse. */
  query(sql: string, parameters: Readonly<Record<string, QueryParameter>>): Promise<readonly Row[]>;

  /** Calls `listener` after every flush with the rows that changed; returns how to stop it. */
  subscribe(listener: (batch: UpdateBatch) => void): () => void;

  /** The rows the engine holds for `table` with windows not older than `sinceMs`, as updates. */
  current(table: string, sinceMs: number): UpdateBatch;

  /** Takes an alert over: goes through the log, so that a recomputation knows it too. */
  acknowledge(alert: {
    readonly alertId: string;
    /** Key of the sku stage that owns the incident. */
    readonly entityKey: string;
    readonly nodeId: string;
    readonly actor: string;
  }): Promise<void>;

  /** Takes what a person decides about a visitor: goes through the log, so that a recomputation knows it too. */
  decide(decision: Decision): Promise<void>;

  /** The arms of a visitor, by the id that events carry: one for every test that has not stopped. */
  assignments(visitorId: string): readonly Assignment[];

  status(): PipelineStatus;

  /** Prometheus text of every metric of the process. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** A person's verdict on a visitor. */
export interface Decision {
  readonly visitorToken: string;
  /** Partition of the visitor's events. */
  readonly partition: number;
  /** Whether the visitor is a person; otherwise it is a machine. */
  readonly isCleared: boolean;
  /** Event time of the behaviour that it is about, UTC milliseconds. */
  readonly aboutMs: number;
  readonly actor: string;
}

/** Where a visitor belongs in one test. */
export interface Assignment {
  readonly test: string;
  readonly channel: string;
  readonly arm: Arm;
  /** UTC milliseconds; null while no stop is set. */
  readonly start: number;
  readonly stop: number | null;
}

export type QueryParameter = string | number | boolean | readonly string[];

export interface IngestOptions {
  /** Name of an import of history: its events are never too late, and hold the watermark until `endImport`. */
  readonly importName?: string;
}

export interface IngestAnswer {
  readonly accepted: number;
  /** Events whose id was taken before, as far as the door can see; the engine's own check is exact. */
  readonly duplicates: number;
  readonly rejected: readonly {
    readonly index: number;
    readonly code: string;
    readonly message: string;
  }[];
}

export interface Refusal {
  /** HTTP status to answer with: 429 backlog, 503 dependency away, 507 disk full. */
  readonly status: 429 | 503 | 507;
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds: number;
}

/** Counts since the data directory was created; they survive restarts. */
export interface EventCounts {
  readonly received: number;
  readonly contributed: number;
  readonly duplicate: number;
  readonly late: number;
  readonly dead_lettered: number;
  readonly quarantined: number;
}

/** What the continuous recomputation of closed windows has found since the process started. */
export interface AuditStatus {
  /** Rows that were compared with their recomputation from the raw events. */
  readonly checked_rows: number;
  /** Rows that differed when their windows were last looked at: anything but 0 is a defect. */
  readonly differences: number;
  /** When windows were last compared, UTC milliseconds; null until then. */
  readonly last_at: number | null;
}

export interface TaskStatus {
  readonly task: string;
  readonly counts: EventCounts;
  /** UTC milliseconds; null until the first event. */
  readonly watermark: number | null;
  /** Records in the log that the task has not taken yet. */
  readonly lag_records: number;
  readonly inputs: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly next_offset: number;
    readonly end_offset: number;
    readonly idle: boolean;
  }[];
}

/** What links between visitor ids have come to. */
export interface IdentityCounts {
  /** Ids that are part of another visitor now. */
  readonly merged: number;
  /** Links that would have made a visitor of more ids than a person has. */
  readonly refused: number;
}

export interface PipelineStatus {
  readonly mode: 'embedded' | 'distributed';
  readonly ready: boolean;
  /** Why not ready, in words a person can act on; empty when ready. */
  readonly problems: readonly string[];
  /** The lowest watermark of the visitor tasks; windows that end at or before it are matured. */
  readonly watermark: number | null;
  readonly allowed_lateness_ms: number;
  /** Processors that nobody has chosen: what they would count is not counted. */
  readonly processors_off: readonly ProcessorName[];
  readonly counts: EventCounts;
  /** Received events less those with a known outcome; the sum check: anything but 0 is a defect. */
  readonly unaccounted: number;
  readonly tasks: readonly TaskStatus[];
  readonly checkpoint: {
    readonly sequence: number;
    readonly age_ms: number;
    readonly duration_ms: number;
  };
  readonly sink: { readonly pending_rows: number; readonly healthy: boolean };
  readonly audit: AuditStatus;
  readonly identities: IdentityCounts;
}

/**
 * ClickHouse for statements of people. Every run has a session of its own, which can read and nothing
 * else and has limits on time, memory, rows and bytes. That alone makes no statement harmless: a caller
 * runs only text that it has made or checked itself.
 */
export interface SqlPort {
  /** @param signal ends the run early, as `refused` with code 394 */
  run(run: SqlRun, signal?: AbortSignal): Promise<SqlAnswer>;
}

export interface SqlRun {
  /** One statement without a semicolon. */
  readonly sql: string;
  /** Format of the answer, unless the statement names one. */
  readonly format: string;
  /**
   * Whether the answer is taken block by block, each a whole document of the format, which keeps a
   * large answer from filling the memory. Only SELECT can be.
   */
  readonly inBlocks: boolean;
  /** Values of `{name:Type}`, as clients send them: text in the escapes of tab-separated values. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Settings of the session; one that is a limit can only lower it. */
  readonly settings?: Readonly<Record<string, string>>;
}

export type SqlAnswer =
  | {
      readonly kind: 'rows';
      /** The answer in the format: one piece, or one per block. */
      readonly blocks: readonly Uint8Array[];
      /** Counted when the answer came in blocks, otherwise 0. */
      readonly rowCount: number;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'refused';
      /** ClickHouse's number for the error. */
      readonly code: number;
      /** ClickHouse's text, from `DB::Exception:` on without it, the name of the error at its end. */
      readonly message: string;
    };

/** Topics whose rows come from `status()` instead of a table. */
export const STATUS_TOPIC: LiveTopic = 'pipeline';
