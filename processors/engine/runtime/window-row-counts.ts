import type { SumsRow } from '../operator/window-sums.ts';

/** How settled the window of a row was when the row was written. */
const ROW_STATES = ['provisional', 'matured', 'final'] as const;
type RowState = (typeof ROW_STATES)[number];

/** How many rows of a table were written in one state. */
export interface WindowRowCount {
  readonly table: string;
  readonly state: RowState;
  readonly rows: number;
}

/**
 * Counts window rows by table and by the state of their window: those that are not provisional are
 * corrections.
 */
export class WindowRowCounts {
  readonly #counts = new Map<string, Record<RowState, number>>();

  add({ table, windowStartMs, correctedOnMs }: SumsRow, watermarkMs: number): void {
    let counts = this.#counts.get(table.name);
    if (counts === undefined) {
      counts = { provisional: 0, matured: 0, final: 0 };
      this.#counts.set(table.name, counts);
    }
    if (correctedOnMs > 0) counts.final += 1;
    else if (windowStartMs + table.windowMs <= watermarkMs) counts.matured += 1;
    else counts.provisional += 1;
  }

  /** What was counted, without the zeros. */
  list(): readonly WindowRowCount[] {
    return [...this.#counts].flatMap(([table, counts]) =>
      ROW_STATES.map((state) => ({ table, state, rows: counts[state] })).filter(
        ({ rows }) => rows > 0,
      ),
    );
  }
}
