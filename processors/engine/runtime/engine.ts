import { pack } from 'msgpackr';

import { EngineError } from '../../../schemas/errors.ts';
import type { Update, UpdateBatch } from '../../../schemas/panel.ts';
import type { EventCounts } from '../../../schemas/ports.ts';
import type { Stage } from '../../../schemas/topics.ts';
import { PROGRESS } from '../sink/engine-tables.ts';
import type { Store, Write } from '../state/store.ts';
import { Alignment } from './alignment.ts';
import { addCounts, noCounts } from './counts.ts';
import { collectDeliveries, rowInsert } from './deliveries.ts';
import type { EngineOptions } from './engine-options.ts';
import { Failures } from './failures.ts';
import { Hold, encodeKeys } from './hold.ts';
import { type NodeRecord, NODE_KEY, firstOffsetOf, nextNode } from './node-record.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import { PoisonRecord } from './poison-record.ts';
import { STAGES, stageOf } from './stages.ts';
import { Task } from './task.ts';
import { currentUpdates, keepNewest, publishedUpdates } from './updates.ts';
import { WindowRowCounts } from './window-row-counts.ts';

const CHECKPOINT_RETRY_MS = 500;

/**
 * All tasks of one node, their common checkpoint, and its delivery. It does nothing by itself: a
 * loop calls `step`, `publish` and `checkpoint`, with the machine's clock or a virtual one.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #outbox: Outbox;
  readonly #failures: Failures;
  readonly #alignment: Alignment;
  readonly #rows = new Map<string, Map<string, Update>>();
  #tasks: Task[] = [];
  #node: NodeRecord;
  /** Grows with every row that leaves the engine in this epoch. */
  #rowSequence = 0;
  #watermarkMs = -Infinity;
  /** What the last progress row said; undefined before this engine's first. */
  #written: { readonly watermarkMs: number; readonly isIdle: boolean } | undefined;
  readonly #pace: Pace;
  #committing: Promise<void> | undefined;
  /** Of the checkpoint that is being written. */
  #hold: Hold | undefined;
  #turn = 0;
  /** The task whose turn it is; what is left of it when a step was ended from outside. */
  #stepping: Task | undefined;

  private constructor(options: EngineOptions, node: NodeRecord) {
    this.#options = options;
    this.#node = node;
    this.#watermarkMs = node.watermarkMs;
    this.#pace = new Pace(options);
    this.#failures = new Failures(options.events);
    this.#outbox = new Outbox({ ...options, events: options.events });
    const senders = (): readonly Task[] => this.#tasks.filter(({ stage }) => stage === 'visitor');
    this.#alignment = new Alignment({ ...options, senders, outbox: this.#outbox });
  }

  /**
   * Goes on from the store's last checkpoint, or begins. Raises the fencing epoch, durably, before
   * anything is read or sent.
   *
   * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED when the store was made for another count
   * @throws {EngineError} CHECKPOINT_FORMAT_UNKNOWN, CHECKPOINT_DAMAGED, STATE_DAMAGED
   */
  static async open(options: EngineOptions): Promise<Engine> {
    const node = nextNode(options);
    await options.store.commit([{ key: NODE_KEY, value: pack(node) }]);
    const engine = new Engine(options, node);
    engine.#tasks = STAGES.flatMap((stage) =>
      Array.from({ length: engine.#partitionsOf(stage) }, (_, partition) => partition)
        .filter((partition) => partition === (options.partition ?? partition))
        .map((partition) => engine.#openTask(stage, partition)),
    );
    engine.#advanceWatermark();
    engine.#outbox.resume();
    return engine;
  }

  get tasks(): readonly Task[] {
    return this.#tasks;
  }

  get outbox(): Outbox {
    return this.#outbox;
  }

  /** Higher than that of every engine that had this store before. */
  get epoch(): number {
    return this.#node.epoch;
  }

  /** The lowest watermark of the visitor tasks that are not idle; never goes back. −Infinity at first. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** Whether no visitor task expects anything, so that the watermark of other engines alone counts. */
  get isIdle(): boolean {
    return this.#tasks.every((task) => task.stage !== 'visitor' || task.isIdle);
  }

  get checkpointStatus(): {
    readonly sequence: number;
    readonly ageMs: number;
    readonly durationMs: number;
  } {
    const { ageMs, durationMs } = this.#pace;
    return { sequence: this.#node.sequence, ageMs, durationMs };
  }

  /** Counts of the events that users sent, over all tasks: internal topics are left out. */
  counts(): EventCounts {
    const total = noCounts();
    for (const task of this.#tasks) {
      for (const { topic, counts } of task.inputs()) {
        if (!topic.startsWith('weir.internal.')) addCounts(total, counts);
      }
    }
    return total;
  }

  /**
   * Lets one task take some records. Returns how many; 0 when no task had anything to do, or when
   * the outbox is full and the tasks must wait for ClickHouse.
   */
  step(): number {
    const recordsMax = this.#recordsMax();
    if (recordsMax === 0) return 0;
    const nowMs = this.#options.clock.monotonicMs();
    for (let tried = 0; tried < this.#tasks.length; tried += 1) {
      const index = this.#turn;
      this.#turn = (this.#turn + 1) % this.#tasks.length;
      this.#stepping = this.#tasks[index];
      const task = this.#runnable(index);
      if (task === undefined) continue;
      this.#stepping = task;
      try {
        const taken = task.step(recordsMax, nowMs);
        if (taken > 0) {
          this.#stepping = undefined;
          this.#hold?.beside(taken);
          this.#alignment.took();
          return taken;
        }
      } catch (error) {
        if (!(error instanceof PoisonRecord)) throw error;
        this.#failures.threw(error, task);
        return 1;
      }
    }
    this.#stepping = undefined;
    return 0;
  }

  /** To be called when `step` was ended from outside because it did not return. */
  stepEnded(limitMs: number): void {
    const task = this.#stepping;
    this.#stepping = undefined;
    if (task !== undefined) this.#failures.ended(task, limitMs);
  }

  /** Whether a checkpoint should be taken now. */
  get isCheckpointDue(): boolean {
    return this.#committing === undefined && this.#pace.isDue(this.#tasks);
  }

  /** Whether tasks wait for the checkpoint that is being written. */
  get isHeld(): boolean {
    return this.#hold?.areTasksWaiting === true;
  }

  /**
   * Whether reading must wait: for ClickHouse, or for a checkpoint that takes longer than reading. To be
   * asked when tasks have their turn, because their waiting for a checkpoint counts from then on.
   */
  mustWait(): boolean {
    const mustWait = this.#recordsMax() === 0;
    this.#hold?.wait(mustWait && !this.#isSinkFull);
    return mustWait;
  }

  /** Whether a task waits for a checkpoint that is not due for that: more to take may come meanwhile. */
  get needsCheckpoint(): boolean {
    return this.#committing === undefined && this.#alignment.needsCheckpoint;
  }

  /** Whether `publish` has something to say. */
  get hasUnpublished(): boolean {
    return this.#tasks.some((task) => task.hasUnpublished && !this.#failures.has(task));
  }

  /** Whether something waits for the next checkpoint. */
  get hasPending(): boolean {
    if (this.#committing !== undefined || this.#outbox.hasDelivered) return true;
    return this.#tasks.some((task) => task.hasPending);
  }

  /** The rows that changed since the last call, merged by key; undefined when none did. */
  publish(): UpdateBatch | undefined {
    const updates: Update[] = [];
    let newestEventMs = 0;
    let newestAppendedMs = 0;
    for (const task of this.#tasks) {
      if (this.#failures.has(task)) continue;
      newestEventMs = Math.max(newestEventMs, task.newestEventMs);
      newestAppendedMs = Math.max(newestAppendedMs, task.newestAppendedMs);
      task.newestEventMs = 0;
      task.newestAppendedMs = 0;
      const published = publishedUpdates(task, () => this.#nextRowSequence());
      for (const { update, key, keysMax } of published) {
        updates.push(update);
        if (key !== undefined) this.keepRow(key, update, keysMax);
      }
    }
    return updates.length === 0 ? undefined : { updates, newestEventMs, newestAppendedMs };
  }

  /** What viewers need to begin with: the current rows of `table` with windows from `sinceMs` on. */
  current(table: string, sinceMs: number): readonly Update[] {
    const rows = this.#rows.get(table);
    if (rows !== undefined) return [...rows.values()];
    return this.#tasks.flatMap((task) =>
      currentUpdates(task, { table, sinceMs, version: () => this.#nextRowSequence() }),
    );
  }

  /** Remembers the current row of a key of a table; beyond `keysMax` keys those that changed longest ago go. */
  keepRow(key: string, update: Update, keysMax: number): void {
    const rows = this.#rows.get(update.table) ?? new Map<string, Update>();
    this.#rows.set(update.table, rows);
    keepNewest(rows, { key, update, keysMax });
  }

  /**
   * Writes everything that changed, atomically, and hands the rows to delivery. One at a time: a
   * call during another's write waits for it. Resolves when it is durable.
   */
  checkpoint(): Promise<void> {
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
      this.#hold = undefined;
    });
    return this.#committing;
  }

  async #commit(): Promise<void> {
    const { clock, store, events, limits } = this.#options;
    const hold = new Hold(clock);
    this.#hold = hold;
    this.#pace.began();
    this.#advanceWatermark();
    const writes: Write[] = [];
    const sequence = this.#node.sequence + 1;
    const tasks = this.#tasks.filter((task) => !this.#failures.has(task));
    for (const task of tasks) task.close(writes);
    tasks[sequence % tasks.length]?.sweep(writes);
    if (
      writes.length === 0 &&
      !this.#outbox.hasDelivered &&
      !this.#isProgressDue &&
      tasks.every((task) => !task.hasPending)
    )
      return;
    const counts = new WindowRowCounts();
    const deliveries = collectDeliveries(tasks, {
      node: this.#options.node,
      epoch: this.#node.epoch,
      sequence,
      nextRowSequence: () => this.#nextRowSequence(),
      writes,
      counts,
    });
    if (this.#isProgressDue) {
      this.#written = { watermarkMs: this.#watermarkMs, isIdle: this.isIdle };
      deliveries.push(this.#progress(sequence));
    }
    const deliver = this.#outbox.stage(deliveries, writes);
    this.#alignment.closed();
    this.#node = { ...this.#node, sequence, watermarkMs: this.#watermarkMs };
    writes.push({ key: NODE_KEY, value: pack(this.#node) });
    await encodeKeys(tasks, writes, { hold, stretchKeysMax: limits.stretchKeysMax });
    const written = this.#write(store, writes);
    // The store has taken the writes; from here on tasks go on.
    hold.end();
    await written;
    hold.begin();
    for (const task of tasks) task.committed();
    deliver();
    hold.wait(false);
    hold.end();
    this.#pace.ended();
    events.onCheckpoint({
      sequence,
      stallMs: hold.longestMs,
      durationMs: this.#pace.durationMs,
      writes: writes.length,
      windowRows: counts.list(),
    });
  }

  /** Collected changes exist nowhere else, so a write that finds no room is repeated until it does. */
  async #write(store: Store, writes: readonly Write[]): Promise<void> {
    for (;;) {
      try {
        await store.commit(writes);
        return;
      } catch (error) {
        if (!(error instanceof EngineError) || error.kind !== 'transient') throw error;
        this.#options.events.onCheckpointFailed(error);
        await this.#options.clock.sleep(CHECKPOINT_RETRY_MS);
      }
    }
  }

  /** How many records a task may take now; 0 when reading must wait. */
  #recordsMax(): number {
    return this.#isSinkFull ? 0 : this.#pace.recordsMax(this.#tasks, this.#hold !== undefined);
  }

  get #isSinkFull(): boolean {
    return this.#outbox.pendingRows >= this.#options.limits.outboxRowsMax;
  }

  /** The task whose turn it is; one that failed is opened again from the checkpoint first. */
  #runnable(index: number): Task | undefined {
    const task = this.#tasks[index];
    if (task === undefined || !this.#failures.has(task)) return task;
    // A checkpoint under way may be newer than what the store shows; wait until it is durable.
    if (this.#committing !== undefined) return undefined;
    this.#failures.replaced(task);
    const reopened = this.#openTask(task.stage, task.partition);
    reopened.republish(task);
    this.#tasks[index] = reopened;
    return reopened;
  }

  #progress(sequence: number): ReturnType<typeof rowInsert> {
    const { node, clock, limits } = this.#options;
    return rowInsert(
      PROGRESS,
      [node, this.#watermarkMs, limits.allowedLatenessMs, clock.nowMs(), this.isIdle],
      { node, epoch: this.#node.epoch, sequence, rowSequence: this.#nextRowSequence() },
    );
  }

  /** Whether the progress row would say something new. */
  get #isProgressDue(): boolean {
    if (this.#watermarkMs === -Infinity) return false;
    const { watermarkMs = -Infinity, isIdle } = this.#written ?? {};
    return this.#watermarkMs > watermarkMs || isIdle !== this.isIdle;
  }

  #advanceWatermark(): void {
    const visitors = this.#tasks.filter(({ stage }) => stage === 'visitor');
    const busy = visitors.filter(({ isIdle }) => !isIdle);
    const known = visitors.filter(({ watermarkMs }) => watermarkMs > -Infinity);
    const watermarks = (busy.length > 0 ? busy : known).map(({ watermarkMs }) => watermarkMs);
    const lowestMs = Math.min(...watermarks);
    if (lowestMs !== Infinity && lowestMs > this.#watermarkMs) this.#watermarkMs = lowestMs;
  }

  #nextRowSequence(): number {
    return (this.#rowSequence += 1);
  }

  #partitionsOf(stage: Stage): number {
    return stage === 'control' ? 1 : this.#options.partitions;
  }

  #openTask(stage: Stage, partition: number): Task {
    const { processors, log, store, limits, clock, events, isLate } = this.#options;
    return new Task(
      {
        stage,
        partition,
        operators: processors
          .flatMap(({ operators }) => operators)
          .filter((operator) => operator.stage === stage),
        tables: processors.flatMap(({ tables }) => tables),
        layouts: this.#node.layouts[stage],
        log,
        store,
        limits,
        isLate,
        mustWait: this.#alignment.waitingRuleOf(stage),
        isLive: (batch) => this.#alignment.isLive(batch),
        firstOffset: (topic, of) => firstOffsetOf(this.#node, log, topic, of),
        partitionCount: (topic) => this.#partitionsOf(stageOf(topic)),
        onCount: (code) => events.onCount(code),
        nowMs: clock.monotonicMs(),
      },
      this.#failures.poisonOf(`${stage}-${partition}`),
    );
  }
}
