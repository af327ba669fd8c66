import { expect, test } from 'vitest';

import type { Click } from '../../../schemas/events/click.ts';
import { encodeEvent } from '../../../schemas/events/wire.ts';
import { visitorToken } from '../../../schemas/ids.ts';
import { DAY_MS, MINUTE_MS } from '../../../schemas/time.ts';
import { MemorySink } from '../../../test/doubles/memory-sink.ts';
import { NO_LISTENER } from '../../../test/doubles/no-listener.ts';
import { MemoryLog } from '../log/memory.ts';
import { defineOperator } from '../operator/operator.ts';
import type { Processor } from '../operator/processor.ts';
import type { FactsTable, SumsTable } from '../operator/table.ts';
import { MemoryStore } from '../state/memory.ts';
import { Engine } from './engine.ts';

const T0 = Date.UTC(2026, 10, 20);

const COUNTS: SumsTable = {
  kind: 'sums',
  name: 'counts_rows',
  windowMs: MINUTE_MS,
  dimensions: ['channel'],
  sums: ['clicks', 'nth'],
};

/** Counts clicks, and adds up how many-th click of its visitor each one is, which needs state. */
const counting: Processor = {
  name: 'counting',
  operators: [
    defineOperator<{ seen: number }>({
      name: 'counting',
      stage: 'visitor',
      stateVersion: 1,
      createState: () => ({ seen: 0 }),
      apply: {
        'weir.clicks': (state, event, output) => {
          if (event.channel === 'poison') throw new Error('cannot');
          state.seen += 1;
          output.add(COUNTS, event.occurred_at, [event.channel], 0, 1);
          output.add(COUNTS, event.occurred_at, [event.channel], 1, state.seen);
        },
      },
      expiresAtMs: () => Number.POSITIVE_INFINITY,
      stateBytes: () => 16,
    }),
  ],
  tables: [COUNTS],
  migrations: [],
};

const LATEST: FactsTable = {
  kind: 'facts',
  name: 'latest_log',
  columns: [
    { name: 'seen_at', type: 'instant' },
    { name: 'channel', type: 'text' },
  ],
  watched: { key: 'channel', instant: 'seen_at', keysMax: 2 },
};

/** Writes each click down; viewers see the latest of each channel. */
const watching: Processor = {
  name: 'watching',
  operators: [
    defineOperator<null>({
      name: 'watching',
      stage: 'visitor',
      stateVersion: 1,
      createState: () => null,
      apply: {
        'weir.clicks': (_, event, output) => {
          output.append(LATEST, [event.occurred_at, event.channel]);
        },
      },
      expiresAtMs: () => Number.NEGATIVE_INFINITY,
      stateBytes: () => 8,
    }),
  ],
  tables: [LATEST],
  migrations: [],
};

class Rig {
  nowMs = T0 + DAY_MS;
  readonly log = new MemoryLog(() => this.nowMs);
  readonly store = new MemoryStore();
  readonly sink = new MemorySink();

  open(processors: readonly Processor[] = [counting]): Promise<Engine> {
    return Engine.open({
      node: 'test',
      processors,
      log: this.log,
      store: this.store,
      sink: this.sink,
      clock: {
        nowMs: () => this.nowMs,
        monotonicMs: () => this.nowMs,
        sleep: () => Promise.resolve(),
        random: () => 0.5,
      },
      limits: {
        outOfOrdernessMs: MINUTE_MS,
        idleTimeoutMs: 30_000,
        allowedLatenessMs: DAY_MS,
        clockSkewMs: 5 * MINUTE_MS,
        cachedStateBytesMax: 1,
        cachedRowsMax: 2,
        deduplicationIdsMax: 1_000,
        checkpointMs: 1_000,
        checkpointKeysMax: 100,
        checkpointRowsMax: 100,
        stretchKeysMax: 100,
        checkpointLinesMax: 100,
        outboxRowsMax: 1_000,
      },
      partitions: 2,
      events: NO_LISTENER,
    });
  }

