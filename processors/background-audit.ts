import { EngineError } from '../schemas/errors.ts';
import type { AuditStatus } from '../schemas/ports.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../schemas/time.ts';
import { type AuditRange, auditWindows, windowViews } from './audit.ts';
import type { Query } from './audited-view.ts';
import type { Config } from './config.ts';
import type { Clock } from './engine/time/clock.ts';

/** What the audit must know of the engine at a moment. */
export interface Settlement {
  /** Windows that end at or before it are closed; −Infinity until there is one. */
  readonly watermarkMs: number;
  /** Every way to the tables, always the same ones in the same order. */
  readonly ways: readonly Way[];
}

/** How much has set out on a way, and how much of it has arrived; both only grow. */
export interface Way {
  readonly begun: number;
  readonly arrived: number;
}

/** What came of one look at some windows of a view. */
export interface AuditedWindows extends AuditRange {
  readonly view: string;
  /**
   * `unsettled`: rows did not cease to be under way, so a comparison would say nothing. `failed`: ClickHouse did not
   * answer in time, or refused.
   */
  readonly result: 'equal' | 'different' | 'unsettled' | 'failed';
  /** Rows that were compared. */
  readonly rows: number;
  /** Rows that differ. */
  readonly differences: number;
  /** Whether these windows were not known to differ so much. */
  readonly isNews: boolean;
  readonly durationMs: number;
  readonly error?: EngineError;
}

/** How far back closed windows are looked at. */
const REACH_MS = 7 * DAY_MS;
/** Windows looked at in one go, unless a query over them takes too long. */
const SLICE_MS = HOUR_MS;
/** Share of one core that the audit may take. */
const CORE_SHARE_MAX = 0.02;
/** Shortest pause between two looks: a fresh shop has few windows, and once a minute each is enough. */
const PAUSE_MS_MIN = 5 * SECOND_MS;
/** Longest a query may run, on one thread: an orderly stop waits for it. */
const QUERY_SECONDS_MAX = 2;
/** A query this fast may be given more to do. */
const EASY_QUERY_MS = 500;
/** How long to wait for what is on its way: several checkpoints, on a machine that has much else to do. */
const SETTLE_MS_MAX = 20 * SECOND_MS;
const SETTLE_LOOK_MS = 50;
/** A link makes an id send on what it knows, and that makes rows: three ways, one after the other. */
const LEGS = 3;
/** Looks at windows that came to nothing, before the next ones have their turn. */
const ATTEMPTS_MAX = 5;

/** Where the next look at a view begins, going back in time. */
interface Cursor {
  readonly view: string;
  readonly windowMs: number;
  sliceMs: number;
  /** End of the next slice; undefined begins again with the newest closed windows. */
  toMs: number | undefined;
  /** Where this round ends: the first event, or as far back as looks go. */
  oldestMs: number;
  attempts: number;
}

/** Where each read is limited. */
export type LimitedQuery = (
  ...query: [
    ...Parameters<Query>,
    limits: { readonly secondsMax: number; readonly threadsMax: number },
  ]
) => ReturnType<Query>;

/**
 * Recomputes closed windows of the last days one after the other, round and round, with the SQL of
 * `weir audit`, and compares. It runs one query at a time on one thread and pauses for so long that it
 * takes at most 2 % of a core.
 */
export class BackgroundAudit {
  readonly #query: Query;
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #settlement: () => Settlement;
  readonly #onAudited: (audited: AuditedWindows) => void;
  readonly #close: () => Promise<void>;
  readonly #cursors: readonly Cursor[];
  readonly #stopping = new AbortController();
  #turn = 0;
  /** Time spent in queries. */
  #busyMs = 0;
  #running: Promise<void> = Promise.resolve();
  #different: AuditedWindows[] = [];
  #checkedRows = 0;
  #lastAtMs: number | null = null;

