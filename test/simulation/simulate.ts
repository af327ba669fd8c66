import { createHash } from 'node:crypto';

import { Random } from '../../bench/shop/random.ts';
import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { EngineEvents } from '../../processors/engine/runtime/engine-options.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import { EngineError, messageOf } from '../../schemas/errors.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { MemorySink } from '../doubles/memory-sink.ts';
import { Faults } from './faults.ts';
import { checkAlways, checkEnd } from './invariants.ts';
import { PROCESSORS } from './oracle.ts';
import { SimulatedProcess, type World } from './process.ts';
import type { Variant } from './variants.ts';
import { Viewer } from './viewer.ts';
import { VirtualTime } from './virtual-time.ts';
import { ALLOWED_LATENESS_MS, OUT_OF_ORDERNESS_MS, PARTITIONS, Workload } from './workload.ts';

/** What one run came to. */
export interface Outcome {
  readonly seed: number;
  /** Undefined when every invariant held. */
  readonly failure: string | undefined;
  readonly faults: Faults;
  readonly crashes: number;
  /** Hash of everything that left the engine: the same seed gives the same. */
  readonly traceHash: string;
}

const START_MS = Date.UTC(2026, 10, 20);
/** Event times begin before the simulated present, so that hours of events fit into seconds. */
const EVENTS_START_MS = START_MS - 24 * HOUR_MS;
const BATCHES_MAX = 90;
const BATCH_GAP_MS_MAX = 400;
const TICK_MS_MAX = 40;
const RESTART_MS_MAX = 800;
/** Steps within which everything must come right once the faults have stopped. */
const SETTLE_STEPS_MAX = 20_000;
/** Chance of a fault of the whole machine at a tick, on top of its drawn weight. */
const MACHINE_FAULT_CHANCE = 0.1;

const silent: EngineEvents = {
  onCount: () => undefined,
  onPoison: () => undefined,
  onCheckpoint: () => undefined,
  onCheckpointFailed: () => undefined,
  onRetry: () => undefined,
  onDelivered: () => undefined,
};

/**
 * Runs the real engine with the product's operators against a simulated disk, log and ClickHouse.
 * The seed decides events, delays and faults. First faults strike while events come in; then they
 * stop, and within a bounded number of steps the tables must equal the oracle's.
 */
export async function simulate(seed: number, variant?: Variant): Promise<Outcome> {
  const run = new Run(seed, variant);
  return run.finish();
}

class Run {
  readonly #seed: number;
  readonly #variant: Variant | undefined;
  readonly #random: Random;
  readonly #world: World;
  readonly #workload: Workload;
  readonly #viewer = new Viewer();
  #process: SimulatedProcess | undefined;
  #engine: Engine | undefined;
  #batchesLeft: number;
  #crashes = 0;
  #failure: string | undefined;

