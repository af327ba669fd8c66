import { loadConfig } from '../../processors/config.ts';
import { createDoor } from '../../processors/door/door.ts';
import { createTokeniser } from '../../processors/door/tokeniser.ts';
import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { EngineEvents } from '../../processors/engine/runtime/engine-options.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import { systemClock } from '../../processors/engine/runtime/system-clock.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import { limitsOf } from '../../processors/limits.ts';
import { createProcessors } from '../../processors/registry.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { EVENT_TYPES } from '../../schemas/topics.ts';
import { Shop } from '../shop/shop.ts';

/** Partitions of the visitor and of the SKU stage. */
export const PARTITIONS = 4;
const EVENTS_PER_SECOND = 200;
/** In the past, or the door refuses it. */
const START_MS = Date.UTC(2025, 0, 6, 12);
const BATCH_EVENTS = 2_000;
const SILENT: EngineEvents = {
  onCount: () => undefined,
  onPoison: (record) => {
    throw record;
  },
  onCheckpoint: () => undefined,
  onCheckpointFailed: () => undefined,
  onRetry: () => undefined,
  onDelivered: () => undefined,
};

/** User and system CPU time of `work` per event, microseconds. */
export async function cpuUs(events: number, work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / events;
}

/** Writes a shop's events into the log through the door; returns them as JSON text. */
export async function fill(log: MemoryLog, events: number): Promise<readonly string[]> {
  const shop = new Shop({
    seed: 7,
    startMs: START_MS,
    eventsPerSecond: EVENTS_PER_SECOND,
    durationMs: Math.ceil((events / EVENTS_PER_SECOND) * 1_000),
  });
  const door = createDoor({
    tokeniser: createTokeniser(Buffer.alloc(32, 7)),
    partitionCounts: { visitor: PARTITIONS, sku: PARTITIONS },
    clockSkewMs: 5 * MINUTE_MS,
    clock: () => Date.now(),
    append: (batches) => log.append(batches),
  });
  const all = [...shop.next(Number.POSITIVE_INFINITY), ...shop.finish()];
  for (let start = 0; start < all.length; start += BATCH_EVENTS) {
    const batch = all.slice(start, start + BATCH_EVENTS);
    for (const type of EVENT_TYPES) {
      await door.ingest(
        type,
        batch.filter((event) => event.type === type).map((event) => event.toObject()),
      );
    }
  }
  return all.map((event) => event.json);
}

/** CPU microseconds per event of all processors, deduplication, watermarks and checkpoints; memory in place of disk and ClickHouse. */
export async function throughEngine(
  events: number,
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  // What stages forward goes to the log, so each run has one of its own.
  const log = new MemoryLog(() => Date.now());
  const lines = await fill(log, events);
  return cpuUs(lines.length, () => drained(log, environment));
}

/** Takes all of the log and returns the state that is left. */
export async function drained(
  log: MemoryLog,
  environment: Readonly<Record<string, string>>,
): Promise<MemoryStore> {
  const store = new MemoryStore();
  const config = loadConfig({ file: undefined, environment });
  const engine = await Engine.open({
    node: 'bench',
    processors: createProcessors(config),
    log,
    store,
    sink: { insert: () => Promise.resolve() },
    clock: systemClock,
    limits: limitsOf(config),
    partitions: PARTITIONS,
    events: SILENT,
  });
  for (;;) {
    const taken = engine.step();
    if (engine.isCheckpointDue || taken === 0) await engine.checkpoint();
    if (taken === 0 && !engine.hasPending) return store;
  }
}
