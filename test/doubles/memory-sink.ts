import type { RowsTable } from '../../processors/engine/operator/table.ts';
import type { Insert, Sink } from '../../processors/engine/sink/sink.ts';

/**
 * A sink in memory that keeps what ClickHouse would: of the rows with one identity the one with the
 * highest version, and of the inserts with one token the first, whatever the others hold. Rows are
 * text, as they were sent.
 */
export class MemorySink implements Sink {
  /** table → identity → row by column. */
  readonly tables = new Map<string, Map<string, Readonly<Record<string, string>>>>();
  readonly tokens = new Map<string, string>();
  /** Inserts that were dropped although they held other rows than the first with their token: lost data. */
  conflictingInserts = 0;
  /** Rows tables of which more than the first column identifies a row. */
  readonly #keys: ReadonlyMap<string, readonly string[]>;

  constructor(rowsTables: readonly RowsTable[] = []) {
    this.#keys = new Map(rowsTables.map(({ name, key }) => [name, key]));
  }

  insert(insert: Insert): Promise<void> {
    this.insertNow(insert);
    return Promise.resolve();
  }

  /** What `insert` does, at once; the simulation calls it at the moment a server would have. */
  insertNow(insert: Insert): void {
    const body = Buffer.from(insert.body).toString('utf8');
    const sent = this.tokens.get(insert.token);
    if (sent !== undefined) {
      if (sent !== body) this.conflictingInserts += 1;
      return;
    }
    this.tokens.set(insert.token, body);
    let table = this.tables.get(insert.table);
    if (table === undefined) {
      table = new Map();
      this.tables.set(insert.table, table);
    }
    for (const line of body.split('\n').slice(0, -1)) {
      const values = line.split('\t');
      const row = Object.fromEntries(
        insert.columns.map((column, index) => [column, values[index] ?? '']),
      );
      const identity = identityOf(insert, row, this.#keys.get(insert.table));
      const before = table.get(identity);
      if (before === undefined || BigInt(row['version'] ?? 0) >= BigInt(before['version'] ?? 0))
        table.set(identity, row);
    }
  }

  /** The rows of a sums table added up over tasks and days of correction: "window|dimensions" → sums that are not all zero. */
  totals(table: {
    readonly name: string;
    readonly dimensions: readonly string[];
    readonly sums: readonly string[];
  }): Record<string, Record<string, number>> {
    const totals = new Map<string, Record<string, number>>();
    for (const row of this.tables.get(table.name)?.values() ?? []) {
      const key = [row['window_start'], ...table.dimensions.map((name) => row[name])].join('|');
      const total = totals.get(key) ?? {};
      for (const name of table.sums) total[name] = (total[name] ?? 0) + Number(row[name]);
      totals.set(key, total);
    }
    return Object.fromEntries(
      [...totals]
        .filter(([, total]) => Object.values(total).some((sum) => sum !== 0))
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
}

function identityOf(
  insert: Insert,
  row: Readonly<Record<string, string>>,
  key: readonly string[] | undefined,
): string {
  if (insert.columns.includes('offset'))
    return [row['topic'], row['partition'], row['offset'], row['index']].join('|');
  if (insert.columns.includes('corrected_on')) {
    // Of a sums table everything before the sums identifies the row: window, dimensions, task, day.
    const end = insert.columns.indexOf('corrected_on');
    return insert.columns
      .slice(0, end + 1)
      .map((column) => row[column])
      .join('|');
  }
  // The engine's rows tables begin with their key, and one leading column tells their rows apart here.
  return (key ?? insert.columns.slice(0, 1)).map((column) => row[column]).join('|');
}
