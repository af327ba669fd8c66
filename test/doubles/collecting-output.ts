import type { Output, Partition } from '../../processors/engine/operator/operator.ts';
import type {
  FactsTable,
  RowsTable,
  SumsTable,
  Value,
} from '../../processors/engine/operator/table.ts';
import type { EventOfTopic, Topic } from '../../schemas/topics.ts';

/** An `Output` that keeps everything in memory, for tests of one operator. */
export class CollectingOutput implements Output {
  /** table → "windowStart|dimensions…" → sums; rows whose sums are all zero stay, as zeros. */
  readonly sums = new Map<string, Map<string, number[]>>();
  /** table → key columns joined with `|` → the current row. */
  readonly rows = new Map<string, Map<string, readonly Value[]>>();
  readonly facts = new Map<string, (readonly Value[])[]>();
  readonly forwarded: {
    readonly topic: Topic;
    readonly to: string | Partition;
    readonly event: EventOfTopic[Topic];
  }[] = [];
  readonly counts = new Map<string, number>();
  /** When the key in hand asked to be woken; whoever calls the operator takes them out. */
  readonly wakes: number[] = [];

  add(
    table: SumsTable,
    eventTimeMs: number,
    dimensions: readonly string[],
    sum: number,
    amount: number,
  ): void {
    const windowStartMs = Math.floor(eventTimeMs / table.windowMs) * table.windowMs;
    const rows = entry(this.sums, table.name, () => new Map<string, number[]>());
    const row = entry(rows, [windowStartMs, ...dimensions].join('|'), () =>
      table.sums.map(() => 0),
    );
    row[sum] = (row[sum] ?? 0) + amount;
  }

  upsert(table: RowsTable, values: readonly Value[]): void {
    const rows = entry(this.rows, table.name, () => new Map<string, readonly Value[]>());
    rows.set(values.slice(0, table.key.length).join('|'), [...values]);
  }

  append(table: FactsTable, values: readonly Value[]): void {
    entry(this.facts, table.name, () => []).push([...values]);
  }

  forward<T extends Topic>(topic: T, to: string | Partition, event: EventOfTopic[T]): void {
    this.forwarded.push({ topic, to, event });
  }

  broadcast<T extends Topic>(topic: T, event: EventOfTopic[T]): void {
    this.forwarded.push({ topic, to: '*', event });
  }

  wakeAt(eventTimeMs: number): void {
    this.wakes.push(eventTimeMs);
  }

  count(code: string): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
  }

  /** The rows of a sums table that are not all zero, as named values, in a stable order. */
  nonZeroSums(table: SumsTable): Readonly<Record<string, Readonly<Record<string, number>>>> {
    const rows = [...(this.sums.get(table.name) ?? [])]
      .filter(([, sums]) => sums.some((sum) => sum !== 0))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      rows.map(([key, sums]) => [
        key,
        Object.fromEntries(
          table.sums
            .map((name, index) => [name, sums[index] ?? 0] as const)
            .filter(([, sum]) => sum !== 0),
        ),
      ]),
    );
  }
}

function entry<Key, Element>(map: Map<Key, Element>, key: Key, create: () => Element): Element {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
