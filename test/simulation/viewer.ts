import type { SumsTable } from '../../processors/engine/operator/table.ts';
import type { Engine } from '../../processors/engine/runtime/engine.ts';
import type { Row, Update } from '../../schemas/panel.ts';
import { SUMS_TABLES } from './oracle.ts';

/**
 * A viewer that begins with the current rows and follows the updates, as the api does. One that stands
 * still gets the newest update of each row when it goes on.
 */
export class Viewer {
  #rows = new Map<string, Update>();
  #waiting: Map<string, Update> | undefined;

  /** Starts over with what the engine holds. */
  begin(engine: Engine): void {
    this.#rows = new Map();
    this.#waiting = undefined;
    for (const { name } of SUMS_TABLES) this.update(engine.current(name, 0));
  }

  get isStalled(): boolean {
    return this.#waiting !== undefined;
  }

  stall(): void {
    this.#waiting ??= new Map();
  }

  goOn(): void {
    for (const [identity, update] of this.#waiting ?? []) this.#rows.set(identity, update);
    this.#waiting = undefined;
  }

  update(updates: readonly Update[]): void {
    const rows = this.#waiting ?? this.#rows;
    for (const update of updates) {
      const table = SUMS_TABLES.find(({ name }) => name === update.table);
      if (table === undefined) continue;
      const identity = [
        update.table,
        update.task,
        update.row['corrected_on'],
        keyOf(table, update.row),
      ].join('/');
      rows.set(identity, update);
    }
  }

  /** The rows added up over tasks and days of correction, those from `sinceMs` on that are not all zero. */
  totals(table: SumsTable, sinceMs: number): Record<string, Record<string, number>> {
    const totals = new Map<string, Record<string, number>>();
    for (const { row } of [...this.#rows.values()].filter(
      (update) => update.table === table.name,
    )) {
      if (Number(row['window_start']) < sinceMs) continue;
      const total = totals.get(keyOf(table, row)) ?? {};
      for (const name of table.sums) total[name] = (total[name] ?? 0) + Number(row[name]);
      totals.set(keyOf(table, row), total);
    }
    return sortedNonZero(totals);
  }
}

/** Window start in seconds and dimensions, as the memory sink writes them. */
function keyOf(table: SumsTable, row: Row): string {
  const seconds = (Number(row['window_start']) / 1_000).toFixed(3);
  return [seconds, ...table.dimensions.map((name) => row[name])].join('|');
}

/** Without the rows that are all zero, in key order. */
export function sortedNonZero(
  totals: Iterable<readonly [string, Record<string, number>]>,
): Record<string, Record<string, number>> {
  return Object.fromEntries(
    [...totals]
      .filter(([, total]) => Object.values(total).some((sum) => sum !== 0))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
