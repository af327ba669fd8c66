import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import { DAY_MS } from '../../../schemas/time.ts';
import type { SumsTable, Table } from '../operator/table.ts';
import { type SumsRow, WindowSums, correctedOnDayOf, rowKey } from '../operator/window-sums.ts';
import { endOfPrefix, type Store, type Write } from '../state/store.ts';

/** The stored form of a window row. */
export interface StoredSums {
  readonly windowStartMs: number;
  readonly correctedOnMs: number;
  readonly dimensions: readonly string[];
  readonly sums: readonly number[];
}

/** Stored rows that one sweep looks at, so that it never holds the task for long. */
const SWEEP_ROWS_MAX = 500;

/** The window sums of one task over all tables, and their copy in the store. */
export class TaskWindows {
  readonly tables: readonly WindowSums[];
  readonly #store: Store;
  readonly #prefix: string;
  readonly #allowedLatenessMs: number;
  /** Where the next sweep goes on, by table. */
  readonly #sweptTo = new Map<string, string>();
  #sweepTurn = 0;

  constructor(options: {
    readonly task: string;
    readonly tables: readonly Table[];
    readonly store: Store;
    readonly allowedLatenessMs: number;
  }) {
    this.#store = options.store;
    this.#prefix = `w/${options.task}/`;
    this.#allowedLatenessMs = options.allowedLatenessMs;
    this.tables = options.tables.filter(isSumsTable).map(
      (table) =>
        new WindowSums({
          table,
          allowedLatenessMs: options.allowedLatenessMs,
          load: (key) => this.#load(table, key),
        }),
    );
  }

  get dirtyCount(): number {
    let count = 0;
    for (const sums of this.tables) count += sums.dirtyCount;
    return count;
  }

  get hasUnpublished(): boolean {
    return this.tables.some((sums) => sums.hasUnpublished);
  }

  /** The rows that changed since the last call; adds them to `writes`. */
  *collect(writes: Write[]): Iterable<SumsRow> {
    for (const sums of this.tables) {
      for (const row of sums.takeDirty()) {
        const { windowStartMs, correctedOnMs, dimensions } = row;
        const stored: StoredSums = { windowStartMs, correctedOnMs, dimensions, sums: row.sums };
        writes.push({ key: `${this.#prefix}${row.table.name}/${row.key}`, value: pack(stored) });
        yield row;
      }
    }
  }

  /** What was collected is durable: rows beyond `rowsMax` per table leave memory. */
  committed(rowsMax: number): void {
    for (const sums of this.tables) sums.committed(rowsMax);
  }

  /** Has everything that `failed` had changed since the checkpoint published as the checkpoint holds it. */
  republish(failed: TaskWindows): void {
    this.tables.forEach((sums, index) => {
      for (const row of failed.tables[index]?.takeDirty() ?? []) sums.publishAgain(row);
    });
  }

  /** The rows of one table with windows from `sinceMs` on: the stored ones, and over them those in memory. */
  current(
    table: string,
    sinceMs: number,
  ): { readonly table: SumsTable; readonly rows: readonly StoredSums[] } | undefined {
    const sums = this.tables.find((each) => each.table.name === table);
    if (sums === undefined) return undefined;
    const prefix = `${this.#prefix}${table}/`;
    const rows = new Map<string, StoredSums>();
    const start = prefix + rowKey(Math.max(0, Math.floor(sinceMs)), 0, []);
    for (const { key, value } of this.#store.range({ start, end: endOfPrefix(prefix) })) {
      rows.set(key.slice(prefix.length), decode(value));
    }
    for (const row of sums.cached()) if (row.windowStartMs >= sinceMs) rows.set(row.key, row);
    return { table: sums.table, rows: [...rows.values()] };
  }

  /** Removes some rows of one table, another at every call: final windows, and corrections of days that are over. */
  sweep(writes: Write[], watermarkMs: number): void {
    const sums = this.tables[this.#sweepTurn % this.tables.length];
    this.#sweepTurn += 1;
    if (sums === undefined) return;
    const { table } = sums;
    const lastFinalMs = watermarkMs - this.#allowedLatenessMs - table.windowMs;
    if (lastFinalMs <= 0) return;
    const prefix = `${this.#prefix}${table.name}/`;
    const end = prefix + rowKey(Math.floor(lastFinalMs), 0, []);
    let last: string | undefined;
    let count = 0;
    for (const { key } of this.#store.range({
      start: this.#sweptTo.get(table.name) ?? prefix,
      end,
      limit: SWEEP_ROWS_MAX,
    })) {
      const day = correctedOnDayOf(key.slice(prefix.length));
      if (day === 0 || (day + 2) * DAY_MS <= watermarkMs) writes.push({ key, value: undefined });
      last = key;
      count += 1;
    }
    if (last === undefined || count < SWEEP_ROWS_MAX) this.#sweptTo.delete(table.name);
    else this.#sweptTo.set(table.name, `${last}\u0000`);
  }

  #load(table: SumsTable, key: string): readonly number[] | undefined {
    const stored = this.#store.get(`${this.#prefix}${table.name}/${key}`);
    return stored === undefined ? undefined : decode(stored).sums;
  }
}

/** Written by `collect` and verified by the store's checksum. */
function decode(stored: Buffer): StoredSums {
  return erase<StoredSums>(unpack(stored));
}

function isSumsTable(table: Table): table is SumsTable {
  return table.kind === 'sums';
}
