import type { Store, Write } from './store.ts';

/** What a value is overwritten with when it is no longer valid. */
const STALE = 0xdb;

/** A store in memory, for tests and the simulation. Values are copied in and out. */
export class MemoryStore implements Store {
  readonly #values = new Map<string, Buffer>();
  /** The keys in order as of the last `range`, and those that came since; removed ones may be among them. */
  #keys: string[] = [];
  #newKeys: string[] = [];
  /** The value that `get` returned last. */
  #read = Buffer.alloc(0);

  get(key: string): Buffer | undefined {
    // So that whoever holds a value for too long is found out.
    this.#read.fill(STALE);
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#read = Buffer.from(value);
    return this.#read;
  }

  *range(bounds: {
    readonly start: string;
    readonly end: string;
    readonly limit?: number;
  }): Iterable<{
    readonly key: string;
    readonly value: Buffer;
  }> {
    if (this.#newKeys.length > 0) {
      // What was sorted before is a run of its own, so this is hardly more than a merge.
      const keys = this.#keys.filter((key) => this.#values.has(key));
      this.#keys = [...keys, ...this.#newKeys.toSorted()].toSorted();
      this.#newKeys = [];
    }
    // Whoever reads may write in between, which makes another list.
    const keys = this.#keys;
    let left = bounds.limit ?? Number.POSITIVE_INFINITY;
    for (let at = lowerBound(keys, bounds.start); at < keys.length && left > 0; at += 1) {
      const key = keys[at] ?? '';
      if (key >= bounds.end) return;
      // Removed, or there twice as it was removed and came again.
      const value = key === keys[at - 1] ? undefined : this.#values.get(key);
      if (value === undefined) continue;
      left -= 1;
      yield { key, value: Buffer.from(value) };
    }
  }

  commit(writes: readonly Write[]): Promise<void> {
    this.applyNow(writes);
    return Promise.resolve();
  }

  /** What `commit` does, at once; the simulation calls it at the moment a disk would have. */
  applyNow(writes: readonly Write[]): void {
    for (const { key, value } of writes) {
      if (value === undefined) this.#values.delete(key);
      else {
        if (!this.#values.has(key)) this.#newKeys.push(key);
        this.#values.set(key, Buffer.from(value));
      }
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Where the first of the sorted `keys` at or after `key` stands. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
