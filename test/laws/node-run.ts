import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { Processor } from '../../processors/engine/operator/processor.ts';
import type { Sink } from '../../processors/engine/sink/sink.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import { erase } from '../../schemas/brand.ts';
import { assert } from '../../schemas/errors.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { partitionOf, visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { KEY_OF_TOPIC } from '../../schemas/topics.ts';
import { MemorySink } from '../doubles/memory-sink.ts';
import { openNode, takeAll } from '../doubles/small-node.ts';
import { DAY_ZERO_MS, buildClick, buildInventory } from './event-builders.ts';
import type { LawEvent } from './law-event.ts';

/** How events come to a node, beside their order. */
export interface Course {
  readonly partitions: number;
  /** Events of each append, over and over. */
  readonly batches: readonly number[];
  /** Whether everything comes again after every append. */
  readonly isRepeated?: boolean;
}

/** What a node is made of, so that a broken one can be tried. */
export interface NodeParts {
  readonly processors: readonly Processor[];
  readonly deduplicationIdsMax?: number;
}

/** What users see: per table its rows, without what says where an event was taken. */
export type Tables = Readonly<Record<string, readonly string[]>>;

/** Long after every event, and before any of them is too late. */
const END_MS = DAY_ZERO_MS + 20 * HOUR_MS;
const NOW_MS = DAY_ZERO_MS + 30 * DAY_MS;
/** Events that only move time on. */
const TICKS = 12;
const PLACE: ReadonlySet<string> = new Set(['topic', 'partition', 'offset', 'index', 'version']);

/** Has a node of these processors take the events, until nothing is left to do; gives its tables. */
export async function tablesAfter(
  node: NodeParts,
  events: readonly LawEvent[],
  course: Course,
): Promise<Tables> {
  const tables = node.processors.flatMap((processor) => processor.tables);
  const sink = new MemorySink(tables.filter((table) => table.kind === 'rows'));
  await passThrough(node, sink, events, course);
  const shown: Record<string, readonly string[]> = {};
  for (const table of tables) {
    if (table.kind !== 'rows' && table.isTrail === true) continue;
    const rows =
      table.kind === 'sums'
        ? Object.entries(sink.totals(table)).map(([key, sums]) => `${key} ${JSON.stringify(sums)}`)
        : [...(sink.tables.get(table.name)?.values() ?? [])]
            .filter((row) => row['withdrawn'] !== 'true')
            .map((row) => JSON.stringify(Object.entries(row).filter(([name]) => !PLACE.has(name))));
    shown[table.name] = rows.toSorted();
  }
  return shown;
}

/** Has a node take the events and deliver everything to `sink`. */
export async function passThrough(
  node: NodeParts,
  sink: Sink,
  events: readonly LawEvent[],
  { partitions, batches, isRepeated = false }: Course,
): Promise<void> {
  const log = new MemoryLog(() => NOW_MS);
  const store = new MemoryStore();
  const engine = await openNode({ ...node, log, store, sink, partitions, nowMs: NOW_MS });
  let sent = 0;
  for (let turn = 0; sent < events.length; turn += 1) {
    const until = sent + (batches[turn % batches.length] ?? 1);
    await append(log, events.slice(isRepeated ? 0 : sent, until), partitions);
    sent = until;
    await takeAll(engine);
  }
  await append(log, ticks(partitions), partitions);
  await takeAll(engine);
  await engine.outbox.close();
}

async function append(
  log: MemoryLog,
  events: readonly LawEvent[],
  partitions: number,
): Promise<void> {
  for (const { topic, event } of events) {
    const key = erase<Readonly<Record<string, string>>>(event)[KEY_OF_TOPIC[topic]] ?? '';
    const partition = topic === 'weir.reference' ? 0 : partitionOf(key, partitions);
    await log.append([
      { topic, partition, values: [encoded({ topic, event: placed(event, partitions) })] },
    ]);
  }
}

/** A link says where its ids are, as the door does. */
function placed(event: LawEvent['event'], partitions: number): LawEvent['event'] {
  if (!('into' in event) || event.visitor_id === null || event.into === null) return event;
  return {
    ...event,
    visitor_partition: partitionOf(event.visitor_id, partitions),
    into_partition: partitionOf(event.into, partitions),
  };
}

function encoded(lawEvent: { readonly topic: LawEvent['topic']; readonly event: unknown }): Buffer {
  return encodeEvent(lawEvent.topic, erase(lawEvent.event));
}

/** Events that bring every task to one time; the same ones, however many partitions there are. */
function ticks(partitions: number): readonly LawEvent[] {
  const keys = Array.from({ length: TICKS }, (_, number) => `tick-${number}`);
  const reached = new Set(keys.map((key) => partitionOf(key, partitions)));
  assert(reached.size === partitions, 'ticks must reach every partition');
  return keys.flatMap((key) => {
    const common = { event_id: key, occurred_at: END_MS };
    return [
      { topic: 'weir.clicks', event: buildClick({ ...common, visitor_id: visitorToken(key) }) },
      { topic: 'weir.inventory', event: buildInventory({ ...common, sku: key }) },
    ] satisfies readonly LawEvent[];
  });
}
