import { expect, test } from 'vitest';

import { EngineError } from '../../../schemas/errors.ts';
import { type SkuEvent, isActOfPerson } from '../../../schemas/events/sku-event.ts';
import { decodeEvent, encodeEvent } from '../../../schemas/events/wire.ts';
import type { Topic } from '../../../schemas/topics.ts';
import { readInternalPast } from './internal-past.ts';
import { MemoryLog } from './memory.ts';
import { ReplayLog } from './replay.ts';

const SKU = 'weir.internal.sku';
const INVENTORY = 'weir.inventory';
const NOW_MS = Date.UTC(2026, 0, 1);

function skuEvent(id: string, timeMs: number, kind: SkuEvent['kind'] = 'sold'): Uint8Array {
  return encodeEvent(SKU, {
    event_id: id,
    occurred_at: NOW_MS + timeMs,
    source: 'test',
    sku: 'S',
    kind,
    node_id: null,
    quantity: 1,
    demand: 1,
    order_id: null,
    sales_channel: null,
    alert_id: null,
    actor: null,
  });
}

/** A log with `values` in partition 0 of `topic`. */
async function logOf(topic: Topic, values: readonly Uint8Array[]): Promise<MemoryLog> {
  const log = new MemoryLog(() => NOW_MS);
  await log.append(values.map((value) => ({ topic, partition: 0, values: [value] })));
  return log;
}

function replayOf(
  source: MemoryLog,
  options: { readonly taken?: number; readonly held?: readonly Topic[] } = {},
): ReplayLog {
  const takenTo = (): number => options.taken ?? 1_000;
  return new ReplayLog({
    source,
    forwarded: new MemoryLog(() => NOW_MS),
    takenTo,
    past: readInternalPast({
      log: source,
      partitions: 1,
      takenTo,
      isOriginal: isActOfPerson,
    }),
    held: options.held ?? [],
  });
}

/** Ids of the events in partition 0 of `topic`, in order. */
function idsOf(log: ReplayLog, topic: Topic): string[] {
  const ids: string[] = [];
  let offset = log.startOffset(topic, 0);
  for (;;) {
    const batch = log.read(topic, 0, offset);
    if (batch === undefined) return ids;
    for (let at = 0; at < batch.count; at += 1) {
      const decoded = decodeEvent(topic, batch.bytes, batch.starts[at], batch.ends[at]);
      ids.push(decoded.kind === 'ok' ? decoded.event.event_id : decoded.code);
    }
    offset = batch.nextOffset;
  }
}

test('what stages forward can be read back, and nothing is written to the log that is replayed', async () => {
  const source = await logOf(SKU, [skuEvent('before', 1)]);
  const log = replayOf(source);
  expect(idsOf(log, SKU)).toEqual([]);
  await log.append([{ topic: SKU, partition: 0, values: [skuEvent('forwarded', 2)] }]);
  expect(idsOf(log, SKU)).toEqual(['forwarded']);
  expect(source.endOffset(SKU, 0)).toBe(1);
});

test('an append to a topic of users is a defect', async () => {
  const log = replayOf(await logOf(SKU, []));
  const append = log.append([{ topic: INVENTORY, partition: 0, values: [new Uint8Array(1)] }]);
  await expect(append).rejects.toThrow(EngineError);
});

test('a topic of users ends where live had come, in the middle of a batch too', async () => {
  const source = new MemoryLog(() => NOW_MS);
  const values = ['a', 'b', 'c'].map((id) =>
    encodeEvent(INVENTORY, {
      event_id: id,
      occurred_at: NOW_MS,
      source: 'test',
      seq: null,
      sku: 'S',
      kind: 'movement',
      node_id: null,
      channel: null,
      on_hand: null,
      reserved: null,
      safety: null,
      quantity: 1,
      lead_time_days: null,
      due_at: null,
      price_minor: null,
      currency: null,
      tax_included: null,
      promo_id: null,
      capacity: null,
      used: null,
    }),
  );
  await source.append([{ topic: INVENTORY, partition: 0, values }]);
  const log = replayOf(source, { taken: 2 });
  expect(log.endOffset(INVENTORY, 0)).toBe(2);
  expect(idsOf(log, INVENTORY)).toEqual(['a', 'b']);
});

test('what a person did is put between the forwarded events by its time', async () => {
  const source = await logOf(SKU, [
    skuEvent('sold-1', 1),
    skuEvent('person-2', 2, 'acknowledged'),
    skuEvent('sold-3', 3),
    skuEvent('person-9', 9, 'acknowledged'),
  ]);
  const log = replayOf(source);
  await log.append([{ topic: SKU, partition: 0, values: [skuEvent('sold-1', 1)] }]);
  await log.append([{ topic: SKU, partition: 0, values: [skuEvent('sold-3', 3)] }]);
  expect(idsOf(log, SKU)).toEqual(['sold-1', 'person-2', 'sold-3']);
  await log.release();
  expect(idsOf(log, SKU)).toEqual(['sold-1', 'person-2', 'sold-3', 'person-9']);
});

test('a forwarded event that live had not taken is left out, unless a copy of it was', async () => {
  const source = await logOf(SKU, [
    skuEvent('taken', 1),
    skuEvent('taken', 1),
    skuEvent('untaken', 2),
    skuEvent('person', 3, 'acknowledged'),
  ]);
  const log = replayOf(source, { taken: 1 });
  const values = [skuEvent('taken', 1), skuEvent('untaken', 2)];
  await log.append([{ topic: SKU, partition: 0, values }]);
  await log.release();
  expect(idsOf(log, SKU)).toEqual(['taken']);
});

test('a held topic looks empty until it is released, and then its readers are told', async () => {
  const log = replayOf(await logOf(SKU, []), { held: [SKU] });
  let told = 0;
  log.onAppend(() => (told += 1));
  await log.append([{ topic: SKU, partition: 0, values: [skuEvent('a', 1)] }]);
  expect(idsOf(log, SKU)).toEqual([]);
  const before = told;
  await log.release();
  expect(idsOf(log, SKU)).toEqual(['a']);
  expect(told).toBe(before + 1);
});

test('the end of an import is marked where live had marked it', async () => {
  const source = await logOf(SKU, []);
  await source.append([
    { topic: SKU, partition: 0, values: [], importName: 'history', endsImport: true },
  ]);
  const log = replayOf(source);
  await log.release();
  expect(log.read(SKU, 0, 0)).toMatchObject({ importName: 'history', endsImport: true });
});

test('a log whose oldest records are gone is read from the oldest that is left', async () => {
  const source = await logOf(INVENTORY, [new Uint8Array(1), new Uint8Array(1)]);
  await source.trim(INVENTORY, 0, { beforeMs: NOW_MS + 1, nextOffset: 1 });
  const log = replayOf(source);
  expect(log.startOffset(INVENTORY, 0)).toBe(1);
  expect(log.read(INVENTORY, 0, 1)).toMatchObject({ firstOffset: 1, count: 1 });
});
