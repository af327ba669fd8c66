import type { Changelog, ChangelogPartition } from '../../processors/engine/state/changelog.ts';
import type { Write } from '../../processors/engine/state/store.ts';
import { EngineError } from '../../schemas/errors.ts';

/** A changelog in memory: as Kafka's, with one writer at a time and forgetting what was written over. */
export class MemoryChangelog implements Changelog {
  /** By offset; undefined where compaction has removed a record. */
  readonly #records: (Write | undefined)[] = [];
  #holder = 0;

  get endOffset(): number {
    return this.#records.length;
  }

  take(): Promise<ChangelogPartition> {
    return Promise.resolve(this.takeNow());
  }

  /** What `take` does, at once. */
  takeNow(): ChangelogPartition {
    this.#holder += 1;
    const holder = this.#holder;
    const { endOffset } = this;
    return {
      endOffset,
      read: async (offset, onRecords) => {
        const records = this.#records.slice(offset, endOffset);
        await onRecords(records.filter((record) => record !== undefined));
      },
      append: (records) => {
        if (holder === this.#holder) return Promise.resolve(this.appendNow(records));
        return Promise.reject(
          new EngineError({
            code: 'CHANGELOG_TAKEN',
            kind: 'fatal',
            message: 'Another process has taken the changelog',
          }),
        );
      },
      close: () => Promise.resolve(),
    };
  }

  /** Appends whoever the writer is; values are copied. */
  appendNow(records: readonly Write[]): number {
    for (const { key, value } of records)
      this.#records.push({ key, value: value === undefined ? undefined : Buffer.from(value) });
    return this.endOffset;
  }

  /** Keeps the newest record of each key. */
  compact(): void {
    const newest = new Map<string, number>();
    this.#records.forEach((record, offset) => {
      if (record !== undefined) newest.set(record.key, offset);
    });
    this.#records.forEach((record, offset) => {
      if (record !== undefined && newest.get(record.key) !== offset)
        this.#records[offset] = undefined;
    });
  }

  /** Loses the newest record of a key, as no Kafka should. */
  lose(key: string): boolean {
    const offset = this.#records.findLastIndex((record) => record?.key === key);
    if (offset >= 0) this.#records[offset] = undefined;
    return offset >= 0;
  }
}
