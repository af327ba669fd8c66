import type { Random } from '../../bench/shop/random.ts';
import type { AppendBatch, Log, RecordBatch } from '../../processors/engine/log/log.ts';
import type { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { Insert, Sink } from '../../processors/engine/sink/sink.ts';
import type { MemoryStore } from '../../processors/engine/state/memory.ts';
import type { Store, Write } from '../../processors/engine/state/store.ts';
import { EngineError } from '../../schemas/errors.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { MemorySink } from '../doubles/memory-sink.ts';
import type { Faults } from './faults.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What outlives a process: disk, log and ClickHouse; and what can go wrong on the way to them. */
export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly faults: Faults;
  readonly log: MemoryLog;
  readonly store: MemoryStore;
  readonly sink: MemorySink;
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
  readonly #world: World;
  readonly #onCrash: () => void;
  #isDead = false;
  #commitUnderWay: readonly Write[] | undefined;

  constructor(world: World, onCrash: () => void) {
    this.#world = world;
    this.#onCrash = onCrash;
    this.store = {
      get: (key) => world.store.get(key),
      range: (bounds) => world.store.range(bounds),
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

  /** Kills the process: a commit under way has happened or has not. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    if (this.#commitUnderWay !== undefined && this.#world.random.chance(0.5)) {
      this.#world.store.applyNow(this.#commitUnderWay);
    }
    this.#commitUnderWay = undefined;
    this.#onCrash();
  }

  async #commit(writes: readonly Write[]): Promise<void> {
    const { faults, store } = this.#world;
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
    store.applyNow(writes);
    if (!faults.strikes('crash_after_commit')) return undefined;
    this.kill();
    return NEVER;
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
