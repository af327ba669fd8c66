import type { Panel, Update } from '../schemas/panel.ts';
import type { Processor } from './engine/operator/processor.ts';
import type { RowsTable, SumsTable } from './engine/operator/table.ts';
import { rowUpdate } from './engine/runtime/updates.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';

/** Rows of one table that viewers can begin with. */
const ROWS_MAX = 100_000;

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
    if (table.kind === 'facts' || panel === undefined) continue;
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
  const columns = table.columns.map(({ name, type }) =>
    type === 'instant' || type === 'nullable-instant'
      ? `toUnixTimestamp64Milli(${name}) AS ${name}`
      : name,
  );
  const rows = await clickHouse.query(
    `SELECT ${columns.join(', ')} FROM ${clickHouse.database}.${table.name} FINAL ORDER BY version DESC LIMIT ${rowsMax}`,
  );
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
