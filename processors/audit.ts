import { readFileSync } from 'node:fs';

import type { Row } from '../schemas/panel.ts';
import type { ProcessorName } from '../schemas/processors.ts';
import type { Audit, Query } from './audited-view.ts';
import { AUDITS } from './audited-views.ts';
import type { Config } from './config.ts';

/** A half-open range of event time, UTC milliseconds. */
export interface AuditRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface AuditResult {
  readonly view: string;
  /** Rows that were compared: those of the view in the range. */
  readonly rows: number;
  /** Rows that differ, at most `DIFFERENCES_MAX`: the key columns, `live` and `recomputed`. */
  readonly differences: readonly Row[];
  /** The processor that makes the view and is off: nothing was compared. Absent where it runs. */
  readonly off?: ProcessorName;
  /** Rows that differ for a reason that is known, not among `differences`; absent where none does. */
  readonly stated?: readonly StatedDifferences[];
}

/** How many rows differ because of a bound, or of a change that the past was not recomputed for. */
export interface StatedDifferences {
  readonly reason: string;
  readonly rows: number;
}

/** Differing rows that a result lists; the first few show what is wrong. */
const DIFFERENCES_MAX = 1_000;

/**
 * Recomputes every audited view in `range` from the raw events, in SQL that shares nothing with the
 * operators, and compares row by row. No differences means that the tables are right. Windows that
 * begin before the range or end after it are compared whole. What a processor that is off has left
 * behind is not compared.
 */
export async function audit(
  query: Query,
  config: Config,
  range: AuditRange,
): Promise<readonly AuditResult[]> {
  const results: AuditResult[] = [];
  for (const each of AUDITS) {
    const { view, processor, windowMs } = each;
    results.push(
      processor === undefined || config.processors.includes(processor)
        ? await auditView(query, config, { audit: each, range: wholeWindows(range, windowMs) })
        : { view, rows: 0, differences: [], off: processor },
    );
  }
  return results;
}

/** The windows that `range` touches: of a part of one the events would make another row. */
function wholeWindows({ fromMs, toMs }: AuditRange, windowMs = 1): AuditRange {
  return {
    fromMs: Math.floor(fromMs / windowMs) * windowMs,
    toMs: Math.ceil(toMs / windowMs) * windowMs,
  };
}

/** The audited views of processors that run that have windows, which close one by one. */
export function windowViews({
  processors,
}: Config): readonly { readonly view: string; readonly windowMs: number }[] {
  return AUDITS.flatMap(({ view, windowMs, processor }) =>
    windowMs === undefined || (processor !== undefined && !processors.includes(processor))
      ? []
      : [{ view, windowMs }],
  );
}

/** Does for one view what `audit` does for all; `range` is whole windows. */
export function auditWindows(
  query: Query,
  config: Config,
  { view, range }: { readonly view: string; readonly range: AuditRange },
): Promise<AuditResult> {
  const found = AUDITS.find((each) => each.view === view);
  if (found === undefined) throw new RangeError(`Expected an audited view, got ${view}`);
  return auditView(query, config, { audit: found, range });
}

async function auditView(
  query: Query,
  config: Config,
  {
    audit: { view, read, key, values, live, isSums, timeColumn, files, stated, parameters },
    range,
  }: { readonly audit: Audit; readonly range: AuditRange },
): Promise<AuditResult> {
  const bound = {
    ...(await parameters(config, query)),
    from: new Date(range.fromMs).toISOString().replace('T', ' ').replace('Z', ''),
    to: new Date(range.toMs).toISOString().replace('T', ' ').replace('Z', ''),
    from_ms: range.fromMs,
    to_ms: range.toMs,
    // What is open at the end of the range is so for both.
    watermark_ms: range.toMs,
  };
  const source = read === undefined ? `weir.${view}` : `(${read})`;
  const inRange =
    timeColumn === undefined
      ? '1'
      : `${timeColumn} >= {from:DateTime64(3, 'UTC')} AND ${timeColumn} < {to:DateTime64(3, 'UTC')}`;
  const isPresent = isSums ? values.map((value) => `${value} != 0`).join(' OR ') : '1';
  const columns = [...key, ...values].join(', ');
  const liveColumns = [...key, ...values]
    .map((name) => `${live?.[name] ?? name} AS ${name}`)
    .join(', ');
  const tuple = `(${values.map((value) => `toString(${value})`).join(', ')})`;
  const keys = key.join(', ');
  const recomputed = textOf(files);
  const differing = `SELECT ${keys}, groupArrayIf(${tuple}, side = 1) AS live, groupArrayIf(${tuple}, side = 0) AS recomputed
     FROM (
       SELECT ${liveColumns}, 1 AS side FROM ${source} WHERE ${inRange}
       UNION ALL
       SELECT ${columns}, 0 AS side FROM (${recomputed})
     )
     WHERE ${isPresent}
     GROUP BY ${keys}
     HAVING live != recomputed`;
  const asked: Asked = { query, differing, keys, bound };
  const found = stated === undefined ? await plainOf(asked) : await statedOf(asked, stated);
  const [count] = await query(
    `SELECT toUInt32(count()) AS rows FROM ${source} WHERE ${inRange}`,
    bound,
  );
  const rows = Number(count?.['rows'] ?? 0);
  return { view, rows, ...found };
}

/** What differs, as a statement with its parameters, and the columns that it is ordered by. */
interface Asked {
  readonly query: Query;
  readonly differing: string;
  readonly keys: string;
  readonly bound: Parameters<Query>[1];
}

type Found = Pick<AuditResult, 'differences' | 'stated'>;

async function plainOf({ query, differing, keys, bound }: Asked): Promise<Found> {
  const sql = `${differing} ORDER BY ${keys} LIMIT ${DIFFERENCES_MAX}`;
  return { differences: await query(sql, bound) };
}

/** Of rows that differ for a reason that is known, how many there are; of the others, which. */
async function statedOf(
  { query, differing, keys, bound }: Asked,
  { by, file }: NonNullable<Audit['stated']>,
): Promise<Found> {
  const found = await query(
    `SELECT * FROM (
       SELECT *, toUInt32(count() OVER (PARTITION BY why)) AS rows,
         row_number() OVER (PARTITION BY why ORDER BY ${keys}) AS place
       FROM (
         SELECT differing.*, stated.why AS why
         FROM (${differing}) AS differing
         LEFT JOIN (${textOf([file])}) AS stated USING (${by.join(', ')})))
     WHERE place <= if(why = '', ${DIFFERENCES_MAX}, 1)
     ORDER BY why, ${keys}`,
    bound,
  );
  const differences = found.flatMap(({ why, rows: _rows, place: _place, ...row }) =>
    why === '' ? [row] : [],
  );
  const stated = found.flatMap(({ why, rows }) =>
    why === '' ? [] : [{ reason: String(why), rows: Number(rows) }],
  );
  return { differences, ...(stated.length > 0 && { stated }) };
}

function textOf(files: readonly URL[]): string {
  return files.map((file) => readFileSync(file, 'utf8')).join('');
}
