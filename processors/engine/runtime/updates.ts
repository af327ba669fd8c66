import type { Update, Value } from '../../../schemas/panel.ts';
import type { RowsTable, SumsTable } from '../operator/table.ts';
import type { StoredSums } from './task-windows.ts';
import type { Task } from './task.ts';

/** The rows of a task that changed since the last call, as updates; rows of rows tables with their key. */
export function* publishedUpdates(
  task: Task,
  version: () => number,
): Iterable<{ readonly update: Update; readonly key: string | undefined }> {
  for (const sums of task.windows.tables) {
    for (const row of sums.takeUnpublished()) {
      yield { update: sumsUpdate(sums.table, task.name, row, version()), key: undefined };
    }
  }
  for (const { table, key, values } of task.output.takeUnpublishedRows()) {
    yield { update: rowUpdate(table, task.name, values, version()), key };
  }
}

/** The window rows of a task with windows from `sinceMs` on, as updates. */
export function currentUpdates(
  task: Task,
  query: { readonly table: string; readonly sinceMs: number; readonly version: () => number },
): readonly Update[] {
  const current = task.windows.current(query.table, query.sinceMs);
  if (current === undefined) return [];
  return current.rows.map((row) => sumsUpdate(current.table, task.name, row, query.version()));
}

/** A row of a rows table as an update. */
export function rowUpdate(
  table: RowsTable,
  task: string,
  values: readonly Value[],
  version: number,
): Update {
  const row: Record<string, Value> = {};
  table.columns.forEach(({ name }, index) => {
    row[name] = values[index] ?? null;
  });
  return { table: table.name, task, version, row };
}

function sumsUpdate(table: SumsTable, task: string, stored: StoredSums, version: number): Update {
  const row: Record<string, Value> = {
    window_start: stored.windowStartMs,
    corrected_on: stored.correctedOnMs,
  };
  table.dimensions.forEach((name, index) => {
    row[name] = stored.dimensions[index] ?? '';
  });
  table.sums.forEach((name, index) => {
    row[name] = stored.sums[index] ?? 0;
  });
  return { table: table.name, task, version, row };
}
