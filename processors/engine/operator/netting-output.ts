import type { EventOfTopic, Topic } from '../../../schemas/topics.ts';
import type { Output, Partition } from './operator.ts';
import type { FactsTable, RowsTable, SumsTable, Value } from './table.ts';

interface Net {
  readonly table: SumsTable;
  readonly eventTimeMs: number;
  readonly dimensions: readonly string[];
  readonly sum: number;
  amount: number;
}

/**
 * Holds sums back until `flush` and adds what is left of them: whoever takes everything back and gives
 * it again changes only what differs. All else goes on at once.
 */
export class NettingOutput implements Output {
  readonly #output: Output;
  readonly #nets = new Map<string, Net>();

  constructor(output: Output) {
    this.#output = output;
  }

  add(
    table: SumsTable,
    eventTimeMs: number,
    dimensions: readonly string[],
    sum: number,
    amount: number,
  ): void {
    const window = Math.floor(eventTimeMs / table.windowMs);
    const key = [table.name, window, sum, ...dimensions].join('\u0001');
    const net = this.#nets.get(key);
    if (net === undefined)
      this.#nets.set(key, { table, eventTimeMs, dimensions: [...dimensions], sum, amount });
    else net.amount += amount;
  }

  /** Adds what has not cancelled out. */
  flush(): void {
    for (const { table, eventTimeMs, dimensions, sum, amount } of this.#nets.values())
      if (amount !== 0) this.#output.add(table, eventTimeMs, dimensions, sum, amount);
    this.#nets.clear();
  }

  upsert(table: RowsTable, values: readonly Value[]): void {
    this.#output.upsert(table, values);
  }

  append(table: FactsTable, values: readonly Value[]): void {
    this.#output.append(table, values);
  }

  forward<T extends Topic>(topic: T, to: string | Partition, event: EventOfTopic[T]): void {
    this.#output.forward(topic, to, event);
  }

  broadcast<T extends Topic>(topic: T, event: EventOfTopic[T]): void {
    this.#output.broadcast(topic, event);
  }

  wakeAt(eventTimeMs: number): void {
    this.#output.wakeAt(eventTimeMs);
  }

  count(code: string): void {
    this.#output.count(code);
  }
}
