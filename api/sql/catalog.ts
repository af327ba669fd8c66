import type { SqlPort } from '../../schemas/ports.ts';
import { type Refusal, refusal } from './refusal.ts';

/** What the check of statements knows of the engine. It is the same as long as the process runs. */
export interface Catalog {
  /** Of ClickHouse. */
  readonly version: string;
  /** Every table and view of database `weir`, stored tables included. */
  readonly tables: ReadonlySet<string>;
  /** Every database of the engine. */
  readonly databases: ReadonlySet<string>;
  /** The views that people may read. */
  readonly publicViews: ReadonlySet<string>;
  /** Every ordinary function of the engine, in lower case. */
  readonly functions: ReadonlySet<string>;
}

/**
 * Views that are not public. The audit log is for administrators, who have GET /v1/audit-log. Dead
 * letters hold records as they came, which may be anything.
 */
const PRIVATE_VIEWS = new Set(['audit_log', 'dead_letters']);

/**
 * Tables of ClickHouse's own that clients ask for names and types. The filters below leave in them
 * what is public.
 */
export const SYSTEM_TABLES = new Set([
  'system.columns',
  'system.data_type_families',
  'system.databases',
  'system.functions',
  'system.numbers',
  'system.one',
  'system.settings',
  'system.tables',
]);

/** Whether people may read this table of database `weir`. */
export function isPublic(table: string, { publicViews }: Catalog): boolean {
  return publicViews.has(table);
}

/** Whether database `weir` has this table and people may not read it. */
export function isPrivate(table: string, { tables, publicViews }: Catalog): boolean {
  return tables.has(table) && !publicViews.has(table);
}

/** Settings that keep the names of stored tables and of other databases out of every list. */
export function filterSettings({ publicViews }: Catalog): Readonly<Record<string, string>> {
  const views = [...publicViews].map((view) => `''${view}''`).join(', ');
  const filters = [
    `'system.tables': 'database = ''weir'' AND name IN (${views})'`,
    `'system.columns': 'database = ''weir'' AND table IN (${views})'`,
    `'system.databases': 'name = ''weir'''`,
  ];
  return { additional_table_filters: `{${filters.join(', ')}}` };
}

/** Reads the catalog of the engine. */
export async function readCatalog(sql: SqlPort): Promise<Catalog | Refusal> {
  const tables = await columnsOf(
    sql,
    `SELECT name, engine, version() FROM system.tables WHERE database = 'weir'`,
  );
  const databases = await columnsOf(sql, 'SELECT name FROM system.databases');
  const functions = await columnsOf(
    sql,
    'SELECT lower(name) FROM system.functions WHERE NOT is_aggregate',
  );
  if (!isRows(tables)) return tables;
  if (!isRows(databases)) return databases;
  if (!isRows(functions)) return functions;
  const views = tables
    .filter(([name = '', engine]) => engine === 'View' && !PRIVATE_VIEWS.has(name))
    .map(([name = '']) => name);
  const version = tables[0]?.[2];
  if (version === undefined || functions.length === 0) {
    return refusal('STD_EXCEPTION', 'The engine does not list its tables and functions');
  }
  return {
    version,
    tables: new Set(tables.map(([name = '']) => name)),
    databases: new Set(databases.map(([name = '']) => name)),
    publicViews: new Set(views),
    functions: new Set(functions.map(([name = '']) => name)),
  };
}

type Rows = readonly (readonly string[])[];

async function columnsOf(sql: SqlPort, statement: string): Promise<Rows | Refusal> {
  const answer = await sql.run({ sql: statement, format: 'TSVRaw', inBlocks: false });
  if (answer.kind === 'refused') return answer;
  // Names of tables and functions hold no tabs and no line ends.
  const text = Buffer.concat(answer.blocks).toString().trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => line.split('\t'));
}

function isRows(rows: Rows | Refusal): rows is Rows {
  return Array.isArray(rows);
}
