import { createHash } from 'node:crypto';

import { Random } from '../../bench/shop/random.ts';
import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { EngineLimits } from '../../processors/engine/runtime/engine-limits.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import type { Store } from '../../processors/engine/state/store.ts';
import { EngineError, messageOf } from '../../schemas/errors.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { MemoryChangelog } from '../doubles/memory-changelog.ts';
import { MemorySink } from '../doubles/memory-sink.ts';
import { NO_LISTENER } from '../doubles/no-listener.ts';
import { FAULTS, Faults, TAKEOVER_FAULTS } from './faults.ts';
import { checkAlways, checkEnd } from './invariants.ts';
import { PROCESSORS, ROWS_TABLES } from './oracle.ts';
import { type Machine, SimulatedProcess, type World } from './process.ts';
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
  /** How often the viewer stood still. */
  readonly stalls: number;
  /** How often tasks waited because the outbox was full. */
  readonly waits: number;
  /** Hash of everything that left the engine: the same seed gives the same. */
  readonly traceHash: string;
}

/** What is run, besides the product as it is on one machine. */
interface SimulationOptions {
  readonly variant?: Variant;
  /** Processes on several machines take over from each other through a changelog. */
  readonly hasChangelog?: boolean;
}

/** An engine whose process was frozen and does not know that another has taken over. */
interface Zombie {
  readonly process: SimulatedProcess;
  readonly engine: Engine;
  readonly machine: Machine;
}

const MACHINES = 3;
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

/** Chances of a viewer at a tick to stand still at most, and to go on. */
const STALL_CHANCE_MAX = 0.1;
const STALL_END_CHANCE = 0.05;

