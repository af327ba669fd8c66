import type { Value } from '../../../schemas/panel.ts';

export type { Value };

/** How a column travels to ClickHouse: `instant` is UTC milliseconds, `integer` is Int64. */
export type ColumnType =
  | 'text'
  | 'nullable-text'
  | 'integer'
  | 'nullable-integer'
  | 'double'
  | 'nullable-double'
  | 'instant'
  | 'nullable-instant'
  | 'boolean';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/**
 * Sums per window and dimensions. The engine keeps one row of integer sums per
 * (window start, dimension values) and task, upserts it as a whole, and views add the tasks up.
 * Its ClickHouse table has the columns: window_start, the dimensions (text), task, corrected_on
 * (the day of correction, epoch day 0 for the window's own row), the sums, version.
 */
export interface SumsTable {
  readonly kind: 'sums';
  /** Name of the stored table inside the database, such as `channel_1m_rows`. */
  readonly name: string;
  /** Length of a window; windows are aligned to the epoch. */
  readonly windowMs: number;
  readonly dimensions: readonly string[];
  readonly sums: readonly string[];
  /** It tells how results came about, which depends on the order of arrival; results do not. */
  readonly isTrail?: true;
}

/**
 * One current row per key, written whole whenever it changes. `key` names the leading columns that
 * identify the row. Its ClickHouse table has these columns and version.
 */
export interface RowsTable {
  readonly kind: 'rows';
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly Column[];
  /** Nobody watches it live, and it may have more keys than memory has room for. */
  readonly isStoredOnly?: true;
}

/**
 * Facts: rows that are written once and never change, identified by (topic, partition, offset, index
 * within the record). Its ClickHouse table has these columns and topic, partition, offset, index.
 */
export interface FactsTable {
  readonly kind: 'facts';
  readonly name: string;
  readonly columns: readonly Column[];
  /** It tells how results came about, which depends on the order of arrival; results do not. */
  readonly isTrail?: true;
  /** Viewers see the newest fact of each key, of the newest `keysMax` keys. */
  readonly watched?: {
    /** The columns of the key, and of the instant that says which fact is newer. */
    readonly key: string;
    readonly instant: string;
    readonly keysMax: number;
  };
}

export type Table = SumsTable | RowsTable | FactsTable;
