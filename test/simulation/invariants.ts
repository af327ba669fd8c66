import { isDeepStrictEqual } from 'node:util';

import type { Engine } from '../../processors/engine/runtime/engine.ts';
import { tsvRow } from '../../processors/engine/sink/lines.ts';
import { erase } from '../../schemas/brand.ts';
import { isBroadcast } from '../../schemas/events/sku-event.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import { partitionOf } from '../../schemas/ids.ts';
import type { EventOfTopic, Topic } from '../../schemas/topics.ts';
import { TOPICS_OF_STAGE } from '../../schemas/topics.ts';
import type { CollectingOutput } from '../doubles/collecting-output.ts';
import type { LawEvent } from '../laws/law-event.ts';
import { ACCEPTED, LATE_RATES, ROWS_TABLES, SUMS_TABLES, resultsOf } from './oracle.ts';
import type { World } from './process.ts';
import { type Viewer, sortedNonZero } from './viewer.ts';
import { PARTITIONS } from './workload.ts';

/** How far each task of an engine has come: its watermark, and the offset it reads next in each input. */
const reached = new WeakMap<Engine, Map<string, number>>();
const progressSeen = new WeakMap<World, number>();

/** What must hold after every step; a description of what does not, or undefined. */
export function checkAlways(world: World, engine: Engine): string | undefined {
  if (world.sink.conflictingInserts > 0)
    return 'A deduplication token was used for other rows: they are lost';
  const before = reached.get(engine) ?? new Map<string, number>();
  reached.set(engine, before);
  for (const task of engine.tasks) {
    const now = new Map([[`The watermark of ${task.name}`, task.watermarkMs]]);
    for (const { topic, nextOffset } of task.inputs())
      now.set(`The offset of ${topic} in ${task.name}`, nextOffset);
    for (const [what, value] of now) {
      // A task that met poison goes on from the checkpoint, and with it its watermark and offsets.
      if (value < (before.get(what) ?? -Infinity) && task.counts().dead_lettered === 0)
        return `${what} went back`;
      before.set(what, value);
    }
    const { received, contributed, duplicate, late, dead_lettered, quarantined } = task.counts();
    if (received !== contributed + duplicate + late + dead_lettered + quarantined) {
      return `${task.name} received ${received} events, but their fates do not add up to that`;
    }
  }
  const [progress] = world.sink.tables.get('progress_rows')?.values() ?? [];
  const watermark = Number(progress?.['watermark'] ?? -Infinity);
  if (watermark < (progressSeen.get(world) ?? -Infinity))
    return 'The published watermark went back';
  progressSeen.set(world, watermark);
  return undefined;
}

/** What must hold once everything has settled. */
export function checkEnd(world: World, engine: Engine, viewer: Viewer): string | undefined {
  const records = recordsOf(world);
  const fates = fatesOf(world);
  const accepted: LawEvent[] = [];
  const firstBodies = new Map<string, string>();
  for (const record of records) {
    const known = record.event === undefined ? undefined : firstBodies.get(record.identity);
    const fate = fates.get(record.place) ?? fateOfBroadcast(record, known);
    if (fate === undefined && known !== record.body)
      return `No trace of ${record.place}: neither counted, late, dead nor duplicate`;
    if (fate === 'accepted') {
      if (record.event === undefined) return `${record.place} is no event but was accepted`;
      if (known !== undefined) return `${record.place} was accepted although its id came before`;
      // The event was decoded as one of its topic.
      accepted.push(erase<LawEvent>({ topic: record.topic, event: record.event }));
    }
    if (record.event !== undefined && fate !== 'dead' && known === undefined)
      firstBodies.set(record.identity, record.body);
  }
  const { received } = engine.counts();
  const external = records.filter(({ topic }) => !topic.startsWith('weir.internal.')).length;
  if (received !== external)
    return `The log holds ${external} records, ${received} were counted as received`;
  return compareTables(world, engine, { accepted, viewer });
}

