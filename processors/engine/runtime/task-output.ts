import { encodeEvent } from '../../../schemas/events/wire.ts';
import { partitionOf } from '../../../schemas/ids.ts';
import type { EventOfTopic, Topic } from '../../../schemas/topics.ts';
import type { Output, Partition, RecordContext } from '../operator/operator.ts';
import type { FactsTable, RowsTable, SumsTable, Table, Value } from '../operator/table.ts';
import type { WindowSums } from '../operator/window-sums.ts';
import { Lines } from '../sink/lines.ts';

/** Facts of one table and month: lines of TabSeparated, so that one insert meets one partition. */
export interface FactsBatch {
  readonly table: FactsTable;
  /** Year and month of the facts, such as `2026-11`. */
  readonly month: string;
  readonly lines: Lines;
}

/** The current row of one key of a table. */
export interface KeyedRow<T extends Table = RowsTable> {
  readonly table: T;
  readonly key: string;
  readonly values: readonly Value[];
}

/** A row that viewers are told of: of a rows table, or a fact that is watched. */
export type UnpublishedRow = KeyedRow<RowsTable | FactsTable>;

/** Records for another stage, by topic and partition. */
export interface ForwardBatch {
  readonly topic: Topic;
  readonly partition: number;
  readonly importName: string | undefined;
  readonly values: Uint8Array[];
  /** When what each of them says happened. */
  readonly eventMs: number[];
}

/** Joins the key columns of a row; no accepted event contains the separator. */
const KEY_SEPARATOR = '\u0001';

/**
 * Collects what the operators of one task emit between two checkpoints. One record is in hand at a
 * time: `begin` says which, and the facts, adds and forwards that follow belong to it.
 */
export class TaskOutput implements Output {
  readonly #sums: ReadonlyMap<string, WindowSums>;
  readonly #partitionCount: (topic: Topic) => number;
  readonly #onCount: (code: string) => void;
  readonly #onWakeAt: (eventTimeMs: number, key: string) => void;
  #key = '';
  #rows = new Map<string, KeyedRow>();
  #unpublishedRows = new Map<string, UnpublishedRow>();
  readonly #facts = new Map<string, FactsBatch>();
  /** Those of the month in hand, by table: every event has at least one fact. */
  readonly #factsOfMonth = new Map<FactsTable, FactsBatch>();
  #forwards = new Map<string, ForwardBatch>();
  #watermarkMs = -Infinity;
  #importName: string | undefined;
  #topic = '';
  #partition = 0;
  #offset = 0;
  #factIndex = 0;
  #pendingLines = 0;
  #month = '';
  #monthStartMs = 0;
  #monthEndMs = 0;

  constructor(options: {
    readonly sums: readonly WindowSums[];
    readonly partitionCount: (topic: Topic) => number;
    readonly onCount: (code: string) => void;
    /** A key asked to be woken. */
    readonly onWakeAt: (eventTimeMs: number, key: string) => void;
  }) {
    this.#sums = new Map(options.sums.map((sums) => [sums.table.name, sums]));
    this.#partitionCount = options.partitionCount;
    this.#onCount = options.onCount;
    this.#onWakeAt = options.onWakeAt;
  }

  get hasUnpublishedRows(): boolean {
    return this.#unpublishedRows.size > 0;
  }

  /** Rows of rows tables that wait for the next checkpoint. */
  get pendingRows(): number {
    return this.#rows.size;
  }

  /** Facts and forwarded records that wait for the next checkpoint, as bytes already. */
  get pendingLines(): number {
    return this.#pendingLines;
  }

  /** Whether anything for other stages waits for the next checkpoint. */
  get hasForwards(): boolean {
    return this.#forwards.size > 0;
  }

