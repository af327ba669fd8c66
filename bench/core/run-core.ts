import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { Click } from '../../schemas/events/click.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import type { Topic } from '../../schemas/topics.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { PARTITIONS, cpuUs, fill, throughEngine } from './memory-shop.ts';

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

const TOPICS: readonly Topic[] = ['weir.clicks', 'weir.orders', 'weir.inventory', 'weir.reference'];

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
