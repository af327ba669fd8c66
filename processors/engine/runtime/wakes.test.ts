import { expect, test } from 'vitest';

import { encodeEvent } from '../../../schemas/events/wire.ts';
import { partitionOf } from '../../../schemas/ids.ts';
import { DAY_MS, MINUTE_MS } from '../../../schemas/time.ts';
import { MemorySink } from '../../../test/doubles/memory-sink.ts';
import { NO_LISTENER } from '../../../test/doubles/no-listener.ts';
import { buildInventory, buildRate } from '../../../test/laws/event-builders.ts';
import { MemoryLog } from '../log/memory.ts';
import { defineOperator } from '../operator/operator.ts';
import type { Processor } from '../operator/processor.ts';
import type { RowsTable } from '../operator/table.ts';
import { MemoryStore } from '../state/memory.ts';
import { Engine } from './engine.ts';

const START_MS = Date.UTC(2026, 0, 1);
const PARTITIONS = 2;

const SEEN: RowsTable = {
  kind: 'rows',
  name: 'seen_rows',
  key: ['sku'],
  columns: [
    { name: 'sku', type: 'text' },
    { name: 'wakes', type: 'integer' },
    { name: 'rate', type: 'double' },
  ],
};

/** Asks to be woken at an event's `due_at`, and writes how often it was and which rate it has seen. */
const WATCHER: Processor = {
  name: 'watcher',
  operators: [
    defineOperator<{ wakes: number; rate: number; wakeMs: number }, { rate: number }>({
      name: 'watcher',
      stage: 'sku',
      stateVersion: 1,
      createState: () => ({ wakes: 0, rate: 0, wakeMs: 0 }),
      facts: {
        create: () => ({ rate: 0 }),
        take: (facts, { rate }) => {
          facts.rate = rate ?? 0;
          return true;
        },
      },
      apply: {
        'weir.inventory': (state, event, output, _record, facts) => {
          state.rate = facts.rate;
          if (event.due_at !== null) {
            state.wakeMs = event.due_at;
            output.wakeAt(event.due_at);
          }
          output.upsert(SEEN, [event.sku, state.wakes, state.rate]);
        },
      },
      wake: (state, sku, output, { watermarkMs, facts }) => {
        const isDue = state.wakeMs > 0 && state.wakeMs <= watermarkMs;
        if (!isDue && state.rate === facts.rate) return false;
        if (isDue) {
          state.wakes += 1;
          state.wakeMs = 0;
        }
        state.rate = facts.rate;
        output.upsert(SEEN, [sku, state.wakes, state.rate]);
        return true;
      },
      expiresAtMs: () => Number.POSITIVE_INFINITY,
      stateBytes: () => 50,
    }),
  ],
  tables: [SEEN],
  migrations: [],
};

/** A node in memory that can be stopped at any time and opened again on what it has stored. */
class Node {
  readonly log = new MemoryLog(() => START_MS + DAY_MS);
  readonly sink = new MemorySink();
  readonly #store = new MemoryStore();
  #clockMs = 0;
  #engine: Engine | undefined;

