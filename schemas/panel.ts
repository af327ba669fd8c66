import type { ProcessorName } from './processors.ts';

/** One value of a row as it is stored and sent; instants are UTC milliseconds. */
export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

/**
 * One changed row on its way to a viewer. Rows of a sums table are partial: they hold what one task
 * has counted, with `window_start`, `corrected_on` (UTC milliseconds of the correction's day, 0 for
 * the window's own row), the dimensions and the sums; a reader adds the tasks and days up. Rows of
 * other tables are whole.
 */
export interface Update {
  readonly table: string;
  /** The task that wrote the row, such as `visitor-3`. */
  readonly task: string;
  /** Grows with every change of this row within its task; the highest is current. */
  readonly version: number;
  readonly row: Row;
}

/** What a flush of the engine tells its viewers: the changed rows, and how fresh they are. */
export interface UpdateBatch {
  readonly updates: readonly Update[];
  /** Newest event time among the events inside, UTC milliseconds. */
  readonly newestEventMs: number;
  /** When the log took the newest of these events, UTC milliseconds of processing time. */
  readonly newestAppendedMs: number;
}

export const LIVE_TOPICS = [
  'channels',
  'attribution',
  'bots',
  'bot_withdrawals',
  'verdicts',
  'stock',
  'parity',
  'fulfilment',
  'fulfilment_reasons',
  'alerts',
  'pipeline',
] as const;
export type LiveTopic = (typeof LIVE_TOPICS)[number];

export const GRAINS = ['minute', 'hour', 'day'] as const;
export type Grain = (typeof GRAINS)[number];

/**
 * How one table is shown: which live topic its updates feed and which view answers the API.
 * The live view and the stored view hold the same rows, so a page may start from either.
 */
export interface Panel {
  readonly topic: LiveTopic;
  /** Path under `/v1/`, such as `channels`; undefined when the panel is live only. */
  readonly path: string | undefined;
  /** The processors without which it has nothing, or less, to show. */
  readonly needs: readonly ProcessorName[];
  readonly live: {
    /** The engine table whose updates feed the topic. */
    readonly table: string;
    /** Columns that identify a public row; for sums this includes `window_start`. */
    readonly key: readonly string[];
    /** Columns to add up over tasks and correction days; empty for tables of whole rows. */
    readonly sums: readonly string[];
    /** Columns that follow from the others, such as a net from a gross, as the stored view works them out. */
    readonly derive?: (row: Row) => Row;
    /** Rows whose window starts more than this before the newest one leave the live view; undefined keeps all. */
    readonly retentionMs: number | undefined;
    /** Most rows the live view holds; beyond it the rows with the oldest key leave. */
    readonly rowsMax: number;
    /** Length of a window for `state` (provisional, matured, final); undefined for tables without windows. */
    readonly windowMs: number | undefined;
    /** Its times are those of decisions, not of events: the watermark says nothing about them. */
    readonly isTrail?: true;
  };
  readonly query: {
    /** The ClickHouse view that holds the rows, by grain; `all` for tables without windows. */
    readonly views: Partial<Record<Grain | 'all', string>>;
    /** Public columns in the order of the answer. */
    readonly columns: readonly string[];
    /** Columns a caller may filter by, `?column=a&column=b`. */
    readonly filters: readonly string[];
    /** Column that `from` (inclusive) and `to` (exclusive) apply to; undefined for current rows. */
    readonly timeColumn: string | undefined;
    /** Column names of the stable order that paging follows. */
    readonly orderBy: readonly string[];
  };
}
