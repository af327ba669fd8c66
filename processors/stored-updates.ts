import type { Panel, Row, Update } from '../schemas/panel.ts';
import type { Processor } from './engine/operator/processor.ts';
import type { FactsTable, RowsTable, SumsTable } from './engine/operator/table.ts';
import { rowUpdate } from './engine/runtime/updates.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';

/** Rows of one table that viewers can begin with. */
const ROWS_MAX = 100_000;
/** Facts that are looked at for each key that viewers see: some keys have several. */
const FACTS_PER_KEY = 4;

/**
 * What ClickHouse holds of the tables that panels show, as updates: window rows as far back as each
 * panel shows them.
 *
 * @param watermarkMs where the pipeline stands, undefined when nothing has been processed yet
 */
export async function storedUpdates(options: {
  readonly clickHouse: ClickHouse;
  readonly processors: readonly Processor[];
  readonly panels: readonly Panel[];
  readonly watermarkMs: number | null;
}): Promise<readonly Update[]> {
  const { clickHouse, processors, panels, watermarkMs } = options;
  const updates: Update[] = [];
  for (const table of processors.flatMap(({ tables }) => tables)) {
    const panel = panels.find(({ live }) => live.table === table.name);
    if (panel === undefined) continue;
    if (table.kind === 'facts') {
      updates.push(...(await storedFacts(clickHouse, table)));
      continue;
    }
    if (table.kind === 'rows') {
      updates.push(...(await storedRows(clickHouse, table)));
      continue;
    }
    const { retentionMs, windowMs } = panel.live;
    const sinceMs =
      retentionMs === undefined || watermarkMs === null
        ? 0
        : Math.max(0, watermarkMs - retentionMs - (windowMs ?? 0));
    updates.push(...(await storedSums(clickHouse, table, sinceMs)));
  }
  return updates;
}

/** The current rows of a rows table, those that changed longest ago first. */
export async function storedRows(
  clickHouse: ClickHouse,
  table: RowsTable,
  rowsMax = ROWS_MAX,
): Promise<readonly Update[]> {
  const rows = await clickHouse.query(
    `SELECT ${columnsOf(table)} FROM ${clickHouse.database}.${table.name} FINAL ORDER BY version DESC LIMIT ${rowsMax}`,
  );
  return asUpdates(table, rows);
}

/** The newest fact of each key, those that are oldest first; none of a table that nobody watches. */
export async function storedFacts(
  clickHouse: ClickHouse,
  table: FactsTable,
): Promise<readonly Update[]> {
  if (table.watched === undefined) return [];
  const { key, instant, keysMax } = table.watched;
  const newest = `SELECT * FROM ${clickHouse.database}.${table.name} FINAL
    ORDER BY ${instant} DESC LIMIT ${FACTS_PER_KEY * keysMax}`;
  const rows = await clickHouse.query(
    `SELECT ${columnsOf(table)} FROM (SELECT * FROM (${newest}) ORDER BY ${instant} DESC LIMIT 1 BY ${key} LIMIT ${keysMax})`,
  );
  return asUpdates(
    table,
    rows.toSorted((a, b) => Number(b[instant]) - Number(a[instant])),
  );
}

function columnsOf({ columns }: RowsTable | FactsTable): string {
  const selected = columns.map(({ name, type }) =>
    type === 'instant' || type === 'nullable-instant'
      ? `toUnixTimestamp64Milli(${name}) AS ${name}`
      : name,
  );
  return selected.join(', ');
}

/** Rows as ClickHouse has them, newest first, as updates, newest last. */
function asUpdates(table: RowsTable | FactsTable, rows: readonly Row[]): readonly Update[] {
  return rows.toReversed().map((row) => {
    const values = table.columns.map(({ name }) => row[name] ?? null);
    return rowUpdate(table, 'stored', values, 0);
  });
}

/** The window rows of a sums table from `sinceMs` on, each with the task that counted it. */
async function storedSums(
  clickHouse: ClickHouse,
  table: SumsTable,
  sinceMs: number,
): Promise<readonly Update[]> {
  const columns = [...table.dimensions, ...table.sums].join(', ');
  // Named otherwise than the columns: an alias would take the column's place in the condition.
  const rows = await clickHouse.query(
    `SELECT task, ${columns}, toUnixTimestamp64Milli(window_start) AS window_start_ms, ` +
      `toInt64(toUnixTimestamp(toDateTime(corrected_on, 'UTC'))) * 1000 AS corrected_on_ms ` +
      `FROM ${clickHouse.database}.${table.name} FINAL ` +
      `WHERE window_start >= fromUnixTimestamp64Milli({since:Int64}) ORDER BY window_start DESC LIMIT ${ROWS_MAX}`,
    { since: Math.floor(sinceMs) },
  );
  return rows.map(({ task, window_start_ms, corrected_on_ms, ...row }) => ({
    table: table.name,
    task: String(task),
    version: 0,
    row: { ...row, window_start: Number(window_start_ms), corrected_on: Number(corrected_on_ms) },
  }));
}
