import type { Processor } from './engine/operator/processor.ts';
import type { Engine } from './engine/runtime/engine.ts';
import { keyOf } from './engine/runtime/task-output.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { storedFacts, storedRows } from './stored-updates.ts';

/** Rows per table that a restart shows to viewers at once. */
const PRELOADED_ROWS_MAX = 20_000;

/** Viewers begin with the rows that ClickHouse holds; what changes from then on comes from the engine. */
export async function preloadRows(
  engine: Engine,
  clickHouse: ClickHouse,
  processors: readonly Processor[],
): Promise<void> {
  for (const table of processors.flatMap(({ tables }) => tables)) {
    if (table.kind === 'facts' && table.watched !== undefined) {
      const { key, keysMax } = table.watched;
      for (const update of await storedFacts(clickHouse, table)) {
        engine.keepRow(String(update.row[key]), update, keysMax);
      }
    }
    if (table.kind !== 'rows' || table.isStoredOnly === true) continue;
    for (const update of await storedRows(clickHouse, table, PRELOADED_ROWS_MAX)) {
      const values = table.columns.map(({ name }) => update.row[name] ?? null);
      engine.keepRow(keyOf(table, values), update, Number.POSITIVE_INFINITY);
    }
  }
}
