import { pack } from 'msgpackr';

import {
  type ChangelogPartition,
  type Marker,
  type PairSum,
  markerRecord,
  pushRecords,
} from '../state/changelog.ts';
import type { Store, Write } from '../state/store.ts';
import { storedNode } from './node-record.ts';
import { LOCAL_KEY, type LocalRecord } from './restore.ts';
import { storedTask, storedTaskNames } from './task-record.ts';

/**
 * A store of one partition whose every commit goes to the changelog first, so that another process
 * can go on from it. The copy on this machine is never ahead of the changelog.
 */
export class ChangelogStore implements Store {
  readonly #local: Store;
  readonly #partition: ChangelogPartition;
  readonly #nowMs: () => number;
  readonly #beforeCommit: () => Promise<void>;
  #pairs: PairSum;

  constructor(options: {
    readonly local: Store;
    readonly partition: ChangelogPartition;
    /** What `local` holds. */
    readonly pairs: PairSum;
    readonly nowMs: () => number;
    /** Resolves when everything is out that viewers must have seen before a commit. */
    readonly beforeCommit: () => Promise<void>;
  }) {
    this.#local = options.local;
    this.#partition = options.partition;
    this.#pairs = options.pairs;
    this.#nowMs = options.nowMs;
    this.#beforeCommit = options.beforeCommit;
  }

  get(key: string): Buffer | undefined {
    return this.#local.get(key);
  }

  range(bounds: Parameters<Store['range']>[0]): ReturnType<Store['range']> {
    return this.#local.range(bounds);
  }

  /** @throws {EngineError} CHANGELOG_TAKEN, CHANGELOG_UNCLEAR: this store is of no use any more */
  async commit(writes: readonly Write[]): Promise<void> {
    await this.#beforeCommit();
    const newest = new Map(writes.map(({ key, value }) => [key, value]));
    const pairs = this.#pairs.copy();
    const records: Write[] = [];
    for (const [key, value] of newest) {
      const before = this.#local.get(key);
      if (before === undefined && value === undefined) continue;
      if (before !== undefined) pairs.remove(key, before);
      if (value !== undefined) pairs.add(key, value);
      pushRecords(records, { key, value }, before?.length ?? 0);
    }
    records.push(markerRecord(this.#marker(newest, pairs)));
    const nextOffset = await this.#partition.append(records);
    const local: LocalRecord = {
      nextOffset,
      pairs: pairs.toMarker(),
      committedAtMs: this.#nowMs(),
    };
    await this.#local.commit([...writes, { key: LOCAL_KEY, value: pack(local) }]);
    this.#pairs = pairs;
  }

  async close(): Promise<void> {
    await this.#partition.close();
    await this.#local.close();
  }

  #marker(newest: ReadonlyMap<string, Uint8Array | undefined>, pairs: PairSum): Marker {
    const after: Pick<Store, 'get'> = {
      get: (key) => {
        const value = newest.get(key);
        return value === undefined ? this.#local.get(key) : Buffer.from(value);
      },
    };
    const { epoch = 0, sequence = 0 } = storedNode(after) ?? {};
    const inputs = [...storedTaskNames(this.#local, newest.keys())].flatMap((task) =>
      (storedTask(after, task)?.inputs ?? []).map(({ topic, nextOffset }) => ({
        task,
        topic,
        nextOffset,
      })),
    );
    return { format: 1, epoch, sequence, inputs, pairs: pairs.toMarker() };
  }
}
