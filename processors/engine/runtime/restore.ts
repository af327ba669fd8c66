import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import { DAY_MS } from '../../../schemas/time.ts';
import {
  type ChangelogPartition,
  type Marker,
  PairSum,
  Parts,
  markerOf,
} from '../state/changelog.ts';
import { SeenKeys } from '../state/seen-keys.ts';
import type { Store, Write } from '../state/store.ts';
import { storedNode } from './node-record.ts';

/** What a store on this machine knows of the changelog that it is a copy of. Never in the changelog. */
export interface LocalRecord {
  /** Up to where the changelog is in the store. */
  readonly nextOffset: number;
  readonly pairs: Marker['pairs'];
  readonly committedAtMs: number;
}

/** Where the store keeps it. */
export const LOCAL_KEY = 'c/local';

/** The files of a store on this machine, which can be thrown away. */
export interface LocalFiles {
  open(): Store;
  /** Removes what an earlier store left; the store must be closed. */
  wipe(): void;
}

/** A store that holds what the changelog holds. */
export interface Restored {
  readonly store: Store;
  readonly pairs: PairSum;
  /**
   * Where it came from: `nothing`, a changelog without records; `local`, this machine's copy and what
   * came after it; `changelog`, all of it; `unverified`, a changelog that is not what its marker says,
   * so that the store is empty and everything must be computed from the log again.
   */
  readonly from: 'nothing' | 'local' | 'changelog' | 'unverified';
  readonly recordCount: number;
  /** The highest epoch that the changelog names. */
  readonly epoch: number;
}

/**
 * How old a copy may be to catch up from: a changelog forgets that a key was removed after
 * `CHANGELOG_TOMBSTONES_MS`, and an older copy would keep it.
 */
const COPY_AGE_MS_MAX = 6 * DAY_MS;

/** How long a changelog says that a key was removed. */
export const CHANGELOG_TOMBSTONES_MS = 7 * DAY_MS;

/**
 * Bytes gathered before they are written in the order of their keys, which is ten times as fast. As
 * much again is being written meanwhile.
 */
const CHUNK_BYTES_MAX = 48 * 1_024 * 1_024;
/** What a pair takes besides its key and value while it waits. */
const PAIR_OVERHEAD_BYTES = 100;

/**
 * Makes the copy on this machine equal to a changelog, and proves it by the changelog's last marker.
 *
 * @throws {EngineError} KAFKA_UNREACHABLE, DISK_FULL: try again later
 */
