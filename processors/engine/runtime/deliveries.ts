import type { FactsTable, RowsTable, SumsTable, Value } from '../operator/table.ts';
import type { SumsRow } from '../operator/window-sums.ts';
import { Lines } from '../sink/lines.ts';
import type { Write } from '../state/store.ts';
import { type NewDelivery, insertDelivery } from './delivery.ts';
import { Forwards } from './forwards.ts';
import type { FactsBatch } from './task-output.ts';
import type { Task } from './task.ts';
import type { WindowRowCounts } from './window-row-counts.ts';

/** Row versions are epoch × 2⁴⁰ + sequence: a restarted task always wins over what it was before. */
const EPOCH_SHIFT = 40n;
/** ClickHouse takes an insert as one block up to 1,048,449 rows; stay far below it. */
const INSERT_ROWS_MAX = 100_000;
const IDENTITY_COLUMNS = ['topic', 'partition', 'offset', 'index'] as const;

interface Stamp {
  readonly node: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly nextRowSequence: () => number;
}

/**
 * Turns what the tasks have emitted since the last checkpoint into deliveries, merged over tasks:
 * one insert per table and month. Adds the window sums to the checkpoint's writes, and counts them.
 */
export function collectDeliveries(
  tasks: readonly Task[],
  stamp: Stamp & { readonly writes: Write[]; readonly counts: WindowRowCounts },
): NewDelivery[] {
  const inserts = new Inserts(stamp);
  const deliveries: NewDelivery[] = [];
  const forwards = new Forwards();
  for (const task of tasks) {
    for (const row of task.windows.collect(stamp.writes)) {
      stamp.counts.add(row, task.watermarkMs);
      inserts.addSums(task.name, row);
    }
    for (const { table, values } of task.output.takeRows()) inserts.addRow(table, values);
    for (const facts of task.output.facts()) inserts.addFacts(facts);
    forwards.add(task.output.takeForwards());
  }
  deliveries.push(...forwards.deliveries());
  deliveries.push(...inserts.deliveries());
  for (const task of tasks) task.output.clearFacts();
  return deliveries;
}

/** One row of a rows table as a delivery of its own. */
export function rowInsert(
  table: RowsTable,
  values: readonly Value[],
  stamp: Omit<Stamp, 'nextRowSequence'> & { readonly rowSequence: number },
): NewDelivery {
  const inserts = new Inserts({ ...stamp, nextRowSequence: () => stamp.rowSequence });
  inserts.addRow(table, values);
  const [delivery] = inserts.deliveries();
  if (delivery === undefined) throw new RangeError('a row makes a delivery');
  return delivery;
}

/** One insert that is being gathered. */
interface OpenInsert {
  readonly table: string;
  readonly columns: readonly string[];
  readonly parts: Lines[];
}

/** The inserts of one checkpoint by table and month, each closed at the row limit. */
class Inserts {
  readonly #stamp: Stamp;
  readonly #versionBase: bigint;
  readonly #open = new Map<string, OpenInsert>();
  readonly #closed: NewDelivery[] = [];

  constructor(stamp: Stamp) {
    this.#stamp = stamp;
    this.#versionBase = BigInt(stamp.epoch) << EPOCH_SHIFT;
  }

  addSums(task: string, row: SumsRow): void {
    const { table } = row;
    const lines = this.#rowOf(table.name, monthOf(row.windowStartMs), () => sumsColumns(table));
    lines.instant(row.windowStartMs);
    for (const dimension of row.dimensions) {
      lines.tab();
      lines.text(dimension);
    }
    lines.tab();
    lines.text(task);
    lines.tab();
    lines.day(row.correctedOnMs);
    for (const sum of row.sums) {
      lines.tab();
      lines.number(sum);
    }
    this.#endVersioned(lines);
  }

  addRow(table: RowsTable, values: readonly Value[]): void {
    const lines = this.#rowOf(table.name, '', () => [...namesOf(table), 'version']);
    lines.row(table.columns, values);
    this.#endVersioned(lines);
  }

  addFacts({ table, month, lines }: FactsBatch): void {
    const columns = (): readonly string[] => [...namesOf(table), ...IDENTITY_COLUMNS];
    this.#insertOf(table.name, month, columns).parts.push(lines);
  }

  deliveries(): readonly NewDelivery[] {
    for (const [key, insert] of this.#open) this.#close(key, insert);
    this.#open.clear();
    return this.#closed;
  }

  #insertOf(table: string, month: string, columns: () => readonly string[]): OpenInsert {
    const key = `${table}:${month}`;
    let insert = this.#open.get(key);
    if (insert !== undefined && rowsIn(insert) >= INSERT_ROWS_MAX) {
      this.#close(key, insert);
      insert = undefined;
    }
    if (insert === undefined) {
      insert = { table, columns: columns(), parts: [] };
      this.#open.set(key, insert);
    }
    return insert;
  }

  /** Where the next versioned row of an insert goes. */
  #rowOf(table: string, month: string, columns: () => readonly string[]): Lines {
    const { parts } = this.#insertOf(table, month, columns);
    const [lines = new Lines()] = parts;
    parts[0] = lines;
    return lines;
  }

  #close(key: string, { table, columns, parts }: OpenInsert): void {
    const { node, epoch, sequence } = this.#stamp;
    const token = `weir:${node}:${epoch}:${sequence}:${key}:${this.#closed.length}`;
    this.#closed.push(insertDelivery({ table, columns, token }, parts));
  }

  #endVersioned(lines: Lines): void {
    lines.tab();
    lines.text(String(this.#versionBase + BigInt(this.#stamp.nextRowSequence())));
    lines.end();
  }
}

function rowsIn({ parts }: OpenInsert): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

function namesOf(table: RowsTable | FactsTable): readonly string[] {
  return table.columns.map(({ name }) => name);
}

function sumsColumns(table: SumsTable): readonly string[] {
  return ['window_start', ...table.dimensions, 'task', 'corrected_on', ...table.sums, 'version'];
}

/** Year and month of an instant, the unit by which tables are partitioned. */
export function monthOf(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 7);
}