  async click(
    id: string,
    atMs: number,
    options: { readonly channel?: string; readonly importName?: string } = {},
  ): Promise<void> {
    const value = encodeEvent('weir.clicks', click(id, atMs, options.channel ?? 'amazon'));
    const batch = { topic: 'weir.clicks', partition: 0, values: [value] } as const;
    await this.log.append([
      options.importName === undefined ? batch : { ...batch, importName: options.importName },
    ]);
  }

  totals(): Record<string, Record<string, number>> {
    return this.sink.totals(COUNTS);
  }
}

async function settle(engine: Engine): Promise<void> {
  while (engine.step() > 0);
  await engine.checkpoint();
  await engine.outbox.idle();
}

function click(id: string, atMs: number, channel: string): Click {
  return {
    event_id: id,
    occurred_at: atMs,
    source: 'test',
    seq: null,
    visitor_id: visitorToken('v-one'),
    session_id: null,
    kind: 'click',
    channel,
    campaign: null,
    sku: null,
    url: null,
    referrer: null,
    ip: null,
    user_agent: null,
    agent: null,
    network: null,
    region: null,
    signed_in: null,
    server_side: null,
    prefetch: null,
    pointer: null,
    arm: null,
    consent: null,
  };
}

const MINUTE_0 = `${T0 / 1_000}.000|amazon`;

test('what was read before a checkpoint is not read again after a restart, what came later is', async () => {
  const rig = new Rig();
  const first = await rig.open();
  await rig.click('a', T0);
  await settle(first);
  await rig.click('b', T0 + 1);
  while (first.step() > 0);
  // The process dies here: b was read, but no checkpoint holds it.
  const second = await rig.open();
  await settle(second);
  expect(rig.totals()).toEqual({ [MINUTE_0]: { clicks: 2, nth: 3 } });
  expect(second.counts()).toMatchObject({ received: 2, contributed: 2 });
});

test('rows that were stored but not delivered before a crash are delivered by the next process', async () => {
  const rig = new Rig();
  const first = await rig.open();
  await rig.click('a', T0);
  rig.sink.insert = () => new Promise(() => undefined);
  while (first.step() > 0);
  await first.checkpoint();
  expect(rig.totals()).toEqual({});
  rig.sink.insert = (insert) => Promise.resolve(rig.sink.insertNow(insert));
  const second = await rig.open();
  await second.outbox.idle();
  expect(rig.totals()).toEqual({ [MINUTE_0]: { clicks: 1, nth: 1 } });
});

test('an event that comes twice counts once, also after a restart', async () => {
  const rig = new Rig();
  const first = await rig.open();
  await rig.click('a', T0);
  await settle(first);
  await rig.click('a', T0);
  const second = await rig.open();
  await settle(second);
  expect(rig.totals()).toEqual({ [MINUTE_0]: { clicks: 1, nth: 1 } });
  expect(second.counts()).toMatchObject({ received: 2, contributed: 1, duplicate: 1 });
});

test('an id that comes again with another body is a dead letter, and the first one stays', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  await rig.click('a', T0);
  await rig.click('a', T0 + 5);
  await settle(engine);
  expect(engine.counts()).toMatchObject({ received: 2, contributed: 1, dead_lettered: 1 });
  expect(
    [...(rig.sink.tables.get('dead_letters_log')?.values() ?? [])].map(({ code }) => code),
  ).toEqual(['EVENT_ID_CONFLICT']);
});

test('an event behind the allowed lateness goes to late_events, one within it corrects its window', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  rig.nowMs = T0 + 3 * DAY_MS;
  await rig.click('now', T0 + 2 * DAY_MS);
  await settle(engine);
  await rig.click('within', T0 + DAY_MS);
  await rig.click('behind', T0);
  await settle(engine);
  expect(engine.counts()).toMatchObject({ received: 3, contributed: 2, late: 1 });
  expect(Object.keys(rig.totals())).toEqual([
    `${(T0 + DAY_MS) / 1_000}.000|amazon`,
    `${(T0 + 2 * DAY_MS) / 1_000}.000|amazon`,
  ]);
});

