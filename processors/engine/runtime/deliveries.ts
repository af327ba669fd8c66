import type { RowsTable, SumsTable, Value } from '../operator/table.ts';
import type { SumsRow } from '../operator/window-sums.ts';
import { tsvDay, tsvInstant, tsvRow, tsvText } from '../sink/tsv.ts';
import type { Write } from '../state/store.ts';
import type { Delivery } from './outbox.ts';
import type { FactsBatch } from './task-output.ts';
import type { Task } from './task.ts';

/** Row versions are epoch × 2⁴⁰ + sequence: a restarted task always wins over what it was before. */
const EPOCH_SHIFT = 40n;
/** ClickHouse takes an insert as one block up to 1,048,449 rows; stay far below it. */
const INSERT_ROWS_MAX = 100_000;
const IDENTITY_COLUMNS = ['topic', 'partition', 'offset', 'index'] as const;

interface Stamp {
  readonly epoch: number;
  readonly sequence: number;
  readonly nextRowSequence: () => number;
}

/**
 * Turns what the tasks have emitted since the last checkpoint into deliveries, merged over tasks:
 * one insert per table and month. Adds the window sums to the checkpoint's writes.
 */
export function collectDeliveries(
  tasks: readonly Task[],
  stamp: Stamp & { readonly writes: Write[] },
): Delivery[] {
  const inserts = new Inserts(stamp);
  const deliveries: Delivery[] = [];
  for (const task of tasks) {
    for (const row of task.windows.collect(stamp.writes)) inserts.addSums(task.name, row);
    for (const { table, values } of task.output.takeRows()) inserts.addRow(table, values);
    for (const facts of task.output.takeFacts()) inserts.addFacts(facts);
    const batches = task.output.takeForwards();
    if (batches.length > 0) {
      deliveries.push({
        kind: 'append',
        batches: batches.map(({ topic, partition, values, importName }) =>
          importName === undefined
            ? { topic, partition, values }
            : { topic, partition, values, importName },
        ),
      });
    }
  }
  return [...deliveries, ...inserts.deliveries()];
}

/** One row of a rows table as a delivery of its own. */
export function rowInsert(
  table: RowsTable,
  values: readonly Value[],
  stamp: { readonly epoch: number; readonly sequence: number; readonly rowSequence: number },
): Delivery {
  const inserts = new Inserts({ ...stamp, nextRowSequence: () => stamp.rowSequence });
  inserts.addRow(table, values);
  const [delivery] = inserts.deliveries();
  if (delivery === undefined) throw new RangeError('a row makes a delivery');
  return delivery;
}

/** The inserts of one checkpoint by table and month, each split at the row limit. */
class Inserts {
  readonly #stamp: Stamp;
  readonly #versionBase: bigint;
  readonly #open = new Map<
    string,
    { readonly table: string; readonly columns: readonly string[]; body: string; rowCount: number }
  >();
  readonly #closed: Delivery[] = [];

  constructor(stamp: Stamp) {
    this.#stamp = stamp;
    this.#versionBase = BigInt(stamp.epoch) << EPOCH_SHIFT;
  }

  addSums(task: string, row: SumsRow): void {
    const { table } = row;
    let line = tsvInstant(row.windowStartMs);
    for (const dimension of row.dimensions) line += `\t${tsvText(dimension)}`;
    line += `\t${task}\t${tsvDay(row.correctedOnMs)}`;
    for (const sum of row.sums) line += `\t${sum}`;
    this.#add(
      table.name,
      monthOf(row.windowStartMs),
      sumsColumns(table),
      `${line}\t${this.#version()}\n`,
      1,
    );
  }

  addRow(table: RowsTable, values: readonly Value[]): void {
    const columns = [...table.columns.map(({ name }) => name), 'version'];
    this.#add(table.name, '', columns, `${tsvRow(table.columns, values)}\t${this.#version()}\n`, 1);
  }

  addFacts(facts: FactsBatch): void {
    const columns = [...facts.table.columns.map(({ name }) => name), ...IDENTITY_COLUMNS];
    this.#add(facts.table.name, facts.month, columns, facts.body, facts.rowCount);
  }

  deliveries(): readonly Delivery[] {
    for (const [key, insert] of this.#open) this.#close(key, insert);
    this.#open.clear();
    return this.#closed;
  }

  #add(
    table: string,
    month: string,
    columns: readonly string[],
    body: string,
    rowCount: number,
  ): void {
    const key = `${table}:${month}`;
    let insert = this.#open.get(key);
    if (insert !== undefined && insert.rowCount + rowCount > INSERT_ROWS_MAX) {
      this.#close(key, insert);
      insert = undefined;
    }
    if (insert === undefined) {
      insert = { table, columns, body: '', rowCount: 0 };
      this.#open.set(key, insert);
    }
    insert.body += body;
    insert.rowCount += rowCount;
  }

  #close(
    key: string,
    insert: {
      readonly table: string;
      readonly columns: readonly string[];
      readonly body: string;
      readonly rowCount: number;
    },
  ): void {
    const { epoch, sequence } = this.#stamp;
    const token = `weir:${epoch}:${sequence}:${key}:${this.#closed.length}`;
    this.#closed.push({ kind: 'insert', insert: { ...insert, token } });
  }

  #version(): string {
    return String(this.#versionBase + BigInt(this.#stamp.nextRowSequence()));
  }
}

function sumsColumns(table: SumsTable): readonly string[] {
  return ['window_start', ...table.dimensions, 'task', 'corrected_on', ...table.sums, 'version'];
}

/** Year and month of an instant, the unit by which tables are partitioned. */
export function monthOf(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 7);
}
