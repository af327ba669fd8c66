import { loadConfig } from '../../processors/config.ts';
import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { Operator, Output } from '../../processors/engine/operator/operator.ts';
import { createProcessors } from '../../processors/registry.ts';
import type { AddressEvent } from '../../schemas/events/address-event.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import type { EventOfTopic, Topic } from '../../schemas/topics.ts';
import { PARTITIONS, fill } from '../core/memory-shop.ts';

/** Mean sizes in memory, bytes, without the keys. */
export interface StateSizes {
  readonly visitors: number;
  readonly visitorBytes: number;
  readonly addresses: number;
  readonly addressBytes: number;
}

/**
 * Judges the clicks of the events and sees how much of the heap the states take: what it shrinks by
 * when they go. Needs `--expose-gc`.
 */
export async function stateSizes(events: number): Promise<StateSizes> {
  const config = loadConfig({ file: undefined, environment: {} });
  const bots = createProcessors(config).find(({ name }) => name === 'bots');
  const judge = bots?.operators.find(({ stage }) => stage === 'visitor');
  const address = bots?.operators.find(({ stage }) => stage === 'address');
  if (judge === undefined || address === undefined) throw new Error('nobody judges');
  const told: AddressEvent[] = [];
  const clicks = await clicksOf(events);
  const visitors = statesOf(judge, 'weir.clicks', { events: clicks, output: outputTo(told) });
  const visitorCount = visitors.length;
  const visitorBytes = sizeOf(visitors);
  const addresses = statesOf(address, 'weir.internal.address', {
    events: told,
    output: outputTo([]),
  });
  const addressCount = addresses.length;
  return {
    visitors: visitorCount,
    visitorBytes,
    addresses: addressCount,
    addressBytes: sizeOf(addresses),
  };
}

async function clicksOf(events: number): Promise<readonly EventOfTopic['weir.clicks'][]> {
  const log = new MemoryLog(() => Date.now());
  await fill(log, events);
  const clicks: EventOfTopic['weir.clicks'][] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for (let offset = 0; ;) {
      const batch = log.read('weir.clicks', partition, offset);
      if (batch === undefined) break;
      for (let at = 0; at < batch.count; at += 1) {
        const { bytes, starts, ends } = batch;
        const decoded = decodeEvent('weir.clicks', bytes, starts[at] ?? 0, ends[at] ?? 0);
        if (decoded.kind === 'ok') clicks.push(decoded.event);
      }
      offset = batch.nextOffset;
    }
  }
  return clicks;
}

/** The states of all keys after the events, which it lets go. */
function statesOf<T extends 'weir.clicks' | 'weir.internal.address'>(
  operator: Operator,
  topic: T,
  given: { readonly events: readonly EventOfTopic[T][]; readonly output: Output },
): unknown[] {
  const states = new Map<string, unknown>();
  for (const event of given.events) {
    const key = 'address' in event ? event.address : event.visitor_id;
    let state = states.get(key);
    if (state === undefined) {
      state = operator.createState();
      states.set(key, state);
    }
    operator.apply[topic]?.(state, event, given.output, {
      topic,
      partition: 0,
      offset: 0,
      appendedAtMs: event.occurred_at,
      watermarkMs: -Infinity,
    });
  }
  return [...states.values()];
}

/** Empties `states`; returns the bytes that each of them took. */
function sizeOf(states: unknown[]): number {
  const count = states.length;
  const before = heapBytes();
  states.length = 0;
  return (before - heapBytes()) / count;
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Expected --expose-gc');
  // Twice: what the first round finalises goes with the second.
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** Keeps what is told to the address stage, and nothing else. */
function outputTo(told: AddressEvent[]): Output {
  const nothing = (): undefined => undefined;
  return {
    add: nothing,
    upsert: nothing,
    append: nothing,
    forward: <T extends Topic>(topic: T, _to: unknown, event: EventOfTopic[T]) => {
      if (topic === 'weir.internal.address' && 'address' in event) told.push(event);
    },
    broadcast: nothing,
    wakeAt: nothing,
    count: nothing,
  };
}
