import { endOfPrefix, type Store, type Write } from '../state/store.ts';

/** Digits of an instant in a name, so that names sort by time; enough until the year 2286. */
const INSTANT_DIGITS = 13;
const INSTANT_MAX = 10 ** INSTANT_DIGITS - 1;

/**
 * The keys of one task that asked to be woken, by event time. They are stored with the checkpoint: a
 * task that restarts wakes whom it had not woken by then.
 */
export class Timers {
  readonly #store: Store;
  readonly #prefix: string;
  /** Changes since the last `collect`, and those of the commit that is under way. */
  #added = new Set<string>();
  #adding = new Set<string>();
  #removed = new Set<string>();
  #removing = new Set<string>();
  /** The last stored timer that was taken: what is added later lies behind it. */
  #takenTo = '';
  /** No timer is due before it. */
  #nextMs: number;

  constructor(options: { readonly store: Store; readonly task: string }) {
    this.#store = options.store;
    this.#prefix = `t/${options.task}/`;
    this.#nextMs = this.#nextStoredMs();
  }

  get hasChanges(): boolean {
    return this.#added.size > 0 || this.#removed.size > 0;
  }

  isDue(watermarkMs: number): boolean {
    return this.#nextMs <= watermarkMs;
  }

  /** @param timeMs whole milliseconds; what has passed is due next, beyond the year 2286 is never */
  add(timeMs: number, key: string, watermarkMs: number): void {
    const dueMs = Math.max(timeMs, Math.floor(watermarkMs) + 1);
    if (dueMs > INSTANT_MAX) return;
    const name = this.#prefix + digitsOf(dueMs) + key;
    if (this.#removed.delete(name)) return;
    this.#added.add(name);
    this.#nextMs = Math.min(this.#nextMs, dueMs);
  }

  /** Takes up to about `limit` keys whose time has come. */
  take(watermarkMs: number, limit: number): string[] {
    const keys: string[] = [];
    const end = this.#prefix + digitsOf(Math.min(Math.floor(watermarkMs) + 1, INSTANT_MAX));
    const start = this.#takenTo === '' ? this.#prefix : `${this.#takenTo}\u0000`;
    for (const { key: name } of this.#store.range({ start, end, limit })) {
      this.#takenTo = name;
      if (this.#removed.has(name) || this.#removing.has(name)) continue;
      this.#added.delete(name);
      this.#removed.add(name);
      keys.push(this.#keyOf(name));
    }
    for (const name of this.#adding) {
      if (name >= end || this.#removed.has(name)) continue;
      this.#removed.add(name);
      keys.push(this.#keyOf(name));
    }
    let nextMs = Number.POSITIVE_INFINITY;
    // Those of one checkpoint at most: a list is enough.
    for (const name of this.#added) {
      if (name < end) {
        this.#added.delete(name);
        keys.push(this.#keyOf(name));
      } else nextMs = Math.min(nextMs, this.#timeOf(name));
    }
    for (const name of this.#adding) if (name >= end) nextMs = Math.min(nextMs, this.#timeOf(name));
    this.#nextMs = Math.min(nextMs, this.#nextStoredMs());
    return keys;
  }

  /** Adds what changed to `writes`; until `committed` it is remembered. */
  collect(writes: Write[]): void {
    for (const name of this.#removed) writes.push({ key: name, value: undefined });
    for (const name of this.#added) writes.push({ key: name, value: new Uint8Array(0) });
    this.#removing = this.#removed;
    this.#adding = this.#added;
    this.#removed = new Set();
    this.#added = new Set();
  }

  committed(): void {
    this.#removing = new Set();
    this.#adding = new Set();
  }

  #nextStoredMs(): number {
    const start = this.#takenTo === '' ? this.#prefix : `${this.#takenTo}\u0000`;
    for (const { key } of this.#store.range({ start, end: endOfPrefix(this.#prefix), limit: 1 })) {
      return this.#timeOf(key);
    }
    return Number.POSITIVE_INFINITY;
  }

  #timeOf(name: string): number {
    return Number(name.slice(this.#prefix.length, this.#prefix.length + INSTANT_DIGITS));
  }

  #keyOf(name: string): string {
    return name.slice(this.#prefix.length + INSTANT_DIGITS);
  }
}

function digitsOf(timeMs: number): string {
  return String(timeMs).padStart(INSTANT_DIGITS, '0');
}
