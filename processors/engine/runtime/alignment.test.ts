import { expect, test } from 'vitest';

import { encodeEvent } from '../../../schemas/events/wire.ts';
import { HOUR_MS, MINUTE_MS } from '../../../schemas/time.ts';
import type { Topic } from '../../../schemas/topics.ts';
import { MemorySink } from '../../../test/doubles/memory-sink.ts';
import { NO_LISTENER } from '../../../test/doubles/no-listener.ts';
import {
  DAY_ZERO_MS,
  buildInventory,
  buildOrder,
  buildRate,
  buildReference,
} from '../../../test/laws/event-builders.ts';
import type { RecordBatch } from '../log/log.ts';
import { MemoryLog } from '../log/memory.ts';
import { defineOperator } from '../operator/operator.ts';
import { MemoryStore } from '../state/memory.ts';
import { Engine } from './engine.ts';

const MINUTES = 40;

/** A log on a network: of some topics, records from an offset on are there and not at hand. */
class FetchedLog extends MemoryLog {
  readonly unfetchedFrom = new Map<Topic, number>();

  override read(topic: Topic, partition: number, offset: number): RecordBatch | undefined {
    const fromOffset = this.unfetchedFrom.get(topic) ?? Infinity;
    return offset >= fromOffset ? undefined : super.read(topic, partition, offset);
  }
}

/** Orders go on to the sku stage, which notes the minutes of what it takes, in the order in which it does. */
class Shop {
  nowMs = DAY_ZERO_MS + HOUR_MS;
  readonly minutes: number[] = [];
  readonly log = new FetchedLog(() => this.nowMs);

  async open(): Promise<Engine> {
    const none = { stateVersion: 1, createState: () => null, stateBytes: () => 8 };
    const expiresAtMs = (): number => Number.NEGATIVE_INFINITY;
    const note = (eventMs: number): void => {
      this.minutes.push((eventMs - DAY_ZERO_MS) / MINUTE_MS);
    };
    const orders = defineOperator<null>({
      ...none,
      name: 'orders',
      stage: 'visitor',
      expiresAtMs,
      apply: {
        'weir.orders': (_, { event_id, occurred_at }, output) => {
          const sold = buildRate({
            event_id: `sold-${event_id}`,
            occurred_at,
            kind: 'sold',
            sku: 'A-1',
          });
          output.forward('weir.internal.sku', { partition: 0 }, sold);
        },
      },
    });
    const skus = defineOperator<null>({
      ...none,
      name: 'skus',
      stage: 'sku',
      expiresAtMs,
      apply: {
        'weir.inventory': (_, { occurred_at }) => note(occurred_at),
        'weir.internal.sku': (_, { occurred_at }) => note(occurred_at),
      },
    });
    return Engine.open({
      node: 'test',
      processors: [{ name: 'shop', operators: [orders, skus], tables: [], migrations: [] }],
      log: this.log,
      store: new MemoryStore(),
      sink: new MemorySink(),
      clock: {
        nowMs: () => this.nowMs,
        monotonicMs: () => 0,
        sleep: () => Promise.resolve(),
        random: () => 0.5,
      },
      limits: {
        outOfOrdernessMs: MINUTE_MS,
        idleTimeoutMs: MINUTE_MS,
        allowedLatenessMs: 24 * HOUR_MS,
        clockSkewMs: HOUR_MS,
        cachedStateBytesMax: 1_000,
        cachedRowsMax: 10,
        deduplicationIdsMax: 1_000,
        checkpointMs: 1_000,
        checkpointKeysMax: 1_000,
        checkpointRowsMax: 1_000,
        stretchKeysMax: 1_000,
        checkpointLinesMax: 1_000,
        outboxRowsMax: 1_000,
      },
      partitions: 2,
      events: NO_LISTENER,
    });
  }

  /** An event in every minute: inventory in the even ones, orders of both partitions in the odd ones. */
  async append(importName?: string): Promise<void> {
    const imported = importName === undefined ? {} : { importName };
    for (let minute = 0; minute < MINUTES; minute += 1) {
      const fields = { event_id: `e${minute}`, occurred_at: DAY_ZERO_MS + minute * MINUTE_MS };
      const partition = minute % 4 === 3 ? 1 : 0;
      const batch =
        minute % 2 === 0
          ? { topic: 'weir.inventory' as const, partition: 0, values: [inventoryOf(fields)] }
          : { topic: 'weir.orders' as const, partition, values: [orderOf(fields)] };
      await this.log.append([{ ...batch, ...imported }]);
    }
  }
}

function inventoryOf(fields: { readonly event_id: string; readonly occurred_at: number }) {
  return encodeEvent('weir.inventory', buildInventory(fields));
}

function orderOf(fields: { readonly event_id: string; readonly occurred_at: number }) {
  return encodeEvent('weir.orders', buildOrder(fields));
}

