import type { Update, Value } from '../../../schemas/panel.ts';
import type { FactsTable, RowsTable, SumsTable } from '../operator/table.ts';
import type { StoredSums } from './task-windows.ts';
import type { Task } from './task.ts';

/** A changed row; of a table that is no sums table with its key, of which so many are kept. */
interface PublishedUpdate {
  readonly update: Update;
  readonly key: string | undefined;
  readonly keysMax: number;
}

/** The rows of a task that changed since the last call, as updates. */
export function* publishedUpdates(task: Task, version: () => number): Iterable<PublishedUpdate> {
  for (const sums of task.windows.tables) {
    for (const row of sums.takeUnpublished()) {
      const update = sumsUpdate(sums.table, task.name, row, version());
      yield { update, key: undefined, keysMax: 0 };
    }
  }
  for (const { table, key, values } of task.output.takeUnpublishedRows()) {
    yield {
      update: rowUpdate(table, task.name, values, version()),
      key,
      keysMax: keysMaxOf(table),
    };
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

/** Puts a row in the place of its key's older one; beyond `keysMax` the key that changed longest ago goes. */
export function keepNewest(
  rows: Map<string, Update>,
  {
    key,
    update,
    keysMax,
  }: { readonly key: string; readonly update: Update; readonly keysMax: number },
): void {
  // The order matters where there is a bound alone.
  if (keysMax < Number.POSITIVE_INFINITY) rows.delete(key);
  rows.set(key, update);
  if (rows.size <= keysMax) return;
  const oldest = rows.keys().next();
  if (oldest.done !== true) rows.delete(oldest.value);
}

/** Keys of which viewers see the row; a rows table has as many as there are. */
function keysMaxOf(table: RowsTable | FactsTable): number {
  return table.kind === 'rows' ? Number.POSITIVE_INFINITY : (table.watched?.keysMax ?? 0);
}

/** A row of a rows table, or a fact, as an update. */
export function rowUpdate(
  table: RowsTable | FactsTable,
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
