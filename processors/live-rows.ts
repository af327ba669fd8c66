import type { Panel, Update } from '../schemas/panel.ts';
import { keepNewest } from './engine/runtime/updates.ts';

/** What one table's rows are told apart by, and how far back they are kept. */
interface Shown {
  readonly key: readonly string[];
  readonly isSums: boolean;
  readonly retentionMs: number | undefined;
  /** Of whole rows, those that changed longest ago go beyond it. */
  readonly rowsMax: number;
  readonly rows: Map<string, Update>;
}

const SEPARATOR = '\u0001';

/** The newest updates by row, of the tables that panels show: what a viewer's page begins with. */
export class LiveRows {
  readonly #tables = new Map<string, Shown>();
  #version = 0;

  constructor(panels: readonly Panel[]) {
    for (const { live } of panels) {
      if (this.#tables.has(live.table)) continue;
      const { key, sums, retentionMs, rowsMax } = live;
      this.#tables.set(live.table, {
        key,
        isSums: sums.length > 0,
        retentionMs,
        rowsMax,
        rows: new Map(),
      });
    }
  }

  /**
   * Takes updates in the order in which they count: a later one of a row replaces an earlier one.
   * Returns them with versions in that order, because a partition's own numbers begin again with
   * every process that takes it over.
   */
  take(updates: readonly Update[]): readonly Update[] {
    return updates.map((update) => {
      this.#version += 1;
      const numbered = { ...update, version: this.#version };
      const table = this.#tables.get(update.table);
      if (table !== undefined) {
        const keysMax = table.isSums ? Number.POSITIVE_INFINITY : table.rowsMax;
        keepNewest(table.rows, { key: identityOf(update, table), update: numbered, keysMax });
      }
      return numbered;
    });
  }

  /** The rows of a table with windows from `sinceMs` on. */
  current(name: string, sinceMs: number): readonly Update[] {
    const table = this.#tables.get(name);
    if (table === undefined) return [];
    const updates = [...table.rows.values()];
    return table.isSums ? updates.filter(({ row }) => startOf(row) >= sinceMs) : updates;
  }

  /** Forgets windows that lie so far behind the watermark that no page shows them. */
  prune(watermarkMs: number): void {
    for (const { isSums, retentionMs, rows } of this.#tables.values()) {
      if (!isSums || retentionMs === undefined) continue;
      for (const [identity, { row }] of rows)
        if (startOf(row) < watermarkMs - 2 * retentionMs) rows.delete(identity);
    }
  }
}

function startOf(row: Update['row']): number {
  return Number(row['window_start'] ?? Infinity);
}

function identityOf({ task, row }: Update, { key, isSums }: Shown): string {
  const values = key.map((name) => row[name]).join(SEPARATOR);
  if (!isSums) return values;
  return [values, task, row['corrected_on']].join(SEPARATOR);
}
