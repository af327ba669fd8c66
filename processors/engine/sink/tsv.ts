import type { Column, ColumnType, Value } from '../operator/table.ts';

/** What ClickHouse's TabSeparated reads as NULL. */
const NULL_TEXT = '\\N';
const NEEDS_ESCAPE = /[\t\n\r\\\0]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\\0',
};

/** One value in ClickHouse's TabSeparated format. */
export function tsvValue(type: ColumnType, value: Value | undefined): string {
  if (value === null || value === undefined) return NULL_TEXT;
  switch (type) {
    case 'text':
    case 'nullable-text':
      return tsvText(String(value));
    case 'instant':
    case 'nullable-instant':
      return tsvInstant(Number(value));
    case 'boolean':
      return value === true ? 'true' : 'false';
    case 'integer':
    case 'nullable-integer':
    case 'double':
    case 'nullable-double':
      return String(value);
  }
}

export function tsvText(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return text;
  return text.replaceAll(/[\t\n\r\\\0]/g, (unit) => ESCAPES[unit] ?? unit);
}

/** UTC milliseconds as the decimal seconds that DateTime64(3) reads. */
export function tsvInstant(instantMs: number): string {
  const text = String(instantMs);
  // Thirteen digits is every instant from 2001 to 2286; cutting text is faster than arithmetic.
  if (text.length === 13) return `${text.slice(0, 10)}.${text.slice(10)}`;
  return (instantMs / 1_000).toFixed(3);
}

/** UTC milliseconds as the day that Date reads. */
export function tsvDay(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 10);
}

/** Values in column order, without the line's end. */
export function tsvRow(columns: readonly Column[], values: readonly Value[]): string {
  let line = '';
  for (let index = 0; index < columns.length; index += 1) {
    const column = columns[index];
    if (column === undefined) break;
    if (index > 0) line += '\t';
    line += tsvValue(column.type, values[index]);
  }
  return line;
}