  constructor(options: {
    readonly query: LimitedQuery;
    /** Gives up what `query` uses, when the last query is over. */
    readonly close: () => Promise<void>;
    readonly config: Config;
    readonly clock: Clock;
    readonly settlement: () => Settlement;
    /** Called after every look; must not throw. */
    readonly onAudited: (audited: AuditedWindows) => void;
  }) {
    const limits = { secondsMax: QUERY_SECONDS_MAX, threadsMax: 1 };
    this.#query = async (sql, parameters) => {
      const startedAtMs = this.#clock.monotonicMs();
      try {
        return await options.query(sql, parameters, limits);
      } finally {
        this.#busyMs += this.#clock.monotonicMs() - startedAtMs;
      }
    };
    this.#close = options.close;
    this.#config = options.config;
    this.#clock = options.clock;
    this.#settlement = options.settlement;
    this.#onAudited = options.onAudited;
    this.#cursors = windowViews(options.config).map(({ view, windowMs }) => ({
      view,
      windowMs,
      sliceMs: Math.max(SLICE_MS, windowMs),
      toMs: undefined,
      oldestMs: -Infinity,
      attempts: 0,
    }));
  }

  get status(): AuditStatus {
    const differences = this.#different.reduce((sum, each) => sum + each.differences, 0);
    return { checked_rows: this.#checkedRows, differences, last_at: this.#lastAtMs };
  }

  /** @param onDefect called when the audit ends because something unforeseen was thrown */
  start(onDefect: (error: unknown) => void): void {
    this.#running = this.#run().catch(onDefect);
  }

  /** Resolves when no query is under way any more: after two seconds at the latest. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#close();
  }

  /** Takes one look, at the view whose turn it is; undefined when no window has closed yet. */
  async next(): Promise<AuditedWindows | undefined> {
    const cursor = this.#cursors[this.#turn % this.#cursors.length];
    if (cursor === undefined) return undefined;
    const range = await this.#rangeOf(cursor);
    const audited = range === undefined ? undefined : await this.#look(cursor.view, range);
    if (audited === undefined) {
      this.#turn += 1;
      return undefined;
    }
    this.#moveOn(cursor, audited);
    this.#remember(audited);
    this.#onAudited(audited);
    return audited;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const before = this.#busyMs;
      await this.next().catch(unlessDefect);
      const pauseMs = Math.max(PAUSE_MS_MIN, (this.#busyMs - before) / CORE_SHARE_MAX);
      await this.#clock.sleep(pauseMs, this.#stopping.signal);
    }
  }

  /** The closed windows that come next; undefined when none with events has closed within reach. */
  async #rangeOf(cursor: Cursor): Promise<AuditRange | undefined> {
    const { watermarkMs } = this.#settlement();
    if (watermarkMs === -Infinity) return undefined;
    if (cursor.toMs === undefined || cursor.toMs <= cursor.oldestMs) {
      cursor.oldestMs = Math.max(watermarkMs - REACH_MS, await this.#firstEventMs());
      cursor.toMs = Math.floor(watermarkMs / cursor.windowMs) * cursor.windowMs;
    }
    if (cursor.toMs <= cursor.oldestMs) return undefined;
    return { fromMs: cursor.toMs - cursor.sliceMs, toMs: cursor.toMs };
  }

  /** Event time of the oldest click or order, Infinity without one; the index answers without reading them. */
  async #firstEventMs(): Promise<number> {
    const rows = await this.#query(
      `SELECT toUnixTimestamp64Milli(minOrNull(occurred_at)) AS first FROM weir.clicks_log
       UNION ALL
       SELECT toUnixTimestamp64Milli(minOrNull(occurred_at)) AS first FROM weir.orders_log`,
      {},
    );
    return Math.min(
      Infinity,
      ...rows.map(({ first }) => (first === null ? Infinity : Number(first))),
    );
  }

  async #look(view: string, range: AuditRange): Promise<AuditedWindows> {
    const about = { view, ...range, rows: 0, differences: 0, isNews: false, durationMs: 0 };
    const startedAtMs = this.#clock.monotonicMs();
    const durationMs = (): number => this.#clock.monotonicMs() - startedAtMs;
    try {
      const windows = { view, range };
      const { rows, differences } = await auditWindows(this.#query, this.#config, windows);
      const compared = { ...about, rows, durationMs: durationMs() };
      let standing = differences;
      if (differences.length > 0) {
        // In a busy shop some rows are always under way. Only what is as wrong as before when all of
        // those have arrived is wrong.
        if (!(await this.#settle())) return { ...compared, rows: 0, result: 'unsettled' };
        const again = await auditWindows(this.#query, this.#config, windows);
        const before = new Set(differences.map((row) => JSON.stringify(row)));
        standing = again.differences.filter((row) => before.has(JSON.stringify(row)));
      }
      if (standing.length === 0) return { ...compared, result: 'equal' };
      const isNews = this.#knownDifferences(view, range) !== standing.length;
      return { ...compared, result: 'different', differences: standing.length, isNews };
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind === 'defect') throw error;
      return { ...about, result: 'failed', durationMs: durationMs(), error };
    }
  }

  /** Waits until what is on its way now has arrived, with what follows from it; false when that takes too long. */
  async #settle(): Promise<boolean> {
    const endMs = this.#clock.monotonicMs() + SETTLE_MS_MAX;
    for (let leg = 0; leg < LEGS; leg += 1) {
      const begun = this.#settlement().ways.map((way) => way.begun);
      while (this.#settlement().ways.some(({ arrived }, index) => arrived < (begun[index] ?? 0))) {
        if (this.#stopping.signal.aborted || this.#clock.monotonicMs() >= endMs) return false;
        await this.#clock.sleep(SETTLE_LOOK_MS, this.#stopping.signal);
      }
    }
    return true;
  }

  /** Looks that said nothing are repeated some times; a query that takes too long is given less to do. */
  #moveOn(cursor: Cursor, { result, fromMs, durationMs }: AuditedWindows): void {
    if (result === 'failed') resize(cursor, cursor.sliceMs / 2);
    else if (durationMs < EASY_QUERY_MS) resize(cursor, cursor.sliceMs * 2);
    cursor.attempts += 1;
    const isConclusive = result === 'equal' || result === 'different';
    if (!isConclusive && cursor.attempts < ATTEMPTS_MAX) return;
    cursor.attempts = 0;
    cursor.toMs = fromMs;
    this.#turn += 1;
  }

  #remember(audited: AuditedWindows): void {
    const { view, result, fromMs, toMs } = audited;
    if (result !== 'equal' && result !== 'different') return;
    this.#checkedRows += audited.rows;
    this.#lastAtMs = this.#clock.nowMs();
    const oldestMs = this.#settlement().watermarkMs - REACH_MS;
    this.#different = this.#different.filter(
      (known) =>
        known.toMs > oldestMs &&
        (known.view !== view || known.toMs <= fromMs || known.fromMs >= toMs),
    );
    if (result === 'different') this.#different.push(audited);
  }

  #knownDifferences(view: string, { fromMs, toMs }: AuditRange): number {
    return this.#different
      .filter((known) => known.view === view && known.fromMs >= fromMs && known.toMs <= toMs)
      .reduce((sum, known) => sum + known.differences, 0);
  }
}

/** Whole windows, at least one and at most an hour of them. */
function resize(cursor: Cursor, sliceMs: number): void {
  const { windowMs } = cursor;
  const windows = Math.floor(Math.min(sliceMs, SLICE_MS) / windowMs);
  cursor.sliceMs = Math.max(1, windows) * windowMs;
}

/** ClickHouse may be away for a while; the next look finds out. */
function unlessDefect(error: unknown): undefined {
  if (!(error instanceof EngineError) || error.kind === 'defect') throw error;
}