  constructor(seed: number, variant: Variant | undefined) {
    this.#seed = seed;
    this.#variant = variant;
    this.#random = new Random(seed, 'run');
    const faults = new Faults(new Random(seed, 'faults'));
    const time = new VirtualTime(START_MS, new Random(seed, 'jitter'));
    this.#world = {
      time,
      random: new Random(seed, 'world'),
      faults,
      log: new MemoryLog(() => time.nowMs()),
      store: new MemoryStore(),
      sink: new MemorySink(),
    };
    this.#workload = new Workload(new Random(seed, 'workload'), faults, EVENTS_START_MS);
    this.#batchesLeft = 20 + this.#random.below(BATCHES_MAX - 20);
  }

  async finish(): Promise<Outcome> {
    const { time, faults } = this.#world;
    this.#start();
    this.#tick();
    this.#send();
    try {
      while (this.#batchesLeft > 0 && this.#failure === undefined) await this.#advance();
      faults.isOn = false;
      time.skewMs = 0;
      let steps = 0;
      while (this.#failure === undefined && !(await this.#isSettled())) {
        await this.#advance();
        steps += 1;
        if (steps > SETTLE_STEPS_MAX)
          this.#failure = `Not settled ${SETTLE_STEPS_MAX} steps after the last fault`;
      }
      if (this.#failure === undefined && this.#engine !== undefined) {
        this.#failure = checkEnd(this.#world, this.#engine, this.#viewer);
      }
    } catch (error) {
      this.#failure = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    }
    return {
      seed: this.#seed,
      failure: this.#failure,
      faults,
      crashes: this.#crashes,
      traceHash: traceHashOf(this.#world.sink),
    };
  }

  async #advance(): Promise<void> {
    await this.#world.time.advance();
    if (this.#engine !== undefined) this.#failure ??= checkAlways(this.#world, this.#engine);
  }

  #start(): void {
    const world = this.#variant?.world?.(this.#world) ?? this.#world;
    const process = new SimulatedProcess(world, () => this.#crashed());
    this.#process = process;
    const processors = this.#variant?.processors?.(PROCESSORS, this.#crashes) ?? PROCESSORS;
    Engine.open({
      node: 'simulated',
      processors,
      log: process.log,
      store: this.#variant?.store?.(process.store) ?? process.store,
      sink: this.#variant?.sink?.(process.sink) ?? process.sink,
      clock: world.time,
      limits: {
        outOfOrdernessMs: OUT_OF_ORDERNESS_MS,
        idleTimeoutMs: 2 * SECOND_MS,
        allowedLatenessMs: ALLOWED_LATENESS_MS,
        clockSkewMs: 5 * MINUTE_MS,
        cachedKeysMax: 1 + this.#random.below(4),
        cachedRowsMax: 1 + this.#random.below(20),
        deduplicationIdsMax: 10_000,
        checkpointMs: 200 + this.#random.below(2_000),
        checkpointChangesMax: 1 + this.#random.below(8),
        checkpointLinesMax: 5 + this.#random.below(200),
        outboxRowsMax: 20 + this.#random.below(500),
      },
      partitions: PARTITIONS,
      events: silent,
    }).then(
      (engine) => {
        if (process.isDead) return;
        this.#engine = engine;
        this.#viewer.begin(engine);
      },
      (error: unknown) => {
        // A disk without room refuses the start; whoever supervises the process tries again.
        if (error instanceof EngineError && error.kind === 'transient') process.kill();
        else this.#failure ??= `Open failed: ${messageOf(error)}`;
      },
    );
  }

  #crashed(): void {
    this.#crashes += 1;
    this.#engine = undefined;
    this.#world.time.after(1 + this.#random.below(RESTART_MS_MAX), () => this.#start());
  }

  #send(): void {
    const { time, log } = this.#world;
    this.#batchesLeft -= 1;
    void log.append([this.#workload.next(time.nowMs())]);
    if (this.#batchesLeft > 0)
      time.after(1 + this.#random.below(BATCH_GAP_MS_MAX), () => this.#send());
  }

  #tick(): void {
    const { time } = this.#world;
    time.after(1 + this.#random.below(TICK_MS_MAX), () => this.#tick());
    this.#strikeMachine();
    const engine = this.#engine;
    if (engine === undefined) return;
    try {
      for (let steps = this.#random.below(4); steps > 0; steps -= 1) engine.step();
      const batch = engine.publish();
      if (batch !== undefined) this.#viewer.update(batch.updates);
      if (engine.isCheckpointDue) {
        engine.checkpoint().catch((error: unknown) => {
          this.#failure ??= `Checkpoint failed: ${messageOf(error)}`;
        });
      }
    } catch (error) {
      this.#failure ??= error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    }
  }

  #strikeMachine(): void {
    if (!this.#random.chance(MACHINE_FAULT_CHANCE)) return;
    const { faults, time } = this.#world;
    if (this.#process?.isDead === false && faults.strikes('crash_at_random')) this.#process.kill();
    if (faults.strikes('clock_jump_forward')) time.skewMs = this.#random.below(HOUR_MS);
    if (faults.strikes('clock_jump_back')) time.skewMs = -this.#random.below(HOUR_MS);
  }

  async #isSettled(): Promise<boolean> {
    const engine = this.#engine;
    if (engine === undefined) return false;
    const hasUnread = engine.tasks.some((task) =>
      task
        .inputs()
        .some(
          ({ topic, nextOffset }) => nextOffset < this.#world.log.endOffset(topic, task.partition),
        ),
    );
    if (hasUnread || engine.outbox.pendingRows > 0 || engine.hasUnpublished || engine.hasPending)
      return false;
    await Promise.resolve();
    return engine.outbox.pendingDeliveries === 0;
  }
}

function traceHashOf(sink: MemorySink): string {
  const hash = createHash('sha256');
  for (const [token, body] of sink.tokens) hash.update(token).update(body);
  return hash.digest('hex');
}