  begin(
    record: Omit<RecordContext, 'appendedAtMs' | 'standing'>,
    {
      key,
      eventMs,
      importName,
    }: {
      readonly key: string;
      readonly eventMs: number;
      readonly importName: string | undefined;
    },
  ): void {
    this.#key = key;
    this.#watermarkMs = record.watermarkMs;
    this.#importName = importName;
    this.#topic = record.topic;
    this.#partition = record.partition;
    this.#offset = record.offset;
    this.#factIndex = 0;
    if (eventMs < this.#monthStartMs || eventMs >= this.#monthEndMs) this.#enterMonth(eventMs);
  }

  /** A key is in hand because it is woken, without a record. */
  takeWoken(key: string, watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#importName = undefined;
    this.#key = key;
  }

  add(
    table: SumsTable,
    eventTimeMs: number,
    dimensions: readonly string[],
    sum: number,
    amount: number,
  ): void {
    if (amount === 0) return;
    const sums = this.#sums.get(table.name);
    if (sums === undefined)
      throw new RangeError(`Expected a table of this stage, got ${table.name}`);
    sums.add({ eventMs: eventTimeMs, watermarkMs: this.#watermarkMs, dimensions, sum, amount });
  }

  upsert(table: RowsTable, values: readonly Value[]): void {
    const key = keyOf(table, values);
    const row: KeyedRow = { table, key, values: [...values] };
    const name = table.name + KEY_SEPARATOR + key;
    this.#rows.set(name, row);
    if (table.isStoredOnly !== true) this.#unpublishedRows.set(name, row);
  }

  append(table: FactsTable, values: readonly Value[]): void {
    let batch = this.#factsOfMonth.get(table);
    if (batch === undefined) {
      batch = this.#openFacts(table);
      this.#factsOfMonth.set(table, batch);
    }
    const { lines } = batch;
    lines.row(table.columns, values);
    lines.tab();
    lines.text(this.#topic);
    lines.tab();
    lines.number(this.#partition);
    lines.tab();
    lines.number(this.#offset);
    lines.tab();
    lines.number(this.#factIndex);
    lines.end();
    this.#pendingLines += 1;
    this.#factIndex += 1;
    if (table.watched !== undefined) this.#watch(table, table.watched.key, values);
  }

  forward<T extends Topic>(topic: T, to: string | Partition, event: EventOfTopic[T]): void {
    const partition =
      typeof to === 'string' ? partitionOf(to, this.#partitionCount(topic)) : to.partition;
    this.#send({ topic, partition }, encodeEvent(topic, event), event.occurred_at);
  }

  broadcast<T extends Topic>(topic: T, event: EventOfTopic[T]): void {
    const value = encodeEvent(topic, event);
    for (let partition = 0; partition < this.#partitionCount(topic); partition += 1) {
      this.#send({ topic, partition }, value, event.occurred_at);
    }
  }

  wakeAt(eventTimeMs: number): void {
    this.#onWakeAt(eventTimeMs, this.#key);
  }

  count(code: string): void {
    this.#onCount(code);
  }

  #watch(table: FactsTable, keyColumn: string, values: readonly Value[]): void {
    const key = String(values[table.columns.findIndex(({ name }) => name === keyColumn)]);
    const name = table.name + KEY_SEPARATOR + key;
    // To the end: those that changed longest ago go first.
    this.#unpublishedRows.delete(name);
    this.#unpublishedRows.set(name, { table, key, values: [...values] });
  }

  #send(
    { topic, partition }: { readonly topic: Topic; readonly partition: number },
    value: Uint8Array,
    eventMs: number,
  ): void {
    const name = `${topic}/${partition}/${this.#importName ?? ''}`;
    let batch = this.#forwards.get(name);
    if (batch === undefined) {
      batch = { topic, partition, importName: this.#importName, values: [], eventMs: [] };
      this.#forwards.set(name, batch);
    }
    batch.values.push(value);
    batch.eventMs.push(eventMs);
    this.#pendingLines += 1;
  }

  takeRows(): readonly KeyedRow[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    return rows;
  }

  takeUnpublishedRows(): readonly UnpublishedRow[] {
    const rows = [...this.#unpublishedRows.values()];
    this.#unpublishedRows = new Map();
    return rows;
  }

  /** What waits for the next checkpoint; copy it before `clearFacts`. */
  facts(): readonly FactsBatch[] {
    return [...this.#facts.values()].filter(({ lines }) => lines.count > 0);
  }

  /** The checkpoint has the facts: their memory is used again, that of months without any is given back. */
  clearFacts(): void {
    for (const [name, { lines }] of this.#facts) {
      if (lines.count === 0) this.#facts.delete(name);
      else lines.clear();
    }
    this.#factsOfMonth.clear();
    this.#pendingLines = 0;
  }

  takeForwards(): readonly ForwardBatch[] {
    const forwards = [...this.#forwards.values()];
    this.#forwards = new Map();
    return forwards;
  }

  #openFacts(table: FactsTable): FactsBatch {
    const name = table.name + this.#month;
    const known = this.#facts.get(name);
    if (known !== undefined) return known;
    const batch = { table, month: this.#month, lines: new Lines() };
    this.#facts.set(name, batch);
    return batch;
  }

  #enterMonth(eventMs: number): void {
    const date = new Date(eventMs);
    const year = date.getUTCFullYear();
    const month = date.getUTCMonth();
    this.#monthStartMs = Date.UTC(year, month, 1);
    this.#monthEndMs = Date.UTC(year, month + 1, 1);
    this.#month = date.toISOString().slice(0, 7);
    this.#factsOfMonth.clear();
  }
}

/** The text that identifies a row within its table. */
export function keyOf(table: Table & { readonly kind: 'rows' }, values: readonly Value[]): string {
  return values.slice(0, table.key.length).join(KEY_SEPARATOR);
}
