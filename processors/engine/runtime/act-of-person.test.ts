import { expect, test } from 'vitest';

import type { SkuEventKind } from '../../../schemas/events/sku-event.ts';
import { encodeEvent } from '../../../schemas/events/wire.ts';
import { DAY_MS, MINUTE_MS } from '../../../schemas/time.ts';
import { MemorySink } from '../../../test/doubles/memory-sink.ts';
import { NO_LISTENER } from '../../../test/doubles/no-listener.ts';
import { MemoryLog } from '../log/memory.ts';
import { MemoryStore } from '../state/memory.ts';
import { Engine } from './engine.ts';

const SKU = 'weir.internal.sku';
const SHOP_MS = Date.UTC(2026, 0, 1);
/** The machine's clock is a month ahead of the events that come in, as when a shop's history is sent. */
const NOW_MS = SHOP_MS + 30 * DAY_MS;

function skuEvent(id: string, kind: SkuEventKind, timeMs: number): Uint8Array {
  return encodeEvent(SKU, {
    event_id: id,
    occurred_at: timeMs,
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

/** The counts of a task that has read these events, in this order, from one input. */
async function countsAfter(...values: readonly Uint8Array[]): Promise<unknown> {
  const log = new MemoryLog(() => NOW_MS);
  let clockMs = 0;
  const engine = await Engine.open({
    node: 'test',
    processors: [],
    log,
    store: new MemoryStore(),
    sink: new MemorySink(),
    clock: {
      nowMs: () => NOW_MS,
      monotonicMs: () => clockMs,
      sleep: () => Promise.resolve(),
      random: () => 0,
    },
    limits: {
      outOfOrdernessMs: MINUTE_MS,
      idleTimeoutMs: 30_000,
      allowedLatenessMs: DAY_MS,
      clockSkewMs: MINUTE_MS,
      cachedStateBytesMax: 10_000,
      cachedRowsMax: 10,
      deduplicationIdsMax: 100,
      checkpointMs: 1_000,
      checkpointKeysMax: 100,
      checkpointRowsMax: 100,
      stretchKeysMax: 100,
      checkpointLinesMax: 100,
      outboxRowsMax: 100,
    },
    partitions: 1,
    events: NO_LISTENER,
  });
  // The other input has nothing, and no longer holds the watermark back.
  engine.step();
  clockMs += 30_000;
  for (const value of values) {
    await log.append([{ topic: SKU, partition: 0, values: [value] }]);
    while (engine.step() > 0);
  }
  return engine.tasks.find(({ name }) => name === 'sku-0')?.counts();
}

test('what a person does now makes no event of the shop late', async () => {
  expect(
    await countsAfter(
      skuEvent('a', 'acknowledged', NOW_MS),
      skuEvent('b', 'sold', SHOP_MS),
      skuEvent('c', 'sold', SHOP_MS + 1),
    ),
  ).toMatchObject({ contributed: 3, late: 0 });
});

test('an event of the shop that far ahead does', async () => {
  expect(
    await countsAfter(
      skuEvent('a', 'sold', NOW_MS),
      skuEvent('b', 'sold', SHOP_MS),
      skuEvent('c', 'sold', SHOP_MS + 1),
    ),
  ).toMatchObject({ contributed: 1, late: 2 });
});
