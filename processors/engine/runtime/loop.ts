import { setImmediate as nextTurn } from 'node:timers/promises';

import type { UpdateBatch } from '../../../schemas/panel.ts';
import type { Log } from '../log/log.ts';
import type { Clock } from '../time/clock.ts';
import { historyFactor } from './checkpoint-size.ts';
import type { Engine } from './engine.ts';
import { unreadCount } from './unread.ts';
import { Watchdog } from './watchdog.ts';

/** Longest the tasks hold the event loop before timers and sockets have their turn. */
const SLICE_MS = 16;
/**
 * The same while more is waiting than one slice can take: starting and ending the watchdog's thread
 * costs up to a millisecond of waiting on busy cores, a thirteenth of a short slice.
 */
const BACKLOG_SLICE_MS = 50;
/** How long tasks that wait for a checkpoint sleep before they look again: much less than anybody notices. */
const HELD_WAIT_MS = 5;
/** How long to look again when nothing arrives: idle inputs are noticed this late at most. */
const IDLE_WAIT_MS = 250;
/** Longest a step may take: 256 records take milliseconds, and longer than this nobody waits for a page. */
const STEP_MS_MAX = 10_000;

/** Drives the engine with the machine's clock: reads, publishes, and checkpoints. */
export class EngineLoop {
  readonly #engine: Engine;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #liveTickMs: number;
  readonly #onUpdates: (batch: UpdateBatch) => void;
  readonly #canPublish: () => boolean;
  readonly #onDefect: (error: unknown) => void;
  readonly #stepMsMax: number;
  readonly #watchdog = new Watchdog();
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  #checkpointing: Promise<unknown> = Promise.resolve();
  #lastPublishedMs = 0;
  #wake: AbortController = new AbortController();

  constructor(options: {
    readonly engine: Engine;
    readonly log: Log;
    readonly clock: Clock;
    readonly liveTickMs: number;
    readonly onUpdates: (batch: UpdateBatch) => void;
    /** Whether updates can be taken at the moment; until then they wait, merged by row. Always, without it. */
    readonly canPublish?: () => boolean;
    readonly onDefect: (error: unknown) => void;
    /** Longest a step of the engine may take; an operator that takes longer is ended. */
    readonly stepMsMax?: number;
  }) {
    this.#engine = options.engine;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#liveTickMs = options.liveTickMs;
    this.#onUpdates = options.onUpdates;
    this.#canPublish = options.canPublish ?? (() => true);
    this.#onDefect = options.onDefect;
    this.#stepMsMax = options.stepMsMax ?? STEP_MS_MAX;
    this.#log.onAppend(() => this.#wake.abort());
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      this.#isStopping = true;
      this.#onDefect(error);
    });
  }

  /** Stops reading and writes a last checkpoint; what it delivers is waited for a short time only. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake.abort();
    await this.#running;
    await this.#checkpoint();
    // The one that was under way may have closed before the last records were taken.
    await this.#checkpoint();
    await this.#engine.outbox.idle(STOP_DELIVERY_MS);
    await this.#checkpoint();
  }

  /** Stops reading and writes nothing more; a checkpoint under way gets a short time to end. */
  async halt(): Promise<void> {
    this.#isStopping = true;
    this.#wake.abort();
    await this.#running;
    const waited = new AbortController();
    const ended = this.#checkpointing.catch(() => undefined);
    await Promise.race([ended, this.#clock.sleep(HALT_MS_MAX, waited.signal)]);
    waited.abort();
  }

  /** Resolves when nothing is left to read, to write or to deliver. */
  async drain(): Promise<void> {
    for (;;) {
      while (this.#hasUnread() && !this.#isStopping) {
        if (this.#engine.needsCheckpoint) await this.#checkpoint();
        else await this.#clock.sleep(DRAIN_LOOK_MS);
      }
      await this.#checkpoint();
      // A checkpoint that was under way may have closed before the last records were read.
      await this.#checkpoint();
      await this.#engine.outbox.idle();
      if (this.#isStopping || this.#isIdle()) return;
    }
  }

  /**
   * Whether nothing is on its way. What a delivery brought may have been read meanwhile, and wait for a
   * checkpoint of its own; or somebody else's checkpoint is being written, with events for other stages.
   */
  #isIdle(): boolean {
    const { tasks, outbox } = this.#engine;
    return (
      !this.#hasUnread() &&
      outbox.pendingDeliveries === 0 &&
      tasks.every((task) => !task.hasPending)
    );
  }

  async #run(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    let sliceMs = SLICE_MS;
    while (!this.#isStopping) {
      this.#wake = new AbortController();
      const startedAtMs = this.#clock.monotonicMs();
      let taken = 0;
      let hasBacklog = true;
      const slice = (): void => {
        while (this.#clock.monotonicMs() - startedAtMs < sliceMs) {
          const step = this.#engine.step();
          taken += step;
          hasBacklog = step > 0;
          if (!hasBacklog) break;
        }
      };
      // Without records no operator runs, and there is nothing to watch.
      if (this.#engine.mustWait()) hasBacklog = false;
      else if (!this.#hasUnread()) slice();
      else if (!this.#watchdog.ends(slice, this.#stepMsMax)) {
        this.#engine.stepEnded(this.#stepMsMax);
      }
      sliceMs = hasBacklog ? BACKLOG_SLICE_MS : SLICE_MS;
      this.#publishWhenDue();
      if (this.#engine.isCheckpointDue) {
        this.#checkpoint().catch((error: unknown) => {
          failure = { error };
        });
      }
      if (failure !== undefined) throw failure.error;
      if (taken > 0) await nextTurn();
      else await this.#clock.sleep(this.#waitMs(), this.#wake.signal);
    }
  }

  /** How long to wait when no task took anything. */
  #waitMs(): number {
    if (this.#engine.isHeld) return HELD_WAIT_MS;
    return this.#engine.hasUnpublished ? this.#liveTickMs : IDLE_WAIT_MS;
  }

  /** Of what has piled up as seldom as there are checkpoints of it: a row changes many times meanwhile. */
  #publishWhenDue(): void {
    const tickMs = this.#liveTickMs * historyFactor(this.#engine.tasks, this.#log);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastPublishedMs >= tickMs && this.#canPublish()) this.#publish();
  }

  #publish(): void {
    const batch = this.#engine.publish();
    if (batch === undefined) return;
    this.#lastPublishedMs = this.#clock.monotonicMs();
    this.#onUpdates(batch);
  }

  /** What a checkpoint makes durable has been published before: a successor publishes what changes after it. */
  #checkpoint(): Promise<void> {
    this.#publish();
    const checkpoint = this.#engine.checkpoint();
    this.#checkpointing = checkpoint;
    return checkpoint;
  }

  #hasUnread(): boolean {
    return this.#engine.tasks.some((task) => task.hasWakes || unreadCount(task, this.#log) > 0);
  }
}

/** How long a stop waits for ClickHouse; what is left is delivered by the next start. */
const STOP_DELIVERY_MS = 3_000;
const DRAIN_LOOK_MS = 5;
/** How long a halt waits for a checkpoint that finds no room or no broker. */
const HALT_MS_MAX = 5_000;