test('an import of history is never late: it corrects final windows in rows of their own', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  rig.nowMs += 10 * MINUTE_MS;
  await rig.click('now', T0 + DAY_MS + 5 * MINUTE_MS);
  await settle(engine);
  await rig.click('old', T0, { importName: 'history' });
  await settle(engine);
  expect(rig.totals()[MINUTE_0]).toEqual({ clicks: 1, nth: 2 });
  const rows = [...(rig.sink.tables.get('counts_rows')?.values() ?? [])];
  expect(rows.map((row) => row['corrected_on'])).toEqual(['1970-01-01', '2026-11-21']);
});

test('an event ahead of the clock is quarantined and does not move the watermark', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  await rig.click('ahead', rig.nowMs + 6 * MINUTE_MS);
  await settle(engine);
  expect(engine.counts()).toMatchObject({ received: 1, quarantined: 1 });
  expect(engine.tasks[0]?.watermarkMs).toBe(-Infinity);
});

test('a record that makes an operator fail becomes a dead letter, and everything around it counts once', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  await rig.click('a', T0);
  await rig.click('bad', T0 + 1, { channel: 'poison' });
  await rig.click('b', T0 + 2);
  await settle(engine);
  await settle(engine);
  expect(rig.totals()).toEqual({ [MINUTE_0]: { clicks: 2, nth: 3 } });
  expect(engine.counts()).toMatchObject({ received: 3, contributed: 2, dead_lettered: 1 });
});

test('bytes that are no event become a dead letter with a reason', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  await rig.log.append([
    {
      topic: 'weir.clicks',
      partition: 0,
      values: [Buffer.from('{"broken"'), Buffer.from([0xc3, 0x01, 9])],
    },
  ]);
  await settle(engine);
  expect(engine.counts()).toMatchObject({ received: 2, dead_lettered: 2 });
});

test('state of more visitors than memory holds is read back from the store', async () => {
  const rig = new Rig();
  const engine = await rig.open();
  for (let round = 0; round < 3; round += 1) {
    for (let visitor = 0; visitor < 20; visitor += 1) {
      const event = {
        ...click(`e${round}-${visitor}`, T0 + round, 'amazon'),
        visitor_id: visitorToken(`v${visitor}`),
      };
      await rig.log.append([
        { topic: 'weir.clicks', partition: 0, values: [encodeEvent('weir.clicks', event)] },
      ]);
    }
    await settle(engine);
  }
  expect(rig.totals()).toEqual({ [MINUTE_0]: { clicks: 60, nth: 20 * (1 + 2 + 3) } });
  expect(engine.tasks[0]?.memory.keys).toBeLessThan(45);
});

test('viewers see the newest fact of each key, of the keys that changed last', async () => {
  const rig = new Rig();
  const engine = await rig.open([watching]);
  const shown = (): unknown => engine.current(LATEST.name, 0).map(({ row }) => row);
  for (const [index, channel] of ['email', 'search', 'email', 'dtc'].entries()) {
    await rig.click(`c${index}`, T0 + index, { channel });
  }
  while (engine.step() > 0);
  expect(engine.publish()?.updates).toHaveLength(3);
  expect(shown()).toEqual([
    { seen_at: T0 + 2, channel: 'email' },
    { seen_at: T0 + 3, channel: 'dtc' },
  ]);
  await rig.click('c4', T0 + 4, { channel: 'search' });
  while (engine.step() > 0);
  engine.publish();
  expect(shown()).toEqual([
    { seen_at: T0 + 3, channel: 'dtc' },
    { seen_at: T0 + 4, channel: 'search' },
  ]);
});