/** An inventory event of minute 0, then orders of minutes 1 and 2, each appended a millisecond later; hours ago. */
async function appendBacklog(shop: Shop): Promise<void> {
  for (const minute of [0, 1, 2]) {
    const fields = { event_id: `e${minute}`, occurred_at: DAY_ZERO_MS + minute * MINUTE_MS };
    await shop.log.append([
      minute === 0
        ? { topic: 'weir.inventory', partition: 0, values: [inventoryOf(fields)] }
        : { topic: 'weir.orders', partition: 0, values: [orderOf(fields)] },
    ]);
    shop.nowMs += 1;
  }
}

async function settle(engine: Engine): Promise<void> {
  while (engine.step() > 0);
  await engine.checkpoint();
  await engine.outbox.idle();
}

/** Steps, and writes checkpoints when nothing goes on without, until nothing is left; returns how many. */
async function run(engine: Engine): Promise<number> {
  let checkpoints = 0;
  for (;;) {
    while (engine.step() > 0);
    if (!engine.needsCheckpoint) return checkpoints;
    checkpoints += 1;
    await engine.checkpoint();
    await engine.outbox.idle();
  }
}

const IN_ORDER = Array.from({ length: MINUTES }, (_, minute) => minute);
const EVEN = IN_ORDER.filter((minute) => minute % 2 === 0);

test('the sku stage takes an import in the order of event time, with what the orders in it do', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await shop.append('history');
  expect(await run(engine)).toBe(1);
  expect(shop.minutes).toEqual(IN_ORDER);
});

test('a backlog is taken in the order of event time like an import', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await shop.append();
  shop.nowMs += HOUR_MS;
  await run(engine);
  expect(shop.minutes).toEqual(IN_ORDER);
});

test('what comes in live waits for no checkpoint of orders', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await shop.append();
  expect(await run(engine)).toBe(0);
  expect(shop.minutes).toEqual(EVEN);
});

test('an import of inventory alone waits for nothing', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  for (const minute of [0, 1, 2]) {
    const fields = { event_id: `e${minute}`, occurred_at: DAY_ZERO_MS + minute * MINUTE_MS };
    const batch = { topic: 'weir.inventory' as const, partition: 0, values: [inventoryOf(fields)] };
    await shop.log.append([{ ...batch, importName: 'counts' }]);
  }
  expect(await run(engine)).toBe(0);
  expect(shop.minutes).toEqual([0, 1, 2]);
});

test('history waits for orders before it, and nothing waits for orders after it', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await shop.append('history');
  while (engine.step() > 0);
  expect(shop.minutes).toEqual([]);
  await engine.checkpoint();
  await engine.outbox.idle();
  shop.nowMs += 1;
  const later = { event_id: 'later', occurred_at: DAY_ZERO_MS + MINUTES * MINUTE_MS };
  await shop.log.append([
    { topic: 'weir.orders', partition: 1, values: [orderOf(later)], importName: 'history' },
  ]);
  await run(engine);
  expect(shop.minutes).toEqual([...IN_ORDER, MINUTES]);
});

test('of a backlog inventory does not run ahead of what orders do while that is being fetched', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await shop.append();
  shop.nowMs += HOUR_MS;
  shop.log.unfetchedFrom.set('weir.internal.sku', 0);
  await settle(engine);
  while (engine.step() > 0);
  expect(shop.minutes).toEqual([0]);
  shop.log.unfetchedFrom.clear();
  await run(engine);
  expect(shop.minutes).toEqual(IN_ORDER);
});

test('inventory before orders that are taken does not wait for those that are being fetched', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await appendBacklog(shop);
  shop.nowMs += HOUR_MS;
  shop.log.unfetchedFrom.set('weir.orders', 1);
  for (let checkpoint = 0; checkpoint < 3; checkpoint += 1) await settle(engine);
  while (engine.step() > 0);
  expect(shop.minutes).toEqual([0, 1]);
});

test('facts for everyone that piled up wait for the orders before them', async () => {
  const shop = new Shop();
  const engine = await shop.open();
  await appendBacklog(shop);
  const fact = buildReference({ event_id: 'fact', occurred_at: DAY_ZERO_MS });
  const values = [encodeEvent('weir.reference', fact)];
  await shop.log.append([{ topic: 'weir.reference', partition: 0, values }]);
  shop.nowMs += HOUR_MS;
  shop.log.unfetchedFrom.set('weir.orders', 1);
  while (engine.step() > 0);
  expect(factsTaken(engine)).toBe(0);
  shop.log.unfetchedFrom.clear();
  while (engine.step() > 0);
  expect(factsTaken(engine)).toBe(1);
});

function factsTaken(engine: Engine): number | undefined {
  const control = engine.tasks.find(({ stage }) => stage === 'control');
  return control?.inputs().find(({ topic }) => topic === 'weir.reference')?.nextOffset;
}
