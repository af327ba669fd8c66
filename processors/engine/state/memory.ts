import type { Store, Write } from './store.ts';

/** A store in memory, for tests and the simulation. Values are copied in and out. */
export class MemoryStore implements Store {
  readonly #values = new Map<string, Buffer>();

  get(key: string): Buffer | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : Buffer.from(value);
  }

  *range(bounds: {
    readonly start: string;
    readonly end: string;
    readonly limit?: number;
  }): Iterable<{
    readonly key: string;
    readonly value: Buffer;
  }> {
    const keys = [...this.#values.keys()]
      .filter((key) => key >= bounds.start && key < bounds.end)
      .toSorted();
    for (const key of keys.slice(0, bounds.limit)) {
      const value = this.get(key);
      if (value !== undefined) yield { key, value };
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
      else this.#values.set(key, Buffer.from(value));
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