/**
 * Runs the real engine with the product's operators against a simulated disk, log and ClickHouse.
 * The seed decides events, delays and faults. First faults strike while events come in; then they
 * stop, and within a bounded number of steps the tables must equal the oracle's.
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const run = new Run(seed, options);
  return run.finish();
}

class Run {
  readonly #seed: number;
  readonly #variant: Variant | undefined;
  readonly #random: Random;
  readonly #world: World;
  readonly #workload: Workload;
  readonly #viewer = new Viewer();
  /** Of its own, so that what a seed does is not another thing because of the viewer. */
  readonly #viewing: Random;
  readonly #stallChance: number;
  #process: SimulatedProcess | undefined;
  #engine: Engine | undefined;
  #batchesLeft: number;
  #crashes = 0;
  #stalls = 0;
  #waits = 0;
  #outboxRowsMax = Infinity;
  #failure: string | undefined;
  readonly #machines: readonly Machine[];
  #zombies: Zombie[] = [];

  constructor(seed: number, { variant, hasChangelog = false }: SimulationOptions) {
    this.#seed = seed;
    this.#variant = variant;
    this.#random = new Random(seed, 'run');
    this.#viewing = new Random(seed, 'viewer');
    this.#stallChance = this.#viewing.chance(0.5) ? 0 : STALL_CHANCE_MAX * this.#viewing.unit();
    const faults = new Faults(
      new Random(seed, 'faults'),
      hasChangelog ? [...FAULTS, ...TAKEOVER_FAULTS] : FAULTS,
    );
    const time = new VirtualTime(START_MS, new Random(seed, 'jitter'));
    const machine: Machine = { store: new MemoryStore() };
    this.#machines = [
      machine,
      ...Array.from({ length: MACHINES - 1 }, () => ({ store: new MemoryStore() })),
    ];
    this.#world = {
      time,
      random: new Random(seed, 'world'),
      faults,
      log: new MemoryLog(() => time.nowMs()),
      machine,
      changelog: hasChangelog ? new MemoryChangelog() : undefined,
      sink: new MemorySink(ROWS_TABLES),
    };
    const random = new Random(seed, 'workload');
    const links = new Random(seed, 'links');
    const prices = new Random(seed, 'prices');
    this.#workload = new Workload({ random, links, prices }, faults, EVENTS_START_MS);
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
      for (const { process } of this.#zombies.splice(0)) process.kill();
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
      stalls: this.#stalls,
      waits: this.#waits,
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
    const open = (store: Store): Promise<Engine> =>
      Engine.open({
        node: 'simulated',
        processors,
        log: process.log,
        store: this.#variant?.store?.(store) ?? store,
        sink: this.#variant?.sink?.(process.sink) ?? process.sink,
        clock: world.time,
        limits: {
          outOfOrdernessMs: OUT_OF_ORDERNESS_MS,
          idleTimeoutMs: 2 * SECOND_MS,
          allowedLatenessMs: ALLOWED_LATENESS_MS,
          clockSkewMs: 5 * MINUTE_MS,
          cachedStateBytesMax: 1 + this.#random.below(4_000),
          cachedRowsMax: 1 + this.#random.below(20),
          deduplicationIdsMax: 10_000,
          checkpointMs: 200 + this.#random.below(2_000),
          ...this.#changesMax(),
          checkpointLinesMax: 5 + this.#random.below(200),
          outboxRowsMax: this.#drawOutbox(),
        },
        partitions: PARTITIONS,
        events: NO_LISTENER,
      });
    process
      .openStore()
      .then(open)
      .then(
        (engine) => {
          if (process.isDead) return;
          this.#engine = engine;
          this.#viewer.begin(engine);
        },
        (error: unknown) => {
          // A disk without room refuses the start; whoever supervises the process tries again.
          if (error instanceof EngineError && isPassing(error)) process.kill();
          else this.#failure ??= `Open failed: ${messageOf(error)}`;
        },
      );
  }

  #drawOutbox(): number {
    this.#outboxRowsMax = 20 + this.#random.below(500);
    return this.#outboxRowsMax;
  }

  /** One step, unless so much waits for ClickHouse that none may be made. */
  #step(engine: Engine): void {
    const isFull = engine.outbox.pendingRows >= this.#outboxRowsMax;
    if (isFull) this.#waits += 1;
    if (engine.step() > 0 && isFull)
      this.#failure ??= 'A task went on although the outbox was full';
  }

  /** A checkpoint pauses after few keys, and is due after not many. */
  #changesMax(): Pick<EngineLimits, 'checkpointKeysMax' | 'checkpointRowsMax' | 'stretchKeysMax'> {
    const stretchKeysMax = 1 + this.#random.below(8);
    const changesMax = 5 * stretchKeysMax;
    return { stretchKeysMax, checkpointKeysMax: changesMax, checkpointRowsMax: changesMax };
  }

  /** The process dies, or is taken for dead: another starts, here or on another machine. */
  #crashed(): void {
    this.#crashes += 1;
    this.#engine = undefined;
    if (this.#world.faults.strikes('takeover_by_another')) this.#moveOn();
    this.#world.time.after(1 + this.#random.below(RESTART_MS_MAX), () => this.#start());
  }

  #moveOn(): void {
    const { machine } = this.#world;
    const free = this.#machines.filter(
      (each) => each !== machine && this.#zombies.every((zombie) => zombie.machine !== each),
    );
    this.#world.machine = free[this.#random.below(free.length)] ?? machine;
  }

  /** The process is left behind as it is, and goes on while another takes over. */
  #freeze(): void {
    const process = this.#process;
    const engine = this.#engine;
    if (process === undefined || engine === undefined || process.isDead) return;
    if (this.#zombies.length > 0 || !this.#world.faults.strikes('takeover_of_frozen')) return;
    // Its machine is not used again before it is dead.
    this.#zombies.push({ process, engine, machine: this.#world.machine });
    process.abandon();
    this.#engine = undefined;
    this.#moveOn();
    this.#world.time.after(1 + this.#random.below(RESTART_MS_MAX), () => this.#start());
  }

  #send(): void {
    const { time, log } = this.#world;
    this.#batchesLeft -= 1;
    void log.append([this.#workload.next(time.nowMs())]);
    if (this.#batchesLeft > 0)
      time.after(1 + this.#random.below(BATCH_GAP_MS_MAX), () => this.#send());
  }

  /** What a process writes that does not know it was replaced must be refused. */
  #tickZombies(): void {
    for (const zombie of this.#zombies) {
      const { process, engine } = zombie;
      for (let steps = this.#random.below(4); steps > 0; steps -= 1) engine.step();
      engine.publish();
      if (!engine.isCheckpointDue) continue;
      engine.checkpoint().catch(() => {
        process.kill();
        this.#zombies = this.#zombies.filter((each) => each !== zombie);
      });
    }
  }

  #tick(): void {
    const { time } = this.#world;
    time.after(1 + this.#random.below(TICK_MS_MAX), () => this.#tick());
    this.#strikeMachine();
    this.#tickZombies();
    const engine = this.#engine;
    if (engine === undefined) return;
    try {
      for (let steps = this.#random.below(4); steps > 0; steps -= 1) this.#step(engine);
      const batch = engine.publish();
      if (batch !== undefined) this.#viewer.update(batch.updates);
      this.#view(engine);
      const process = this.#process;
      if (engine.isCheckpointDue) {
        engine.checkpoint().catch((error: unknown) => {
          if (error instanceof EngineError && isPassing(error)) process?.kill();
          else this.#failure ??= `Checkpoint failed: ${messageOf(error)}`;
        });
      }
    } catch (error) {
      this.#failure ??= error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    }
  }

  /** The viewer stands still for a while; then it goes on, or was closed and begins anew. */
  #view(engine: Engine): void {
    const { isOn } = this.#world.faults;
    if (this.#viewer.isStalled) {
      if (isOn && !this.#viewing.chance(STALL_END_CHANCE)) return;
      if (this.#viewing.chance(0.5)) this.#viewer.goOn();
      else this.#viewer.begin(engine);
    } else if (isOn && this.#viewing.chance(this.#stallChance)) {
      this.#viewer.stall();
      this.#stalls += 1;
    }
  }

  #strikeMachine(): void {
    if (!this.#random.chance(MACHINE_FAULT_CHANCE)) return;
    const { faults, time } = this.#world;
    this.#freeze();
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
    if (hasUnread || engine.tasks.some(({ hasWakes }) => hasWakes)) return false;
    if (
      this.#viewer.isStalled ||
      engine.outbox.pendingRows > 0 ||
      engine.hasUnpublished ||
      engine.hasPending
    )
      return false;
    await Promise.resolve();
    return engine.outbox.pendingDeliveries === 0;
  }
}

/** Whether whoever supervises the process just starts another one. */
function isPassing(error: EngineError): boolean {
  return error.kind === 'transient' || error.code.startsWith('CHANGELOG_');
}

function traceHashOf(sink: MemorySink): string {
  const hash = createHash('sha256');
  for (const [token, body] of sink.tokens) hash.update(token).update(body);
  return hash.digest('hex');
}
