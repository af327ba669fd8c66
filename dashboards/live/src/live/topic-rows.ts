import type { JsonObject } from './rows.ts';

/** Column of whole rows: true once, when the row was taken back; snapshots leave it out. */
const WITHDRAWN = 'withdrawn';

/** The current rows of one topic: a snapshot replaces them, an update upserts by key. */
export class TopicRows<Row> {
  readonly #parse: (row: JsonObject) => Row | undefined;
  readonly #keyOf: (row: Row) => string;
  readonly #rows = new Map<string, Row>();
  #seq: number | undefined;
  #revision = 0;
  #refusedCount = 0;

  constructor(shape: {
    readonly parse: (row: JsonObject) => Row | undefined;
    readonly keyOf: (row: Row) => string;
  }) {
    this.#parse = shape.parse;
    this.#keyOf = shape.keyOf;
  }

  /** By key; the caller reads only. */
  get rows(): ReadonlyMap<string, Row> {
    return this.#rows;
  }

  /** The last sequence number applied; undefined until the first snapshot, or after `forgetPosition`. */
  get seq(): number | undefined {
    return this.#seq;
  }

  /** Grows with every change: what is computed from the rows is valid for one revision. */
  get revision(): number {
    return this.#revision;
  }

  /** Rows that did not have the shape of the contract. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** Takes a snapshot; `changed` hears of each row that had another version before. */
  replace(
    seq: number,
    rows: readonly JsonObject[],
    changed?: (before: Row | undefined, after: Row) => void,
  ): void {
    const before = new Map(this.#rows);
    this.#rows.clear();
    this.#take(rows, before, changed);
    this.#seq = seq;
  }

  /** Takes an update. One that is not newer than the last is a repeat and is left out. */
  merge(
    seq: number,
    rows: readonly JsonObject[],
    changed?: (before: Row | undefined, after: Row) => void,
  ): void {
    if (this.#seq !== undefined && seq <= this.#seq) return;
    this.#take(rows, this.#rows, changed);
    this.#seq = seq;
  }

  /** Upserts one row outside the sequence, such as an alert that is told ahead of its update. */
  put(row: JsonObject): Row | undefined {
    const parsed = this.#parse(row);
    if (parsed === undefined) {
      this.#refusedCount += 1;
      return undefined;
    }
    this.#rows.set(this.#keyOf(parsed), parsed);
    this.#revision += 1;
    return parsed;
  }

  /** Drops the rows for which `isGone` holds: those that left the time that is shown. */
  prune(isGone: (row: Row) => boolean): void {
    let prunedCount = 0;
    for (const [key, row] of this.#rows) {
      if (!isGone(row)) continue;
      this.#rows.delete(key);
      prunedCount += 1;
    }
    if (prunedCount > 0) this.#revision += 1;
  }

  /** Forgets the position, so that only a snapshot goes on; the rows stay until it replaces them. */
  forgetPosition(): void {
    this.#seq = undefined;
  }

  #take(
    rows: readonly JsonObject[],
    before: ReadonlyMap<string, Row>,
    changed: ((before: Row | undefined, after: Row) => void) | undefined,
  ): void {
    for (const json of rows) {
      const row = this.#parse(json);
      if (row === undefined) {
        this.#refusedCount += 1;
        continue;
      }
      const key = this.#keyOf(row);
      if (json[WITHDRAWN] === true) {
        this.#rows.delete(key);
        continue;
      }
      changed?.(before.get(key), row);
      this.#rows.set(key, row);
    }
    this.#revision += 1;
  }
}
