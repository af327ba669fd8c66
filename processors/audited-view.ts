import type { AlertKind } from '../schemas/alert.ts';
import type { Row } from '../schemas/panel.ts';
import type { QueryParameter } from '../schemas/ports.ts';
import type { ProcessorName } from '../schemas/processors.ts';
import type { Config } from './config.ts';

/** Runs a read with bound parameters. */
export type Query = (
  sql: string,
  parameters: Readonly<Record<string, QueryParameter>>,
) => Promise<readonly Row[]>;

/** One view, or one read that answers are made of, and the SQL that recomputes it from the raw events alone. */
export interface Audit {
  readonly view: string;
  /** Whose numbers they are: nothing is compared while it is off. Undefined for reads of raw events. */
  readonly processor?: ProcessorName;
  /** The read; undefined where it is the view of that name. */
  readonly read?: string;
  /** Columns that identify a row, and columns that must agree. */
  readonly key: readonly string[];
  readonly values: readonly string[];
  /** How a value that is no column of the view follows from its columns, by name. */
  readonly live?: Readonly<Record<string, string>>;
  /** The values are sums: a row of zeros is the same as none. */
  readonly isSums: boolean;
  /** The column that the range applies to; undefined for current rows. */
  readonly timeColumn: string | undefined;
  /** Length of its windows; undefined for current rows. */
  readonly windowMs: number | undefined;
  /** The query, in pieces: views that follow from the same thing share how it begins. */
  readonly files: readonly URL[];
  /** Which rows may differ for a reason that can be named: by columns of the key, the query that says `why`. */
  readonly stated?: { readonly by: readonly string[]; readonly file: URL };
  /** What its parameters are; `query` is for what must be looked up first. */
  readonly parameters: (config: Config, query: Query) => AuditParameters | Promise<AuditParameters>;
}

/** What the SQL of an audit is told. */
export type AuditParameters = Readonly<Record<string, QueryParameter>>;

/** How far time has come, in SQL. */
export const WATERMARK = '(SELECT max(watermark) FROM weir.progress)';

/** What audits of current rows have in common. */
export const CURRENT_ROWS = { isSums: false, timeColumn: undefined, windowMs: undefined } as const;

/**
 * When incidents of one kind opened and resolved, or that they are open.
 *
 * @param options.until where time alone moves them: a partition may be ahead of the watermark of its node
 * @param options.told what else must agree, of the columns of an alert
 */
export function incidentAudit(
  kind: AlertKind,
  key: readonly string[],
  {
    until = "toDateTime('2100-01-01')",
    told,
  }: { readonly until?: string; readonly told?: string } = {},
) {
  const resolved = `if(resolved_at <= ${until}, toString(assumeNotNull(resolved_at)), 'open')`;
  const columns = [...key, `${resolved} AS resolved`];
  if (told !== undefined) columns.push(`${told} AS told`);
  const where = `kind = '${kind}' AND opened_at <= ${until}`;
  const read = `SELECT ${columns.join(', ')} FROM weir.alerts WHERE ${where}`;
  const values = told === undefined ? ['resolved'] : ['resolved', 'told'];
  return { view: `alerts (${kind})`, read, key, values, ...CURRENT_ROWS };
}
