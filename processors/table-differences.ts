import type { Row, Value } from '../schemas/panel.ts';
import type { QueryParameter } from '../schemas/ports.ts';
import type { Column, FactsTable, RowsTable, SumsTable, Table } from './engine/operator/table.ts';

/** What two databases hold of one table. */
export interface TableDifference {
  /** Name of the public view, or of the stored table where there is none of its own. */
  readonly table: string;
  readonly rows: { readonly live: number; readonly sandbox: number };
  readonly only_live: number;
  readonly only_sandbox: number;
  /** Rows that both have, with other values. */
  readonly differing: number;
  /** Totals of the numeric columns over the rows compared; empty for raw events. */
  readonly sums: Readonly<Record<string, { readonly live: number; readonly sandbox: number }>>;
  /** Some of the rows that differ, in the order of their key; none for raw events. */
  readonly examples: readonly DifferingRow[];
}

/** A row that differs; null on the side that has none. */
export interface DifferingRow {
  readonly key: Row;
  readonly live: Row | null;
  readonly sandbox: Row | null;
}

/** What is compared: rows of [fromMs, toMs) in event time, where a table has one. */
export interface Comparison {
  readonly live: string;
  readonly sandbox: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Runs one read over everything that is compared. */
export type CompareQuery = (
  sql: string,
  parameters: Readonly<Record<string, QueryParameter>>,
) => Promise<readonly Row[]>;

/** Differing rows that a result shows per table. */
const EXAMPLES_MAX = 20;

/** Columns that say when or how an event was taken, not what it says. */
const PROCESSING_COLUMNS = new Set(['appended_at', 'watermark', 'ingested_at']);

/** The column by which a table of current rows has an event time. */
const OPENED_AT = 'opened_at';
/** The column of rows that a late event has withdrawn: views hide them, as if they had never been. */
const WITHDRAWN = 'withdrawn';

/** A table as keys and values, whatever its kind. */
interface Relation {
  readonly keys: readonly string[];
  readonly values: readonly Column[];
  /** The rows of one database as `k0, k1, …, v0, v1, …`. */
  readonly select: (database: string) => string;
}

/** Compares one table of two databases, row by row, in ClickHouse. */
export async function tableDifference(
  query: CompareQuery,
  table: Table,
  comparison: Comparison,
): Promise<TableDifference> {
  const name = table.name.replace(/_(rows|log)$/, '');
  const parameters = { from: Math.max(comparison.fromMs, 0), to: comparison.toMs };
  if (table.kind === 'facts') {
    const [totals = {}] = await query(factsSql(table, comparison), parameters);
    return { table: name, ...countsOf(totals), sums: {}, examples: [] };
  }
  const relation = table.kind === 'sums' ? sumsRelation(table) : rowsRelation(table);
  const joined = joinedSql(relation, comparison);
  const [totals = {}] = await query(totalsSql(relation, joined), parameters);
  const counts = countsOf(totals);
  const isSame = counts.only_live + counts.only_sandbox + counts.differing === 0;
  const examples = isSame ? [] : await query(examplesSql(relation, joined), parameters);
  return {
    table: name,
    ...counts,
    sums: sumsOf(relation, totals),
    examples: examples.map((row) => exampleOf(relation, row)),
  };
}

function countsOf(
  totals: Row,
): Pick<TableDifference, 'rows' | 'only_live' | 'only_sandbox' | 'differing'> {
  return {
    rows: { live: Number(totals['live']), sandbox: Number(totals['sandbox']) },
    only_live: Number(totals['only_live']),
    only_sandbox: Number(totals['only_sandbox']),
    differing: Number(totals['differing']),
  };
}

function sumsOf({ values }: Relation, totals: Row): TableDifference['sums'] {
  const sums: Record<string, { live: number; sandbox: number }> = {};
  values.forEach(({ name, type }, index) => {
    if (!isNumeric(type)) return;
    const live = Number(totals[`live_total_${index}`]);
    sums[name] = { live, sandbox: Number(totals[`sandbox_total_${index}`]) };
  });
  return sums;
}

/** The windows, added up over tasks and days of correction; a window of zeros is the same as none. */
function sumsRelation(table: SumsTable): Relation {
  const keys = ['window_start', ...table.dimensions];
  const selected = [
    ...keys.map((name, index) => `${name} AS k${index}`),
    ...table.sums.map((name, index) => `sum(${name}) AS v${index}`),
  ];
  return {
    keys,
    values: table.sums.map((name) => ({ name, type: 'integer' })),
    select: (database) =>
      `SELECT ${selected.join(', ')} FROM ${database}.${table.name} FINAL
       WHERE ${within('window_start')}
       GROUP BY ${keys.join(', ')}
       HAVING ${table.sums.map((_, index) => `v${index} != 0`).join(' OR ')}`,
  };
}

function rowsRelation(table: RowsTable): Relation {
  const names = new Set(table.columns.map(({ name }) => name));
  const values = table.columns.filter(
    ({ name }) => !table.key.includes(name) && name !== WITHDRAWN,
  );
  const selected = [
    ...table.key.map((name, index) => `${name} AS k${index}`),
    ...values.map(({ name }, index) => `${name} AS v${index}`),
  ];
  const conditions = [
    ...(names.has(WITHDRAWN) ? [`NOT ${WITHDRAWN}`] : []),
    ...(names.has(OPENED_AT) ? [within(OPENED_AT)] : []),
    '1',
  ];
  return {
    keys: table.key,
    values,
    select: (database) =>
      `SELECT ${selected.join(', ')} FROM ${database}.${table.name} FINAL WHERE ${conditions.join(' AND ')}`,
  };
}

/**
 * Events by what they say and how many say so: a recomputation may have them at other offsets of an
 * internal topic. By a hash, because the text of every event of a fortnight does not fit in memory.
 */
function factsSql({ name, columns }: FactsTable, { live, sandbox }: Comparison): string {
  const said = columns
    .filter((column) => !PROCESSING_COLUMNS.has(column.name))
    .map((column) => `ifNull(toString(\`${column.name}\`), '\\\\N')`)
    .join(', ');
  const hasEventTime = columns.some((column) => column.name === 'occurred_at');
  const select = (database: string): string =>
    `SELECT cityHash64(topic, ${said}) AS hash FROM ${database}.${name} FINAL
     WHERE ${within(hasEventTime ? 'occurred_at' : 'appended_at')}`;
  return `SELECT
      sum(of_live) AS live,
      sum(of_sandbox) AS sandbox,
      sum(of_live - least(of_live, of_sandbox)) AS only_live,
      sum(of_sandbox - least(of_live, of_sandbox)) AS only_sandbox,
      0 AS differing
    FROM (
      SELECT countIf(side = 1) AS of_live, countIf(side = 0) AS of_sandbox
      FROM (SELECT *, 1 AS side FROM (${select(live)}) UNION ALL SELECT *, 0 AS side FROM (${select(sandbox)}))
      GROUP BY hash
    )`;
}

/** One row per key of either side. */
function joinedSql({ keys, values, select }: Relation, { live, sandbox }: Comparison): string {
  const columns = [
    ...keys.map((_, index) => `k${index}`),
    'countIf(side = 1) > 0 AS in_live',
    'countIf(side = 0) > 0 AS in_sandbox',
    ...values.flatMap((_, index) => [
      `anyIf(v${index}, side = 1) AS live_${index}`,
      `anyIf(v${index}, side = 0) AS sandbox_${index}`,
    ]),
  ];
  return `SELECT ${columns.join(', ')}
    FROM (
      SELECT *, 1 AS side FROM (${select(live)})
      UNION ALL
      SELECT *, 0 AS side FROM (${select(sandbox)})
    )
    GROUP BY ${keys.map((_, index) => `k${index}`).join(', ')}`;
}

function totalsSql({ values }: Relation, joined: string): string {
  const columns = [
    'countIf(in_live) AS live',
    'countIf(in_sandbox) AS sandbox',
    'countIf(in_live AND NOT in_sandbox) AS only_live',
    'countIf(in_sandbox AND NOT in_live) AS only_sandbox',
    `countIf(in_live AND in_sandbox AND (${differs(values)})) AS differing`,
    ...values.flatMap(({ type }, index) =>
      isNumeric(type)
        ? [
            `ifNull(sumIf(live_${index}, in_live), 0) AS live_total_${index}`,
            `ifNull(sumIf(sandbox_${index}, in_sandbox), 0) AS sandbox_total_${index}`,
          ]
        : [],
    ),
  ];
  return `SELECT ${columns.join(', ')} FROM (${joined})`;
}

function examplesSql({ keys, values }: Relation, joined: string): string {
  return `SELECT * FROM (${joined})
    WHERE in_live != in_sandbox OR ${differs(values)}
    ORDER BY ${keys.map((_, index) => `k${index}`).join(', ')}
    LIMIT ${EXAMPLES_MAX}`;
}

/** As text, because nothing equals NULL, not even NULL. */
function differs(values: readonly Column[]): string {
  const text = (side: string, index: number): string =>
    `ifNull(toString(${side}_${index}), '\\\\N')`;
  return values
    .map((_, index) => `${text('live', index)} != ${text('sandbox', index)}`)
    .join(' OR ');
}

function within(column: string): string {
  return `${column} >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;
}

function exampleOf({ keys, values }: Relation, row: Row): DifferingRow {
  const side = (name: 'live' | 'sandbox'): Row | null =>
    isTrue(row[`in_${name}`])
      ? Object.fromEntries(
          values.map((column, index) => [column.name, row[`${name}_${index}`] ?? null]),
        )
      : null;
  return {
    key: Object.fromEntries(keys.map((name, index) => [name, row[`k${index}`] ?? null])),
    live: side('live'),
    sandbox: side('sandbox'),
  };
}

function isTrue(value: Value | undefined): boolean {
  return value === true || value === 1;
}

function isNumeric(type: Column['type']): boolean {
  return type.endsWith('integer') || type.endsWith('double');
}