function compareTables(
  world: World,
  engine: Engine,
  { accepted, viewer }: { readonly accepted: readonly LawEvent[]; readonly viewer: Viewer },
): string | undefined {
  const oracle = resultsOf(accepted, (stage, key) => {
    const task = engine.tasks.find(
      (each) => each.stage === stage && each.partition === partitionOf(key, PARTITIONS),
    );
    return task?.watermarkMs ?? -Infinity;
  });
  for (const table of SUMS_TABLES) {
    const expected = sortedNonZero(
      [...(oracle.sums.get(table.name) ?? [])].map(([key, sums]) => {
        const [windowStartMs, ...dimensions] = key.split('|');
        const named = Object.fromEntries(table.sums.map((name, index) => [name, sums[index] ?? 0]));
        return [
          [(Number(windowStartMs) / 1_000).toFixed(3), ...dimensions].join('|'),
          named,
        ] as const;
      }),
    );
    const stored = world.sink.totals(table);
    if (!isDeepStrictEqual(stored, expected))
      return difference(`${table.name} is not what the events make`, expected, stored);
    // Final windows leave the state of their task and are in ClickHouse alone.
    const sinceMs = Math.max(0, ...engine.tasks.map(({ watermarkMs }) => watermarkMs));
    const shown = viewer.totals(table, sinceMs);
    const recent = Object.fromEntries(
      Object.entries(expected).filter(([key]) => Number(key.split('|')[0]) * 1_000 >= sinceMs),
    );
    if (!isDeepStrictEqual(shown, recent))
      return difference(`A viewer of ${table.name} sees other rows`, recent, shown);
  }
  // Stock folds what lies behind the allowed lateness: history imported behind live stock changes the
  // level by what it adds, but not when past outages began or ended (docs/stock.md). So does parity with
  // rates that come late (docs/parity.md).
  const isHistoryFinal =
    world.faults.fired.import_of_history > 0 || world.sink.tables.has(LATE_RATES.name);
  return isHistoryFinal ? undefined : compareRows(world, oracle);
}

/** The rows of a table of current rows, without those that were withdrawn, as ClickHouse would show them. */
function compareRows(world: World, oracle: CollectingOutput): string | undefined {
  for (const table of ROWS_TABLES) {
    const columns = table.columns.map(({ name }) => name);
    const expected = [...(oracle.rows.get(table.name)?.values() ?? [])].map((values) =>
      tsvRow(table.columns, values),
    );
    const stored = [...(world.sink.tables.get(table.name)?.values() ?? [])].map((row) =>
      columns.map((column) => row[column] ?? '').join('\t'),
    );
    const withdrawn = columns.indexOf('withdrawn');
    const shown = (lines: readonly string[]): string[] =>
      lines.filter((line) => withdrawn < 0 || line.split('\t')[withdrawn] !== 'true').toSorted();
    if (!isDeepStrictEqual(shown(stored), shown(expected))) {
      return difference(
        `${table.name} is not what the events make`,
        shown(expected),
        shown(stored),
      );
    }
  }
  return undefined;
}

function difference(what: string, expected: unknown, found: unknown): string {
  return `${what}\nexpected ${JSON.stringify(expected)}\nfound    ${JSON.stringify(found)}`;
}

interface LogRecord {
  readonly topic: Topic;
  /** topic|partition|offset */
  readonly place: string;
  readonly event: EventOfTopic[Topic] | undefined;
  /** stage, partition and event id: what deduplication knows an event by. */
  readonly identity: string;
  readonly body: string;
}

function recordsOf(world: World): LogRecord[] {
  const records: LogRecord[] = [];
  for (const [stage, topics] of Object.entries(TOPICS_OF_STAGE)) {
    for (const topic of topics) {
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        for (let offset = 0; offset < world.log.endOffset(topic, partition);) {
          const batch = world.log.read(topic, partition, offset);
          if (batch === undefined) break;
          for (let at = 0; at < batch.count; at += 1) {
            const bytes = batch.bytes.subarray(batch.starts[at], batch.ends[at]);
            const decoded = decodeEvent(
              topic,
              batch.bytes,
              batch.starts[at] ?? 0,
              batch.ends[at] ?? 0,
            );
            const event = decoded.kind === 'ok' ? decoded.event : undefined;
            records.push({
              topic,
              place: [topic, partition, batch.firstOffset + at].join('|'),
              event,
              identity: `${stage}/${partition}/${event?.event_id ?? ''}`,
              body: bytes.toString('base64'),
            });
          }
          offset = batch.firstOffset + batch.count;
        }
      }
    }
  }
  return records;
}

type Fate = 'accepted' | 'late' | 'dead';

/** What is about every key comes to no operator's `apply`, so that the recorder cannot tell. */
function fateOfBroadcast({ event }: LogRecord, known: string | undefined): Fate | undefined {
  return event !== undefined && isBroadcast(event) && known === undefined ? 'accepted' : undefined;
}

function fatesOf(world: World): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  const tables: readonly (readonly [string, Fate])[] = [
    [ACCEPTED.name, 'accepted'],
    ['late_events_log', 'late'],
    ['dead_letters_log', 'dead'],
  ];
  for (const [table, fate] of tables) {
    for (const row of world.sink.tables.get(table)?.values() ?? []) {
      fates.set([row['topic'], row['partition'], row['offset']].join('|'), fate);
    }
  }
  return fates;
}