  async open(): Promise<Engine> {
    this.#engine = await Engine.open({
      node: 'test',
      processors: [WATCHER],
      log: this.log,
      store: this.#store,
      sink: this.sink,
      clock: {
        nowMs: () => START_MS + DAY_MS,
        monotonicMs: () => this.#clockMs,
        sleep: () => Promise.resolve(),
        random: () => 0,
      },
      limits: {
        outOfOrdernessMs: MINUTE_MS,
        idleTimeoutMs: 1_000,
        allowedLatenessMs: DAY_MS,
        clockSkewMs: MINUTE_MS,
        cachedStateBytesMax: 1,
        cachedRowsMax: 10,
        deduplicationIdsMax: 10_000,
        checkpointMs: 1_000,
        checkpointKeysMax: 100_000,
        checkpointRowsMax: 100_000,
        stretchKeysMax: 100_000,
        checkpointLinesMax: 100_000,
        outboxRowsMax: 100_000,
      },
      partitions: PARTITIONS,
      events: NO_LISTENER,
    });
    return this.#engine;
  }

  /** Takes everything that is there, and lets inputs without events fall idle. */
  async settle(engine: Engine): Promise<void> {
    while (engine.step() > 0);
    this.#clockMs += 1_000;
    while (engine.step() > 0);
    await engine.checkpoint();
    await engine.outbox.idle();
  }

  async send(sku: string, minute: number, dueMinute?: number): Promise<void> {
    await this.log.append([
      {
        topic: 'weir.inventory',
        partition: partitionOf(sku, PARTITIONS),
        values: [
          encodeEvent(
            'weir.inventory',
            buildInventory({
              event_id: `${sku}-${minute}`,
              sku,
              occurred_at: START_MS + minute * MINUTE_MS,
              due_at: dueMinute === undefined ? null : START_MS + dueMinute * MINUTE_MS,
            }),
          ),
        ],
      },
    ]);
  }

  async sendRate(id: string, rate: number): Promise<void> {
    const event = buildRate({ event_id: id, occurred_at: START_MS, rate });
    const values = [encodeEvent('weir.internal.sku', event)];
    await this.log.append(
      Array.from({ length: PARTITIONS }, (_, partition) => ({
        topic: 'weir.internal.sku',
        partition,
        values,
      })),
    );
  }

  /** SKU → how often it was woken and which rate it has seen, as ClickHouse has them. */
  seen(): Record<string, string> {
    const rows = [...(this.sink.tables.get(SEEN.name)?.values() ?? [])];
    const seen: Record<string, string> = {};
    for (const row of rows) seen[row['sku'] ?? ''] = `${row['wakes'] ?? ''} ${row['rate'] ?? ''}`;
    return seen;
  }
}

test('a key is woken when the watermark has reached its time, and not before', async () => {
  const node = new Node();
  const engine = await node.open();
  await node.send('cup', 0, 10);
  await node.send('cup', 10);
  await node.settle(engine);
  expect(node.seen()).toEqual({ cup: '0 0' });
  // The watermark trails the newest event by a minute.
  await node.send('cup', 11);
  await node.settle(engine);
  expect(node.seen()).toEqual({ cup: '1 0' });
});

test('a key that asked before a restart is woken after it, once', async () => {
  const node = new Node();
  const before = await node.open();
  await node.send('cup', 0, 10);
  await node.settle(before);
  const after = await node.open();
  await node.settle(after);
  await node.send('cup', 20);
  await node.settle(after);
  await node.settle(await node.open());
  expect(node.seen()).toEqual({ cup: '1 0' });
});

test('a fact about every key reaches those in memory, those in the store and those of every partition', async () => {
  const node = new Node();
  const engine = await node.open();
  const skus = Array.from({ length: 40 }, (_, index) => `sku-${index}`);
  for (const sku of skus) await node.send(sku, 0);
  await node.settle(engine);
  await node.send('new', 1);
  await node.sendRate('first', 5);
  await node.settle(engine);
  await node.sendRate('second', 4);
  await node.settle(engine);
  expect(node.seen()).toEqual(
    Object.fromEntries([...skus, 'new'].map((sku) => [sku, '0 4'] as const)),
  );
});

test('a round over the keys that a restart cuts off goes on after it', async () => {
  const node = new Node();
  const before = await node.open();
  const skus = Array.from({ length: 1_200 }, (_, index) => `sku-${index}`);
  for (const sku of skus) await node.send(sku, 0);
  await node.settle(before);
  const restarted = await node.open();
  await node.sendRate('first', 5);
  // Each step looks at some hundred keys of one task: the checkpoint lies within the round.
  for (let steps = 0; steps < 3; steps += 1) restarted.step();
  await restarted.checkpoint();
  await restarted.outbox.idle();
  const reached = Object.values(node.seen()).filter((seen) => seen === '0 5').length;
  expect(reached).toBeGreaterThan(0);
  expect(reached).toBeLessThan(skus.length);
  await node.settle(await node.open());
  expect(new Set(Object.values(node.seen()))).toEqual(new Set(['0 5']));
});
