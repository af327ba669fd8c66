import type { Row } from '../../schemas/panel.ts';

/** Columns and the values a viewer wants of each; a row passes when every column matches. */
export type Filter = ReadonlyMap<string, ReadonlySet<string>>;

/** No filter asks for more; each one is a comparison per changed row. */
export const FILTER_COLUMNS_MAX = 8;
/** A filter that names more values than this is a whole topic in disguise. */
export const FILTER_VALUES_MAX = 100;
/** Longest value a filter may hold, in UTF-16 units: ids are at most 64, campaign names may be longer. */
export const FILTER_VALUE_LENGTH_MAX = 256;

export const NO_FILTER: Filter = new Map();

/** Whether `row` passes. Values are compared as text: `42` and `"42"` are the same wish. */
export function matches(filter: Filter, row: Row): boolean {
  for (const [column, wanted] of filter) {
    if (!wanted.has(String(row[column] ?? ''))) return false;
  }
  return true;
}

/** A text that is equal for equal filters, whatever the order in which they were written. */
export function filterKey(filter: Filter): string {
  const columns = [...filter].map(([column, wanted]) => [column, [...wanted].toSorted()] as const);
  return JSON.stringify(columns.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
