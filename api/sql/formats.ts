/** How the blocks of an answer, each a whole document of its format, become one document. */
export type Joining =
  | { readonly kind: 'rows' }
  | { readonly kind: 'header-lines'; readonly count: 1 | 2 }
  | { readonly kind: 'header-binary'; readonly lists: 1 | 2 }
  | { readonly kind: 'json' };

/** A format that an answer can have. */
export interface AnswerFormat {
  readonly contentType: string;
  readonly joining: Joining;
}

const ROWS: Joining = { kind: 'rows' };
const NAMES: Joining = { kind: 'header-lines', count: 1 };
const NAMES_AND_TYPES: Joining = { kind: 'header-lines', count: 2 };

const JSON_TYPE = 'application/json; charset=UTF-8';
const JSON_LINES_TYPE = 'application/x-ndjson; charset=UTF-8';
const TSV_TYPE = 'text/tab-separated-values; charset=UTF-8';
const CSV_TYPE = 'text/csv; charset=UTF-8; header=absent';
const CSV_NAMES_TYPE = 'text/csv; charset=UTF-8; header=present';
const BINARY_TYPE = 'application/octet-stream';
const TEXT_TYPE = 'text/plain; charset=UTF-8';

/** The formats by name; docs/sql.md lists them. */
export const FORMATS: ReadonlyMap<string, AnswerFormat> = new Map<string, AnswerFormat>([
  ...each(['TabSeparated', 'TSV', 'TabSeparatedRaw', 'TSVRaw', 'Raw'], TSV_TYPE, ROWS),
  ...each(['TabSeparatedWithNames', 'TSVWithNames'], TSV_TYPE, NAMES),
  ...each(['TabSeparatedWithNamesAndTypes', 'TSVWithNamesAndTypes'], TSV_TYPE, NAMES_AND_TYPES),
  ...each(['TSKV'], TEXT_TYPE, ROWS),
  ...each(['CSV'], CSV_TYPE, ROWS),
  ...each(['CSVWithNames'], CSV_NAMES_TYPE, NAMES),
  ...each(['CSVWithNamesAndTypes'], CSV_NAMES_TYPE, NAMES_AND_TYPES),
  ...each(['JSON', 'JSONStrings', 'JSONCompact', 'JSONCompactStrings'], JSON_TYPE, {
    kind: 'json',
  }),
  ...each(['JSONEachRow', 'JSONLines', 'NDJSON', 'JSONStringsEachRow'], JSON_LINES_TYPE, ROWS),
  ...each(['JSONCompactEachRow', 'JSONCompactStringsEachRow'], JSON_LINES_TYPE, ROWS),
  ...each(
    ['JSONCompactEachRowWithNames', 'JSONCompactStringsEachRowWithNames'],
    JSON_LINES_TYPE,
    NAMES,
  ),
  ...each(
    ['JSONCompactEachRowWithNamesAndTypes', 'JSONCompactStringsEachRowWithNamesAndTypes'],
    JSON_LINES_TYPE,
    NAMES_AND_TYPES,
  ),
  ...each(['RowBinary', 'Native'], BINARY_TYPE, ROWS),
  ...each(['RowBinaryWithNames'], BINARY_TYPE, { kind: 'header-binary', lists: 1 }),
  ...each(['RowBinaryWithNamesAndTypes'], BINARY_TYPE, { kind: 'header-binary', lists: 2 }),
  // As ClickHouse itself does it: a table for every block.
  ...each(['Pretty', 'PrettyCompact', 'PrettySpace', 'PrettyNoEscapes'], TEXT_TYPE, ROWS),
  ...each(['Null'], TEXT_TYPE, ROWS),
]);

/** What an answer has when nobody asks for a format, as in ClickHouse. */
export const DEFAULT_FORMAT = 'TabSeparated';

/**
 * The format of this name, undefined when answers cannot have it: those that need a file with a schema
 * or a template, and those whose blocks do not add up to one document (Parquet, Arrow, XML).
 */
export function formatOf(name: string): AnswerFormat | undefined {
  return FORMATS.get(name);
}

function each(
  names: readonly string[],
  contentType: string,
  joining: Joining,
): readonly (readonly [string, AnswerFormat])[] {
  return names.map((name) => [name, { contentType, joining }] as const);
}
