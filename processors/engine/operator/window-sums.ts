import { assert } from '../../../schemas/errors.ts';
import { DAY_MS } from '../../../schemas/time.ts';
import type { SumsTable } from './table.ts';

/** One stored row: the sums of a window and its dimension values, by one task. */
export interface SumsRow {
  readonly table: SumsTable;
  /** Identity within the task and table; see `rowKey`. */
  readonly key: string;
  readonly windowStartMs: number;
  /** Start of the UTC day on which a final window was corrected, 0 for the window's own row. */
  readonly correctedOnMs: number;
  readonly dimensions: readonly string[];
  /** Signed integers in the order of `table.sums`. */
  readonly sums: number[];
  isDirty: boolean;
  isUnpublished: boolean;
}

/** Separates the parts of a row's key; a control character that no accepted event contains. */
const KEY_SEPARATOR = '\u0001';
/** Digits of an instant in a key, so that keys sort by window. */
const INSTANT_DIGITS = 13;

/** The text by which a row is stored: window start, day of correction, dimension values. */
export function rowKey(
  windowStartMs: number,
  correctedOnMs: number,
  dimensions: readonly string[],
): string {
  let key = `${String(windowStartMs).padStart(INSTANT_DIGITS, '0')}/${correctedOnMs / DAY_MS}`;
  for (const dimension of dimensions) key += KEY_SEPARATOR + dimension;
  return key;
}

/** The day of correction in a row's key, in days since the epoch; 0 for the window's own row. */
export function correctedOnDayOf(key: string): number {
  const start = key.indexOf('/') + 1;
  const end = key.indexOf(KEY_SEPARATOR, start);
  return Number(key.slice(start, end < 0 ? undefined : end));
}

/**
 * The window sums of one task and table: adds signed integers, remembers which rows changed, and
 * keeps recently used rows in memory in front of whatever `load` reads.
 *
 * A window whose end lies the allowed lateness or more behind the watermark is final: its own row
 * is never touched again, and changes go to a row of their own, keyed by the day of the correction.
 */
export class WindowSums {
  readonly table: SumsTable;
  readonly #load: (key: string) => readonly number[] | undefined;
  readonly #allowedLatenessMs: number;
  #rows = new Map<string, SumsRow>();
  #dirty: SumsRow[] = [];
  #unpublished: SumsRow[] = [];
  #last: SumsRow | undefined;

  constructor(options: {
    readonly table: SumsTable;
    readonly allowedLatenessMs: number;
    /** The stored sums of a row that is not in memory. */
    readonly load: (key: string) => readonly number[] | undefined;
  }) {
    this.table = options.table;
    this.#allowedLatenessMs = options.allowedLatenessMs;
    this.#load = options.load;
  }

  get dirtyCount(): number {
    return this.#dirty.length;
  }

  get hasUnpublished(): boolean {
    return this.#unpublished.length > 0;
  }

  /** Adds `amount` to the sum at index `sum` of the window that contains `eventMs`. */
  add(change: {
    readonly eventMs: number;
    readonly watermarkMs: number;
    readonly dimensions: readonly string[];
    readonly sum: number;
    readonly amount: number;
  }): void {
    const { table } = this;
    const windowStartMs = Math.floor(change.eventMs / table.windowMs) * table.windowMs;
    const isFinal = windowStartMs + table.windowMs + this.#allowedLatenessMs <= change.watermarkMs;
    const correctedOnMs = isFinal ? Math.floor(change.watermarkMs / DAY_MS) * DAY_MS : 0;
    const row = this.#row(windowStartMs, correctedOnMs, change.dimensions);
    const sum = (row.sums[change.sum] ?? 0) + change.amount;
    // Asked first, because the message would be built for every add.
    if (!Number.isSafeInteger(sum))
      assert(false, `${table.name}.${table.sums[change.sum]} must stay a safe integer`);
    row.sums[change.sum] = sum;
    if (!row.isDirty) {
      row.isDirty = true;
      this.#dirty.push(row);
    }
    this.#markUnpublished(row);
  }

  /** Has the current sums of a row published, whether they changed or not. */
  publishAgain(row: {
    readonly key: string;
    readonly windowStartMs: number;
    readonly correctedOnMs: number;
    readonly dimensions: readonly string[];
  }): void {
    this.#markUnpublished(
      this.#rows.get(row.key) ??
        this.#open(row.key, row.windowStartMs, row.correctedOnMs, row.dimensions),
    );
  }

  /** The rows that changed since the last call, for the checkpoint. */
  takeDirty(): readonly SumsRow[] {
    const rows = this.#dirty;
    this.#dirty = [];
    for (const row of rows) row.isDirty = false;
    return rows;
  }

  /** The rows that changed since the last call, for the viewers. */
  takeUnpublished(): readonly SumsRow[] {
    const rows = this.#unpublished;
    this.#unpublished = [];
    for (const row of rows) row.isUnpublished = false;
    return rows;
  }

  /** The rows in memory. */
  cached(): Iterable<SumsRow> {
    return this.#rows.values();
  }

  /** What was taken is durable: rows beyond `rowsMax` leave memory, the changed ones stay. */
  committed(rowsMax: number): void {
    if (this.#rows.size <= rowsMax) return;
    const kept = new Map<string, SumsRow>();
    for (const [key, row] of this.#rows) if (row.isDirty || row.isUnpublished) kept.set(key, row);
    this.#rows = kept;
    this.#last = undefined;
  }

  /** The row of a window. An event adds to several sums of one row, so the last one is at hand. */
  #row(windowStartMs: number, correctedOnMs: number, dimensions: readonly string[]): SumsRow {
    const last = this.#last;
    if (
      last !== undefined &&
      last.windowStartMs === windowStartMs &&
      last.correctedOnMs === correctedOnMs &&
      isSame(last.dimensions, dimensions)
    )
      return last;
    const key = rowKey(windowStartMs, correctedOnMs, dimensions);
    const row = this.#rows.get(key) ?? this.#open(key, windowStartMs, correctedOnMs, dimensions);
    this.#last = row;
    return row;
  }

  #markUnpublished(row: SumsRow): void {
    if (row.isUnpublished) return;
    row.isUnpublished = true;
    this.#unpublished.push(row);
  }

  #open(
    key: string,
    windowStartMs: number,
    correctedOnMs: number,
    dimensions: readonly string[],
  ): SumsRow {
    const stored = this.#load(key);
    const row: SumsRow = {
      table: this.table,
      key,
      windowStartMs,
      correctedOnMs,
      dimensions: [...dimensions],
      sums: stored === undefined ? this.table.sums.map(() => 0) : [...stored],
      isDirty: false,
      isUnpublished: false,
    };
    this.#rows.set(key, row);
    return row;
  }
}

/** A loop, because it runs for every add. */
function isSame(left: readonly string[], right: readonly string[]): boolean {
  for (let index = 0; index < left.length; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}
