import type { Random } from '../../bench/shop/random.ts';
import type { AppendBatch, Log, RecordBatch } from '../../processors/engine/log/log.ts';
import type { MemoryLog } from '../../processors/engine/log/memory.ts';
import { ChangelogStore } from '../../processors/engine/runtime/changelog-store.ts';
import { restore } from '../../processors/engine/runtime/restore.ts';
import type { Insert, Sink } from '../../processors/engine/sink/sink.ts';
import type { ChangelogPartition } from '../../processors/engine/state/changelog.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import type { Store, Write } from '../../processors/engine/state/store.ts';
import { EngineError } from '../../schemas/errors.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { MemoryChangelog } from '../doubles/memory-changelog.ts';
import type { MemorySink } from '../doubles/memory-sink.ts';
import type { Faults } from './faults.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What outlives a process: disk, log and ClickHouse; and what can go wrong on the way to them. */
export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly faults: Faults;
  readonly log: MemoryLog;
  /** Where the next process starts. */
  machine: Machine;
  /** Undefined when the process keeps its state on one machine. */
  readonly changelog: SimulatedChangelog | undefined;
  readonly sink: MemorySink;
}

/** What the simulation needs of a changelog. */
export type SimulatedChangelog = Pick<MemoryChangelog, 'takeNow' | 'appendNow' | 'compact'>;

/** A disk, which can be made empty. */
export interface Machine {
  store: MemoryStore;
}

/** Never resolves: the process that waits for it is dead. */
const NEVER = new Promise<never>(() => undefined);
/** Longest a commit, append or insert takes when nothing is wrong. */
const IO_MS_MAX = 20;
const SLOW_INSERT_MS = 5_000;

/** The disk, log and ClickHouse as one process sees them, until it is killed. */
export class SimulatedProcess {
  readonly store: Store;
  readonly log: Log;
  readonly sink: Sink;
  readonly #machine: Machine;
  readonly #world: World;
  #onCrash: () => void;
  #isDead = false;
  #commitUnderWay: readonly Write[] | undefined;

  constructor(world: World, onCrash: () => void) {
    this.#world = world;
    this.#onCrash = onCrash;
    const { machine } = world;
    this.#machine = machine;
    this.store = {
      get: (key) => machine.store.get(key),
      range: (bounds) => machine.store.range(bounds),
      commit: (writes) => this.#commit(writes),
      close: () => Promise.resolve(),
    };
    this.log = {
      append: (batches) => this.#forward(batches),
      read: (topic, partition, offset): RecordBatch | undefined =>
        world.log.read(topic, partition, offset),
      endOffset: (topic: Topic, partition: number) => world.log.endOffset(topic, partition),
      startOffset: (topic: Topic, partition: number) => world.log.startOffset(topic, partition),
      trim: (topic, partition, limits) => world.log.trim(topic, partition, limits),
      onAppend: () => undefined,
      close: () => Promise.resolve(),
    };
    this.sink = { insert: (insert) => this.#insert(insert) };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Another process takes its place; it lives on, and its death is no crash any more. */
  abandon(): void {
    this.#onCrash = () => undefined;
  }

  /** Kills the process: a commit under way has happened or has not. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    if (this.#commitUnderWay !== undefined && this.#world.random.chance(0.5)) {
      this.#machine.store.applyNow(this.#commitUnderWay);
    }
    this.#commitUnderWay = undefined;
    this.#onCrash();
  }

  async #commit(writes: readonly Write[]): Promise<void> {
    const { faults } = this.#world;
    if (this.#isDead) return NEVER;
    if (faults.strikes('crash_before_commit')) {
      this.kill();
      return NEVER;
    }
    const hasRoom = !faults.strikes('commit_without_room');
    if (hasRoom) this.#commitUnderWay = writes;
    await this.#pass();
    if (this.#isDead) return NEVER;
    this.#commitUnderWay = undefined;
    if (!hasRoom) throw noRoom();
    this.#machine.store.applyNow(writes);
    if (!faults.strikes('crash_after_commit')) return undefined;
    this.kill();
    return NEVER;
  }

  /**
   * The store that an engine opens: on this machine alone, or with a changelog from which it is brought
   * up to date first.
   */
  async openStore(): Promise<Store> {
    const { changelog, faults, time } = this.#world;
    if (changelog === undefined) return this.store;
    if (faults.strikes('changelog_compacted')) changelog.compact();
    const taken = changelog.takeNow();
    const partition: ChangelogPartition = {
      ...taken,
      append: (records) => this.#log(taken, records),
    };
    const restored = await restore({
      partition,
      files: {
        open: () => this.store,
        wipe: () => {
          this.#machine.store = new MemoryStore();
        },
      },
      nowMs: time.nowMs(),
    });
    if (restored.from === 'unverified') throw new Error('The changelog does not verify');
    return new ChangelogStore({
      local: restored.store,
      partition,
      pairs: restored.pairs,
      nowMs: () => time.nowMs(),
      beforeCommit: () => Promise.resolve(),
    });
  }

  async #log(taken: ChangelogPartition, records: readonly Write[]): Promise<number> {
    const { faults } = this.#world;
    if (this.#isDead) return NEVER;
    await this.#pass();
    if (this.#isDead) return NEVER;
    if (faults.strikes('changelog_append_lost')) throw unclear();
    const nextOffset = await taken.append(records);
    if (faults.strikes('changelog_answer_lost')) throw unclear();
    return nextOffset;
  }

  async #forward(batches: readonly AppendBatch[]): Promise<void> {
    const { faults, log } = this.#world;
    if (this.#isDead) return NEVER;
    if (faults.strikes('crash_before_forward')) {
      this.kill();
      return NEVER;
    }
    const hasRoom = !faults.strikes('append_without_room');
    await this.#pass();
    if (this.#isDead) return NEVER;
    if (!hasRoom) throw noRoom();
    await log.append(batches);
    if (!faults.strikes('crash_after_forward')) return undefined;
    this.kill();
    return NEVER;
  }

  async #insert(insert: Insert): Promise<void> {
    const { faults, sink, time } = this.#world;
    if (this.#isDead) return NEVER;
    if (faults.strikes('crash_before_insert')) {
      this.kill();
      return NEVER;
    }
    if (faults.strikes('insert_refused')) throw unavailable();
    if (faults.strikes('insert_slow')) await time.sleep(SLOW_INSERT_MS);
    else await this.#pass();
    // What a dead process has sent may still arrive, also after its successor has begun.
    if (this.#isDead) {
      if (faults.strikes('insert_arrives_after_crash')) sink.insertNow(insert);
      return NEVER;
    }
    sink.insertNow(insert);
    if (faults.strikes('insert_answer_lost')) throw unavailable();
    if (!faults.strikes('crash_after_insert')) return undefined;
    this.kill();
    return NEVER;
  }

  #pass(): Promise<void> {
    return this.#world.time.sleep(1 + this.#world.random.below(IO_MS_MAX));
  }
}

function unclear(): EngineError {
  return new EngineError({
    code: 'CHANGELOG_UNCLEAR',
    kind: 'fatal',
    message: 'Simulated: no answer',
  });
}

function noRoom(): EngineError {
  return new EngineError({ code: 'DISK_FULL', kind: 'transient', message: 'Simulated: no room' });
}

function unavailable(): EngineError {
  return new EngineError({
    code: 'CLICKHOUSE_UNAVAILABLE',
    kind: 'transient',
    message: 'Simulated: no answer',
  });
}
