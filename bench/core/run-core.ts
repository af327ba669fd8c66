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
import type { Click } from '../../schemas/events/click.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { EVENT_TYPES, type Topic } from '../../schemas/topics.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { Shop } from '../shop/shop.ts';

export interface CoreInput {
  readonly events: number;
}

/** User and system CPU time per event of each way through the same bytes, microseconds. */
export interface CoreRun {
  readonly events: number;
  readonly engineUs: number;
  /** The same without judging visitors. */
  readonly engineWithoutBotsUs: number;
  readonly decodeUs: number;
  readonly handWrittenUs: number;
  readonly jsonUs: number;
}

const PARTITIONS = 4;
const EVENTS_PER_SECOND = 200;
/** In the past, or the door refuses it. */
const START_MS = Date.UTC(2025, 0, 6, 12);
const BATCH_EVENTS = 2_000;
const TOPICS: readonly Topic[] = ['weir.clicks', 'weir.orders', 'weir.inventory', 'weir.reference'];

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

await sendResult(await run(childInput<CoreInput>()));
process.exit();

async function run({ events }: CoreInput): Promise<CoreRun> {
  const log = new MemoryLog(() => Date.now());
  const lines = await fill(log, events);
  // Twice: the first round compiles the code, the second one counts.
  let measured: CoreRun | undefined;
  for (let round = 0; round < 2; round += 1) {
    measured = {
      events: lines.length,
      engineUs: await throughEngine(events, {}),
      engineWithoutBotsUs: await throughEngine(events, { WEIR_BOTS_FILTER: 'false' }),
      decodeUs: await cpuUs(lines.length, () => decodeOnly(log)),
      handWrittenUs: await cpuUs(lines.length, () => handWritten(log)),
      jsonUs: await cpuUs(lines.length, () => parseAll(lines)),
    };
  }
  if (measured === undefined) throw new Error('no round was measured');
  return measured;
}

async function cpuUs(events: number, work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / events;
}

/** Writes a shop's events into the log through the door; returns them as JSON text. */
async function fill(log: MemoryLog, events: number): Promise<readonly string[]> {
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

/** All processors, deduplication, watermarks and checkpoints; memory in place of disk and ClickHouse. */
async function throughEngine(
  events: number,
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  // What stages forward goes to the log, so each run has one of its own.
  const log = new MemoryLog(() => Date.now());
  const lines = await fill(log, events);
  return cpuUs(lines.length, () => drained(log, environment));
}

async function drained(
  log: MemoryLog,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const config = loadConfig({ file: undefined, environment });
  const engine = await Engine.open({
    node: 'bench',
    processors: createProcessors(config),
    log,
    store: new MemoryStore(),
    sink: { insert: () => Promise.resolve() },
    clock: systemClock,
    limits: limitsOf(config),
    partitions: PARTITIONS,
    events: SILENT,
  });
  for (;;) {
    const taken = engine.step();
    if (engine.isCheckpointDue || taken === 0) await engine.checkpoint();
    if (taken === 0 && !engine.hasPending) break;
  }
}

/** The floor: every record decoded, nothing done with it. */
function decodeOnly(log: MemoryLog): number {
  let decoded = 0;
  for (const { bytes, start, end, topic } of records(log)) {
    if (decodeEvent(topic, bytes, start, end).kind === 'ok') decoded += 1;
  }
  return decoded;
}

/**
 * What a program for this one question would do: decode clicks, forget repeated ids, and add up gross
 * clicks per minute and channel. No sessions, visitors, credit, corrections or recovery.
 */
function handWritten(log: MemoryLog): number {
  const seen = new Set<string>();
  const sums = new Map<string, number>();
  for (const { bytes, start, end, topic } of records(log)) {
    const decoded = decodeEvent(topic, bytes, start, end);
    if (decoded.kind !== 'ok' || seen.has(decoded.event.event_id)) continue;
    seen.add(decoded.event.event_id);
    if (topic !== 'weir.clicks' || !isClick(decoded.event)) continue;
    const minute = Math.floor(decoded.event.occurred_at / MINUTE_MS);
    const key = `${minute}|${decoded.event.channel}`;
    sums.set(key, (sums.get(key) ?? 0) + 1);
  }
  return sums.size;
}

function isClick(event: object): event is Click {
  return 'channel' in event && 'kind' in event;
}

/** What merely reading the same events as text costs. */
function parseAll(lines: readonly string[]): number {
  let objects = 0;
  for (const line of lines) if (typeof JSON.parse(line) === 'object') objects += 1;
  return objects;
}

function* records(log: MemoryLog): Iterable<{
  readonly topic: Topic;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}> {
  for (const topic of TOPICS) {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for (let offset = 0; ;) {
        const batch = log.read(topic, partition, offset);
        if (batch === undefined) break;
        for (let at = 0; at < batch.count; at += 1) {
          yield {
            topic,
            bytes: batch.bytes,
            start: batch.starts[at] ?? 0,
            end: batch.ends[at] ?? 0,
          };
        }
        offset = batch.nextOffset;
      }
    }
  }
}
