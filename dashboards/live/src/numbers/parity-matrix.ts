import type { ParityRow } from '../live/rows.ts';

/** One line of the matrix: a SKU and its cells in the order of the channels. */
export interface ParityLine {
  readonly sku: string;
  readonly cells: readonly (ParityRow | undefined)[];
}

/** The matrix SKU × channel, those out of parity first. */
export interface ParityMatrix {
  readonly channels: readonly string[];
  readonly lines: readonly ParityLine[];
  /** Cells by status. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Worst first; a cell that waits for its dwell comes before one at parity. */
const WEIGHT_OF_STATUS: ReadonlyMap<string, number> = new Map([
  ['UNDER', 1_000_000],
  ['OVER', 1_000],
  ['STALE', 10],
]);

/** Lays the rows out: the SKUs with the most and the worst cells first, then by name. */
export function parityMatrix(rows: Iterable<ParityRow>): ParityMatrix {
  const channels = new Set<string>();
  const counts = new Map<string, number>();
  const bySku = new Map<string, Map<string, ParityRow>>();
  for (const row of rows) {
    channels.add(row.channel);
    counts.set(row.status, (counts.get(row.status) ?? 0) + 1);
    const cells = bySku.get(row.sku);
    if (cells === undefined) bySku.set(row.sku, new Map([[row.channel, row]]));
    else cells.set(row.channel, row);
  }
  const order = [...channels].toSorted();
  const lines = [...bySku].map(([sku, cells]) => ({
    sku,
    cells: order.map((channel) => cells.get(channel)),
  }));
  lines.sort((a, b) => weightOf(b) - weightOf(a) || (a.sku < b.sku ? -1 : 1));
  return { channels: order, lines, counts };
}

/** Whether a cell needs somebody, or will. */
export function isTroubled(row: ParityRow | undefined): boolean {
  return row !== undefined && (WEIGHT_OF_STATUS.has(row.status) || isPending(row));
}

/** Whether a cell is out of parity and its dwell is not over yet. */
export function isPending(row: ParityRow): boolean {
  return row.status === 'PARITY' && row.cause !== '' && row.cause !== 'fx_in_band';
}

/** Why a cell is where it is, in words; empty at parity. */
export function causeInWords(row: ParityRow): string {
  if (row.status === 'UNKNOWN') return 'nothing to compare with';
  if (row.status === 'STALE') return 'no price for too long';
  const cause = CAUSES.get(row.cause) ?? '';
  return isPending(row) ? `${cause}, not long enough to count` : cause;
}

const CAUSES: ReadonlyMap<string, string> = new Map([
  ['price', 'its price changed'],
  ['reference', 'the reference price changed'],
  ['fx', 'the exchange rate moved'],
  ['fx_in_band', 'the exchange rate moved within its band'],
]);

function weightOf({ cells }: ParityLine): number {
  let weight = 0;
  for (const cell of cells) {
    if (cell === undefined) continue;
    weight += WEIGHT_OF_STATUS.get(cell.status) ?? (isPending(cell) ? 1 : 0);
  }
  return weight;
}
