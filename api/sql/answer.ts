import type { SqlPort, SqlRun } from '../../schemas/ports.ts';
import { joinBlocks } from './blocks.ts';
import { type Catalog, filterSettings, isPublic } from './catalog.ts';
import { NOT_A_READ, checkQuery } from './check.ts';
import { formatOf } from './formats.ts';
import { type Refusal, refusal } from './refusal.ts';
import { type SqlRequest, formatRefusal } from './request.ts';
import { wordsRefusal } from './statement.ts';
import { parseSyntaxTree } from './syntax-tree.ts';

/** The rows of a statement in the form in which they are sent. */
export interface Result {
  readonly kind: 'result';
  readonly pieces: readonly Uint8Array[];
  readonly format: string;
  readonly contentType: string;
  readonly rowCount: number;
  readonly durationMs: number;
}

/**
 * What the engine's formatter makes of a statement. Only this text is looked at and run, never the one
 * that came: it is one statement, without comments, in one way of writing. The formatter must find
 * nothing to change in it.
 */
const NORMALISE = `SELECT formatQuerySingleLine({statement:String}) AS once, formatQuerySingleLine(once)`;

/** Checks a statement, runs it and gives its answer. */
export async function answerOf(
  request: SqlRequest,
  sql: SqlPort,
  catalog: Catalog,
  signal: AbortSignal,
): Promise<Result | Refusal> {
  const statement = await normalised(request.statement, sql, signal);
  if (typeof statement !== 'string') return statement;
  const run = await checked(statement, request, { sql, catalog, signal });
  if ('kind' in run) return run;
  const answer = await sql.run(run, signal);
  if (answer.kind === 'refused') return answer;
  const format = formatOf(run.format);
  if (format === undefined) return refusal('UNKNOWN_FORMAT', `Format ${run.format} is not known`);
  return {
    kind: 'result',
    pieces: run.inBlocks ? joinBlocks(answer.blocks, format.joining) : answer.blocks,
    format: run.format,
    contentType: format.contentType,
    rowCount: answer.rowCount,
    durationMs: answer.durationMs,
  };
}

/** The statement as the engine's own parser understands it: as a value it runs nothing. */
async function normalised(
  statement: string,
  sql: SqlPort,
  signal: AbortSignal,
): Promise<string | Refusal> {
  const answer = await sql.run(
    {
      sql: NORMALISE,
      format: 'JSONCompactEachRow',
      inBlocks: false,
      parameters: { statement: escaped(statement) },
    },
    signal,
  );
  if (answer.kind === 'refused') {
    // The engine repeats the statement that was run, which is ours.
    return {
      ...answer,
      message: answer.message.replace(/: In scope SELECT [^]*(?= \([A-Z_]+\))/, ''),
    };
  }
  const [once, twice] = textsOf(Buffer.concat(answer.blocks).toString());
  if (once !== undefined && once === twice) return once;
  return refusal('SYNTAX_ERROR', 'The statement is written in a way that has two meanings');
}

/** What to run, or why nothing is run. */
async function checked(
  statement: string,
  request: SqlRequest,
  engine: { readonly sql: SqlPort; readonly catalog: Catalog; readonly signal: AbortSignal },
): Promise<SqlRun | Refusal> {
  const { sql, catalog, signal } = engine;
  const { parameters } = request;
  const settings = {
    // Instants are UTC everywhere in Weir.
    session_timezone: 'UTC',
    ...request.settings,
    ...filterSettings(catalog),
  };
  const metadata = metadataRun(statement, catalog);
  if (metadata !== undefined) {
    if ('kind' in metadata) return metadata;
    const format = metadata.format ?? request.format;
    return formatRefusal(format) ?? { sql: metadata.sql, format, inBlocks: false, settings };
  }
  if (!/^(SELECT|WITH|\() ?/.test(statement)) return NOT_A_READ;
  const wrongWord = wordsRefusal(statement, catalog);
  if (wrongWord !== undefined) return wrongWord;
  // Without the settings of the request, whose limits are for its own rows.
  const tree = await sql.run(
    { sql: `EXPLAIN AST ${statement}`, format: 'TSVRaw', inBlocks: false, parameters },
    signal,
  );
  if (tree.kind === 'refused') return tree;
  const root = parseSyntaxTree(Buffer.concat(tree.blocks).toString());
  if (root === undefined)
    return refusal('SYNTAX_ERROR', 'The statement has no readable syntax tree');
  const verdict = checkQuery(root, catalog);
  if (verdict.kind === 'refused') return verdict;
  const format = verdict.format ?? request.format;
  return { sql: statement, format, inBlocks: true, parameters, settings };
}

const TABLE = String.raw`(?:(?<database>\w+)\.)?(?<table>\w+)`;
const END = String.raw`(?: FORMAT (?<format>\w+))?$`;
const LIKE = String.raw`(?: (?:NOT )?I?LIKE '(?:[^'\\]|\\.)*')?(?: LIMIT \d+)?`;

/** SHOW TABLES and SHOW DATABASES run as they are: the filters of the session apply to them. */
const SHOW = new RegExp(`^SHOW (?:TABLES(?: FROM weir)?|DATABASES)${LIKE}${END}`, 's');
const DESCRIBE = new RegExp(`^DESCRIBE TABLE ${TABLE}${END}`);
const EXISTS = new RegExp(`^EXISTS (?:TABLE|VIEW) ${TABLE}${END}`);

interface MetadataRun {
  readonly sql: string;
  readonly format: string | undefined;
}

/** What to run for a statement about tables; undefined when it is none of those that are served. */
function metadataRun(statement: string, catalog: Catalog): MetadataRun | Refusal | undefined {
  const show = SHOW.exec(statement);
  if (show !== null) return { sql: statement, format: show.groups?.['format'] };
  const named = DESCRIBE.exec(statement) ?? EXISTS.exec(statement);
  if (named === null) return undefined;
  const { database = 'weir', table = '', format } = named.groups ?? {};
  const isVisible = database === 'weir' && isPublic(table, catalog);
  if (statement.startsWith('EXISTS')) {
    return { sql: `SELECT toUInt8(${isVisible ? 1 : 0}) AS result`, format };
  }
  if (isVisible) return { sql: statement, format };
  return refusal('ACCESS_DENIED', `Not enough privileges for table ${database}.${table}`);
}

/** A text in the escapes of tab-separated values, as parameters are sent. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', String.raw`\t`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`);
}

/** The texts of a line of JSONCompactEachRow. */
function textsOf(line: string): readonly string[] {
  const row: unknown = JSON.parse(line);
  return Array.isArray(row)
    ? row.filter((value): value is string => typeof value === 'string')
    : [];
}
