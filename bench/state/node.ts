import { statSync } from 'node:fs';
import { join } from 'node:path';

import { loadConfig } from '../../processors/config.ts';
import { createDoor } from '../../processors/door/door.ts';
import { createTokeniser } from '../../processors/door/tokeniser.ts';
import { EmbeddedLog } from '../../processors/engine/log/embedded.ts';
import { unaccountedOf } from '../../processors/engine/runtime/counts.ts';
import type { EngineEvents } from '../../processors/engine/runtime/engine-options.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import { EngineLoop } from '../../processors/engine/runtime/loop.ts';
import { systemClock } from '../../processors/engine/runtime/system-clock.ts';
import { LmdbStore } from '../../processors/engine/state/lmdb.ts';
import { collectByGrowth, collectYoungOften } from '../../processors/garbage-collection.ts';
import { limitsOf } from '../../processors/limits.ts';
import { createProcessors } from '../../processors/registry.ts';
import { messageOf } from '../../schemas/errors.ts';
import { touchAt } from './touches.ts';

/** Keyed by the door: every process of a run makes the same tokens. */
const SECRET = Buffer.alloc(32, 'a secret of the bench');
const EVENTS_PER_APPEND = 2_000;

/** The embedded engine with all processors, without ClickHouse: rows are acknowledged at once. */
export interface StateNode {
  /** Appends touches `from` (inclusive) to `to` (exclusive); resolves when they are durable. */
  append(touches: {
    readonly from: number;
    readonly to: number;
    readonly visitors: number;
  }): Promise<void>;
  /** Records in the log that no task has taken. */
  unread(): number;
  /** Clicks in the log. */
  appended(): number;
  /** Resolves when everything in the log is processed and durable. */
  drain(): Promise<void>;
  /** @throws when an event in the log did not contribute, or was counted twice */
  checkNothingLost(): void;
  stateBytes(): number;
}

/** What a node tells while it runs. */
export interface StateNodeEvents {
  readonly onCheckpoint: EngineEvents['onCheckpoint'];
  /**
   * While records were waiting, this long passed from the end of one step that took some to the end of
   * the next: for up to 256 records, and all else that the thread did, garbage collection and the door too.
   */
  readonly onPause: (pauseMs: number) => void;
}

/** Opens the engine over the files in `dataDir` and starts it. */
export async function openStateNode(
  dataDir: string,
  { onCheckpoint, onPause }: StateNodeEvents,
): Promise<StateNode> {
  const config = loadConfig({ file: undefined, environment: { WEIR_DATA_DIR: dataDir } });
  const { partitions } = config;
  collectByGrowth();
  collectYoungOften();
  const log = EmbeddedLog.open(join(dataDir, 'log'), () => systemClock.nowMs());
  const stateDir = join(dataDir, 'state');
  const engine = await Engine.open({
    node: 'local',
    processors: createProcessors(config),
    log,
    store: LmdbStore.open(stateDir),
    sink: { insert: () => Promise.resolve() },
    clock: systemClock,
    limits: limitsOf(config),
    partitions,
    events: {
      onCount: () => undefined,
      onPoison: ({ message }) => fail(message),
      onCheckpoint,
      onCheckpointFailed: fail,
      onRetry: ({ error }) => fail(error),
      onDelivered: () => undefined,
    },
  });
  watchPauses(engine, log, onPause);
  const loop = new EngineLoop({
    engine,
    log,
    clock: systemClock,
    liveTickMs: config.windows.live_tick,
    onUpdates: () => undefined,
    onDefect: fail,
  });
  loop.start();
  const door = createDoor({
    tokeniser: createTokeniser(SECRET),
    partitionCounts: { visitor: partitions, sku: partitions },
    clockSkewMs: config.lateness.clock_skew,
    clock: () => systemClock.nowMs(),
    append: (batches) => log.append(batches),
  });
  const appended = (): number => clicksIn(log, partitions);
  return {
    async append({ from, to, visitors }) {
      for (let at = from; at < to; at += EVENTS_PER_APPEND) {
        const length = Math.min(EVENTS_PER_APPEND, to - at);
        const events = Array.from({ length }, (_, index) => touchAt(at + index, visitors));
        const { rejected } = await door.ingest('click', events);
        if (rejected.length > 0) fail(rejected[0]?.message);
      }
    },
    unread: () => unreadOf(engine, log),
    appended,
    drain: () => loop.drain(),
    checkNothingLost() {
      const counts = engine.counts();
      if (counts.contributed === appended() && unaccountedOf(counts) === 0) return;
      throw new Error(`Expected ${appended()} events to contribute, got ${JSON.stringify(counts)}`);
    },
    stateBytes: () => statSync(join(stateDir, 'data.mdb')).size,
  };
}

function clicksIn(log: EmbeddedLog, partitions: number): number {
  let records = 0;
  for (let partition = 0; partition < partitions; partition += 1)
    records += log.endOffset('weir.clicks', partition);
  return records;
}

function watchPauses(engine: Engine, log: EmbeddedLog, onPause: (pauseMs: number) => void): void {
  const step = engine.step.bind(engine);
  let waitingSinceMs: number | undefined;
  engine.step = () => {
    const taken = step();
    if (taken === 0) return 0;
    const nowMs = performance.now();
    if (waitingSinceMs !== undefined) onPause(nowMs - waitingSinceMs);
    waitingSinceMs = unreadOf(engine, log) > 0 ? nowMs : undefined;
    return taken;
  };
}

function unreadOf(engine: Engine, log: EmbeddedLog): number {
  let records = 0;
  for (const task of engine.tasks) {
    for (const { topic, nextOffset } of task.inputs())
      records += log.endOffset(topic, task.partition) - nextOffset;
  }
  return records;
}

/** Figures of an engine that had to try again, or lost its way, are no result. */
function fail(error: unknown): never {
  console.error(`Processing stopped: ${messageOf(error)}`);
  process.exit(1);
}