export async function restore(options: {
  readonly partition: ChangelogPartition;
  readonly files: LocalFiles;
  readonly nowMs: number;
}): Promise<Restored> {
  const { partition, files, nowMs } = options;
  const copy = openCopy(options);
  if (copy !== undefined) {
    const { store, record } = copy;
    const { nextOffset, committedAtMs, pairs } = record;
    try {
      if (nextOffset <= partition.endOffset && nowMs - committedAtMs < COPY_AGE_MS_MAX) {
        const catching = new Restoring(store, pairs);
        await catching.read(partition, nextOffset);
        if (catching.isVerified(catching.recordCount === 0)) {
          await catching.keepPosition(partition.endOffset, nowMs);
          return catching.restored('local');
        }
      }
    } catch (error) {
      await store.close();
      throw error;
    }
    await store.close();
  }
  files.wipe();
  const store = files.open();
  const restoring = new Restoring(store, new PairSum().toMarker());
  if (partition.endOffset === 0) return restoring.restored('nothing');
  try {
    await restoring.read(partition, 0);
    if (!restoring.isVerified(false)) return restoring.restored('unverified');
    await restoring.keepPosition(partition.endOffset, nowMs);
    return restoring.restored('changelog');
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The copy that is there already, if it can be read and says how far it goes. */
function openCopy({
  files,
}: {
  readonly files: LocalFiles;
}): { readonly store: Store; readonly record: LocalRecord } | undefined {
  let store: Store | undefined;
  try {
    store = files.open();
    const stored = store.get(LOCAL_KEY);
    // Written by `keepPosition` or a commit, and verified by the store's checksum.
    if (stored !== undefined) return { store, record: erase<LocalRecord>(unpack(stored)) };
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'STATE_DAMAGED') throw error;
  }
  void store?.close();
  return undefined;
}

/** A store on its way to what a changelog holds. */
class Restoring {
  readonly #store: Store;
  readonly #pairs: PairSum;
  readonly #parts = new Parts();
  /** Keys that a store may hold which was empty at first; most of a changelog are written once. */
  readonly #seen: SeenKeys | undefined;
  #pending = new Map<string, Uint8Array | undefined>();
  #pendingBytes = 0;
  /** What was gathered before, on its way to the disk. */
  #writing: Promise<void> = Promise.resolve();
  #marker: Marker | undefined;
  #epoch = 0;
  recordCount = 0;

  constructor(store: Store, pairs: Marker['pairs']) {
    this.#store = store;
    this.#pairs = Object.assign(new PairSum(), pairs);
    if (pairs.count === 0) this.#seen = new SeenKeys();
  }

  async read(partition: ChangelogPartition, offset: number): Promise<void> {
    try {
      if (offset < partition.endOffset) {
        await partition.read(offset, async (records) => {
          for (const record of records) this.#take(record);
          if (this.#pendingBytes >= CHUNK_BYTES_MAX) await this.#flush();
        });
      }
      for (const { key, value } of this.#parts.values()) this.#pending.set(key, value);
      await this.#flush();
    } finally {
      // Also after an error: the store is closed then.
      await this.#writing;
    }
  }

  /** Whether the store is what the last marker says; without a new one, what it was before. */
  isVerified(isUnchanged: boolean): boolean {
    const node = storedNode(this.#store);
    this.#epoch = Math.max(this.#epoch, node?.epoch ?? 0);
    const marker = this.#marker;
    if (marker === undefined) return isUnchanged && node !== undefined;
    return (
      this.#pairs.equals(marker.pairs) &&
      node?.epoch === marker.epoch &&
      node.sequence === marker.sequence
    );
  }

  async keepPosition(nextOffset: number, nowMs: number): Promise<void> {
    const pairs = this.#pairs.toMarker();
    const record: LocalRecord = { nextOffset, pairs, committedAtMs: nowMs };
    await this.#store.commit([{ key: LOCAL_KEY, value: pack(record) }]);
  }

  restored(from: Restored['from']): Restored {
    return {
      store: this.#store,
      pairs: this.#pairs,
      from,
      recordCount: this.recordCount,
      epoch: this.#epoch,
    };
  }

  #take(record: Write): void {
    this.recordCount += 1;
    const marker = markerOf(record);
    if (marker !== undefined) {
      this.#marker = marker;
      this.#epoch = Math.max(this.#epoch, marker.epoch);
    } else if (!this.#parts.take(record)) {
      this.#pending.set(record.key, record.value);
      this.#pendingBytes += record.key.length + (record.value?.length ?? 0) + PAIR_OVERHEAD_BYTES;
    }
  }

  /** Begins to write what was gathered, so that reading goes on; what was begun before is done first. */
  async #flush(): Promise<void> {
    await this.#writing;
    const pending = this.#pending;
    this.#pending = new Map();
    this.#pendingBytes = 0;
    const writes: Write[] = [];
    for (const key of [...pending.keys()].toSorted()) {
      const value = pending.get(key);
      const before = this.#seen?.see(key) === false ? undefined : this.#store.get(key);
      if (before !== undefined) this.#pairs.remove(key, before);
      if (value !== undefined) this.#pairs.add(key, value);
      if (before !== undefined || value !== undefined) writes.push({ key, value });
    }
    if (writes.length === 0) return;
    this.#writing = this.#store.commit(writes);
    // Whoever awaits it next is told; until then nobody is.
    this.#writing.catch(() => undefined);
  }
}
