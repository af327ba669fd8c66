import { EngineError, assert } from '../schemas/errors.ts';
import type { Panel, Row, Value } from '../schemas/panel.ts';
import type { EnginePort, QueryParameter } from '../schemas/ports.ts';
import type { Position } from './cursor.ts';

/** The database that holds every public view. */
const DATABASE = 'weir';

/** Names that may stand in a statement without quoting; panels hold nothing else. */
const IDENTIFIER = /^[a-z_][a-z0-9_]*$/;

/** How a column of a view is read: ClickHouse's type without `Nullable` and `LowCardinality`. */
interface ViewColumn {
  readonly type: string;
  readonly isInstant: boolean;
  readonly isText: boolean;
  readonly isNumber: boolean;
}

export type ViewColumns = ReadonlyMap<string, ViewColumn>;

/** Which rows are wanted, all of it checked by the caller against the panel. */
export interface Selection {
  readonly view: string;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** Column → values, any of which will do. */
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly isDescending: boolean;
  readonly limit: number;
  /** The page starts behind this row. */
  readonly after: Position | undefined;
}

export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, QueryParameter>>;
}

/** Learns the columns of the views from ClickHouse, once for each. */
export class ViewCatalogue {
  readonly #engine: EnginePort;
  readonly #columns = new Map<string, ViewColumns>();

  constructor(engine: EnginePort) {
    this.#engine = engine;
  }

  /** @throws {EngineError} CLICKHOUSE_REFUSED when there is no such view */
  async columnsOf(view: string): Promise<ViewColumns> {
    const known = this.#columns.get(view);
    if (known !== undefined) return known;
    const rows = await this.#engine.query(
      'SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String}',
      { database: DATABASE, table: bareName(view) },
    );
    if (rows.length === 0) {
      throw new EngineError({
        code: 'CLICKHOUSE_REFUSED',
        kind: 'fatal',
        message: `Expected the view ${DATABASE}.${bareName(view)}, found none`,
      });
    }
    const columns = new Map(
      rows.map((row) => [String(row['name']), viewColumn(String(row['type']))] as const),
    );
    this.#columns.set(view, columns);
    return columns;
  }
}

/** Builds the statement of one page: names from the panel, values only as bound parameters. */
export function pageStatement(panel: Panel, columns: ViewColumns, selection: Selection): Statement {
  const { query } = panel;
  const parameters: Record<string, QueryParameter> = {};
  const conditions: string[] = [];
  if (query.timeColumn !== undefined) {
    const time = source(query.timeColumn);
    if (selection.fromMs !== undefined) {
      parameters['from'] = selection.fromMs;
      conditions.push(`${time} >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')`);
    }
    if (selection.toMs !== undefined) {
      parameters['to'] = selection.toMs;
      conditions.push(`${time} < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`);
    }
  }
  for (const [index, [column, values]] of [...selection.filters].entries()) {
    const name = `filter_${index}`;
    parameters[name] = values;
    const text = columnOf(columns, column).isText ? source(column) : `toString(${source(column)})`;
    conditions.push(`has({${name}:Array(String)}, ${text})`);
  }
  if (selection.after !== undefined) {
    const names: string[] = [];
    for (const [index, value] of selection.after.entries()) {
      const column = query.orderBy[index];
      assert(column !== undefined, 'a page position has as many values as the order has columns');
      parameters[`after_${index}`] = value;
      names.push(boundValue(`after_${index}`, columnOf(columns, column)));
    }
    const order = query.orderBy.map(source).join(', ');
    conditions.push(`(${order}) ${selection.isDescending ? '<' : '>'} (${names.join(', ')})`);
  }
  const names = new Set([...query.columns, ...query.orderBy]);
  const selected = [...names].map((column) => selectedColumn(column, columnOf(columns, column)));
  const direction = selection.isDescending ? 'DESC' : 'ASC';
  parameters['limit'] = selection.limit;
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const sql =
    `SELECT ${selected.join(', ')} FROM ${DATABASE}.${bareName(selection.view)} AS source${where}` +
    ` ORDER BY ${query.orderBy.map((column) => `${source(column)} ${direction}`).join(', ')}` +
    ' LIMIT {limit:UInt32}';
  return { sql, parameters };
}

/** The columns `names` of a stored row as they are sent: 64-bit numbers that came as text are numbers again. */
export function publicRow(names: readonly string[], columns: ViewColumns, row: Row): Row {
  const shown: Record<string, Value> = {};
  for (const name of names) shown[name] = publicValue(columnOf(columns, name), row[name] ?? null);
  return shown;
}

/** A page's end: the order columns of its last stored row, as they are bound again. */
export function positionOf(panel: Panel, columns: ViewColumns, row: Row): Position {
  return panel.query.orderBy.map(
    (name) => publicValue(columnOf(columns, name), row[name] ?? null) ?? '',
  );
}

function publicValue(column: ViewColumn, value: Value): Value {
  const isNumberAsText = typeof value === 'string' && (column.isNumber || column.isInstant);
  return isNumberAsText ? Number(value) : value;
}

/**
 * Qualified, because ClickHouse would otherwise read the alias of a selected expression where the
 * column is meant.
 */
function source(column: string): string {
  return `source.${identifier(column)}`;
}

function selectedColumn(name: string, column: ViewColumn): string {
  const value = column.isInstant ? `toUnixTimestamp64Milli(${source(name)})` : source(name);
  return `${value} AS ${identifier(name)}`;
}

function boundValue(parameter: string, column: ViewColumn): string {
  if (column.isInstant) return `fromUnixTimestamp64Milli({${parameter}:Int64}, 'UTC')`;
  return `{${parameter}:${column.isText ? 'String' : column.type}}`;
}

function columnOf(columns: ViewColumns, name: string): ViewColumn {
  const column = columns.get(name);
  if (column !== undefined) return column;
  throw new EngineError({
    code: 'CLICKHOUSE_REFUSED',
    kind: 'fatal',
    message: `Expected a column ${name} in a view of ${DATABASE}, found none`,
  });
}

function viewColumn(declared: string): ViewColumn {
  const type = declared.replaceAll(/(?:Nullable|LowCardinality)\(((?:[^()]|\([^()]*\))*)\)/g, '$1');
  const bare =
    type.startsWith('LowCardinality') || type.startsWith('Nullable') ? viewColumn(type).type : type;
  return {
    type: bare,
    isInstant: bare.startsWith('DateTime64'),
    isText: bare === 'String' || bare.startsWith('FixedString'),
    isNumber: /^(?:U?Int|Float|Decimal)/.test(bare),
  };
}

function bareName(view: string): string {
  return identifier(view.startsWith(`${DATABASE}.`) ? view.slice(DATABASE.length + 1) : view);
}

function identifier(name: string): string {
  assert(IDENTIFIER.test(name), `a panel names columns and views in lower case, not ${name}`);
  return name;
}
