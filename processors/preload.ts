import type { Update } from '../schemas/panel.ts';
import type { Processor } from './engine/operator/processor.ts';
import type { RowsTable } from './engine/operator/table.ts';
import type { Engine } from './engine/runtime/engine.ts';
import { keyOf } from './engine/runtime/task-output.ts';
import { rowUpdate } from './engine/runtime/updates.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';

/** Rows per table that a restart shows to viewers at once. */
const PRELOADED_ROWS_MAX = 20_000;

/** Viewers begin with the rows that ClickHouse holds; what changes from then on comes from the engine. */
export async function preloadRows(
  engine: Engine,
  clickHouse: ClickHouse,
  processors: readonly Processor[],
): Promise<void> {
  for (const table of processors.flatMap(({ tables }) => tables)) {
    if (table.kind !== 'rows' || table.isStoredOnly === true) continue;
    const rows = await clickHouse.query(
      `SELECT ${selectList(table)} FROM weir.${table.name} FINAL ORDER BY version DESC LIMIT ${PRELOADED_ROWS_MAX}`,
    );
    for (const row of rows.toReversed()) {
      const values = table.columns.map(({ name }) => row[name] ?? null);
      const update: Update = rowUpdate(table, 'stored', values, 0);
      engine.keepRow(keyOf(table, values), update);
    }
  }
}

function selectList(table: RowsTable): string {
  return table.columns
    .map(({ name, type }) =>
      type === 'instant' || type === 'nullable-instant'
        ? `toUnixTimestamp64Milli(${name}) AS ${name}`
        : name,
    )
    .join(', ');
}
