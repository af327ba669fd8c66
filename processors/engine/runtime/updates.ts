import { unpack } from 'msgpackr';
import { erase } from '../../../schemas/brand.ts';
import type { Update, Value } from '../../../schemas/panel.ts';
import type { RowsTable, SumsTable } from '../operator/table.ts';
import { rowKey } from '../operator/window-sums.ts';
import { endOfPrefix, type Store } from '../state/store.ts';
import type { StoredSums, Task } from './task.ts';

/** The rows of a task that changed since the last call, as updates; rows of rows tables with their key. */
export function* publishedUpdates(
  task: Task,
  version: () => number,
): Iterable<{ readonly update: Update; readonly key: string | undefined }> {
  for (const sums of task.sums) {
    for (const row of sums.takeUnpublished()) {
      yield { update: sumsUpdate(sums.table, task.name, row, version()), key: undefined };
    }
  }
  for (const { table, key, values } of task.output.takeUnpublishedRows()) {
    yield { update: rowUpdate(table, task.name, values, version()), key };
  }
}

/** The window rows of a task with windows from `sinceMs` on: the stored ones, and over them those in memory. */
export function currentSums(options: {
  readonly task: Task;
  readonly store: Store;
  readonly table: string;
  readonly sinceMs: number;
  readonly version: () => number;
}): readonly Update[] {
  const { task, store, sinceMs, version } = options;
  const sums = task.sums.find(({ table }) => table.name === options.table);
  if (sums === undefined) return [];
  const prefix = `w/${task.name}/${sums.table.name}/`;
  const rows = new Map<string, StoredSums>();
  const start = prefix + rowKey(Math.max(0, Math.floor(sinceMs)), 0, []);
  for (const { key, value } of store.range({ start, end: endOfPrefix(prefix) })) {
    // Written by the checkpoint and verified by the store's checksum.
    rows.set(key.slice(prefix.length), erase<StoredSums>(unpack(value)));
  }
  for (const row of sums.cached()) if (row.windowStartMs >= sinceMs) rows.set(row.key, row);
  return [...rows.values()].map((row) => sumsUpdate(sums.table, task.name, row, version()));
}

/** A row of a rows table as an update. */
export function rowUpdate(table: RowsTable, task: string, values: readonly Value[], version: number): Update {
  const row: Record<string, Value> = {};
  table.columns.forEach(({ name }, index) => {
    row[name] = values[index] ?? null;
  });
  return { table: table.name, task, version, row };
}

function sumsUpdate(table: SumsTable, task: string, stored: StoredSums, version: number): Update {
  const row: Record<string, Value> = { window_start: stored.windowStartMs, corrected_on: stored.correctedOnMs };
  table.dimensions.forEach((name, index) => {
    row[name] = stored.dimensions[index] ?? '';
  });
  table.sums.forEach((name, index) => {
    row[name] = stored.sums[index] ?? 0;
  });
  return { table: table.name, task, version, row };
}
