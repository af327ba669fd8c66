import type { Row, Value } from '../schemas/panel.ts';

const LINE_END = '\r\n';

/** Characters at the start of a text that make a spreadsheet run it as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

const NEEDS_QUOTES = /[",\r\n]/;

/**
 * Rows as CSV with a header line; null is an empty cell. A text that a spreadsheet would run as a
 * formula gets an apostrophe in front, because campaign names and the like come from outside.
 *
 * @see RFC 4180, and OWASP on CSV injection
 */
export function csvOf(columns: readonly string[], rows: readonly Row[]): string {
  const lines = [columns.map(cellOf).join(',')];
  for (const row of rows) {
    lines.push(columns.map((column) => cellOf(row[column] ?? null)).join(','));
  }
  return lines.join(LINE_END) + LINE_END;
}

function cellOf(value: Value): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
