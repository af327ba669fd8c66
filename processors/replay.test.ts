import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS, SECOND_MS, durationMs } from '../schemas/time.ts';
import type { EventType } from '../schemas/topics.ts';
import { type Config, DEFAULT_CONFIG } from './config.ts';
import { Embedded } from './embedded.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import { insertDelivery } from './engine/runtime/delivery.ts';
import { Outbox } from './engine/runtime/outbox.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import { LmdbStore } from './engine/state/lmdb.ts';
import type { Write } from './engine/state/store.ts';
import { type ReplayOptions, type ReplayResult, replay } from './replay.ts';
import { withStoppedData } from './stopped.ts';
import type { TableDifference } from './table-differences.ts';

const START_MS = Date.UTC(2026, 0, 5, 12);
const DATA_DIR = mkdtempSync(join(tmpdir(), 'weir-replay-'));
const CONFIG: Config = {
  ...DEFAULT_CONFIG,
  data_dir: DATA_DIR,
  partitions: 1,
  log_level: 'error',
  lateness: {
    ...DEFAULT_CONFIG.lateness,
    allowed: durationMs(HOUR_MS),
    out_of_orderness: durationMs(SECOND_MS),
  },
};

type Sent = Readonly<Record<string, unknown>>;

function click(id: string, afterMs: number, visitor: string, channel = 'email'): Sent {
  return {
    event_id: id,
    occurred_at: START_MS + afterMs,
    source: 'test',
    visitor_id: visitor,
    kind: 'click',
    channel,
  };
}

function order(id: string, afterMs: number, change: Sent = {}): Sent {
  return {
    event_id: id,
    occurred_at: START_MS + afterMs,
    source: 'test',
    order_id: id,
    status: 'placed',
    visitor_id: 'ann',
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: [{ line_id: '1', sku: 'S', quantity: 2, unit_price_minor: 500 }],
    ...change,
  };
}

function stock(id: string, afterMs: number, change: Sent): Sent {
  return { event_id: id, occurred_at: START_MS + afterMs, source: 'test', sku: 'S', ...change };
}

/** Each step is in ClickHouse before the next begins, so that live decides step by step. */
const STEPS: readonly [EventType, readonly Sent[]][] = [
  ['inventory', [stock('count', 0, { kind: 'count', on_hand: 2 })]],
  ['order', [order('o-1', 20 * MINUTE_MS)]],
  // Ann: one session with pauses of 30 minutes, two with pauses of 5. Touches of two channels.
  ['click', [click('c-1', 0, 'ann'), click('c-2', 10 * MINUTE_MS, 'ann', 'search')]],
  // Three hours ahead, while the newest order holds the watermark at 20 minutes.
  ['click', [click('c-3', 3 * HOUR_MS, 'bob')]],
  // So this one is in time, though three hours behind the newest click.
  ['click', [click('c-4', 30_000, 'cleo')]],
  ['order', [order('o-2', 3 * HOUR_MS, { visitor_id: 'bob' })]],
  // Now both inputs are ahead, and these are too late.
  ['click', [click('c-5', 60_000, 'dave')]],
  ['order', [order('o-3', 60_000, { visitor_id: 'dave' })]],
  ['click', [click('c-1', 0, 'ann')]],
  ['inventory', [stock('restock', 4 * HOUR_MS, { kind: 'movement', quantity: 9 })]],
  [
    'order',
    [order('r-1', 3 * HOUR_MS, { order_id: 'o-1', status: 'returned' }), order('o-4', 4 * HOUR_MS)],
  ],
];

function openLive(): Promise<Embedded> {
  return Embedded.open(CONFIG, (error) => {
    throw error;
  });
}

beforeAll(async () => {
  const live = await openLive();
  for (const [type, events] of STEPS) {
    await live.ingest(type, events);
    await live.drain();
    if (type !== 'order') continue;
    for (const alert of await live.query(
      "SELECT alert_id, entity_key, node_id FROM weir.alerts WHERE state = 'open'",
    )) {
      await live.acknowledge({
        alertId: String(alert['alert_id']),
        entityKey: String(alert['entity_key']),
        nodeId: String(alert['node_id']),
        actor: 'somebody',
      });
    }
  }
  expect(live.countsOf('weir.clicks')).toMatchObject({ contributed: 4, late: 1, duplicate: 1 });
  expect(live.countsOf('weir.orders')).toMatchObject({ contributed: 4, late: 1 });
  const [acknowledged] = await live.query(
    'SELECT count() AS alerts FROM weir.alerts WHERE acknowledged_by IS NOT NULL',
  );
  expect(acknowledged).toEqual({ alerts: 1 });
  // Taken by the log, perhaps not by a task any more: live stops where it is.
  await live.ingest('click', [click('c-6', 4 * HOUR_MS, 'eve')]);
  await live.ingest('order', [order('o-5', 4 * HOUR_MS)]);
  await live.close();
});

afterAll(() => {
  rmSync(DATA_DIR, { recursive: true });
});

function replayed(
  change: Partial<Config> = {},
  options: Partial<ReplayOptions> = {},
): Promise<ReplayResult> {
  return withStoppedData({ ...CONFIG, ...change }, (data) =>
    replay(data, {
      sandbox: 'test',
      isReplacing: true,
      fromMs: 0,
      toMs: Date.UTC(2100, 0, 1),
      lateness: 'live',
      ...options,
    }),
  );
}

function differing(result: ReplayResult): readonly TableDifference[] {
  return result.tables.filter(
    ({ only_live, only_sandbox, differing: count }) => only_live + only_sandbox + count > 0,
  );
}

function tableOf(result: ReplayResult, name: string): TableDifference | undefined {
  return result.tables.find(({ table }) => table === name);
}

function logHash(): string {
  return createHash('sha256')
    .update(readFileSync(join(DATA_DIR, 'log', 'data.mdb')))
    .digest('hex');
}

test('with the same configuration nothing differs, and the log is as it was', async () => {
  const before = logHash();
  const result = await replayed();
  expect(differing(result)).toEqual([]);
  expect(result).toMatchObject({
    database: 'weir_sandbox_test',
    lateness: 'live',
    log_trimmed_before: null,
  });
  // Nothing is compared with nothing: what live holds is there on both sides.
  expect(tableOf(result, 'channel_1m')?.sums['clicks_gross']?.live).toBeGreaterThanOrEqual(4);
  expect(tableOf(result, 'alerts')?.rows).toEqual({ live: 1, sandbox: 1 });
  expect(tableOf(result, 'late_events')?.rows).toEqual({ live: 2, sandbox: 2 });
  expect(logHash()).toBe(before);
});

test('another session gap changes the sessions, and the rows that it changes are listed', async () => {
  const result = await replayed({ sessions: { gap: durationMs(5 * MINUTE_MS) } });
  const channels = tableOf(result, 'channel_1m');
  expect(channels).toMatchObject({ only_live: 0, only_sandbox: 0, differing: 1 });
  const { live = 0, sandbox = 0 } = channels?.sums['sessions'] ?? {};
  expect(sandbox - live).toBe(1);
  expect(channels?.sums['clicks_gross']).toEqual({
    live: channels?.sums['clicks_gross']?.sandbox,
    sandbox: channels?.sums['clicks_gross']?.live,
  });
  // Ann's second click, ten minutes after her first, begins a session of its own.
  expect(channels?.examples).toMatchObject([
    {
      key: { window_start: '2026-01-05 12:10:00.000', channel: 'search' },
      live: { sessions: 0 },
      sandbox: { sessions: 1 },
    },
  ]);
});

test('models that are no longer computed are rows of live only', async () => {
  const result = await replayed({
    attribution: { ...CONFIG.attribution, models: ['first', 'last'] },
  });
  expect(differing(result).map(({ table }) => table)).toEqual(['attribution_1h']);
  const credit = tableOf(result, 'attribution_1h');
  expect(credit).toMatchObject({ only_sandbox: 0, differing: 0 });
  expect(new Set(credit?.examples.map(({ key }) => key['model']))).toEqual(
    new Set(['last_non_direct', 'linear', 'position', 'time_decay', 'shapley']),
  );
  // Each of the seven models hands out the same total.
  const { live = 0, sandbox = 0 } = credit?.sums['conversions_milli'] ?? {};
  expect(sandbox / live).toBeCloseTo(2 / 7, 12);
});

test('only windows in the range are compared', async () => {
  const change = { sessions: { gap: durationMs(5 * MINUTE_MS) } };
  const result = await replayed(change, { fromMs: START_MS, toMs: START_MS + 10 * MINUTE_MS });
  // The minutes of Ann's first click and of Cleo's, which share a channel; the row that changes comes after.
  expect(tableOf(result, 'channel_1m')).toMatchObject({ rows: { live: 1 }, differing: 0 });
  expect(tableOf(result, 'clicks')).toMatchObject({ rows: { live: 2, sandbox: 2 } });
});

test('what was too late for live can be decided anew', async () => {
  const result = await replayed({}, { lateness: 'own' });
  // With both inputs at hand the click three hours behind is too late, which it was not for live.
  expect(tableOf(result, 'clicks')).toMatchObject({ only_live: 1, only_sandbox: 0 });
  expect(tableOf(result, 'late_events')).toMatchObject({ only_live: 0, only_sandbox: 1 });
});

test('a sandbox is overwritten only when that is asked for', async () => {
  await expect(replayed({}, { isReplacing: false })).rejects.toMatchObject({
    code: 'REPLAY_SANDBOX_EXISTS',
  });
});

test('another number of partitions than that of the log is refused', async () => {
  await expect(replayed({ partitions: 2 })).rejects.toMatchObject({
    code: 'LOG_PARTITION_COUNT_CHANGED',
  });
});

test('a log that is not in the data directory is refused', async () => {
  const kafka = { ...CONFIG.kafka, brokers: ['127.0.0.1:1'] };
  await expect(replayed({ kafka })).rejects.toMatchObject({ code: 'REPLAY_LOG_ELSEWHERE' });
});

test('a data directory in which nothing has run is refused', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'weir-replay-'));
  await expect(replayed({ data_dir: empty })).rejects.toMatchObject({
    code: 'REPLAY_LIVE_UNFINISHED',
  });
  rmSync(empty, { recursive: true });
});

test('live goes on where it was, after any number of replays', async () => {
  const live = await openLive();
  await live.drain();
  expect(live.countsOf('weir.clicks')).toMatchObject({ contributed: 5, late: 1, duplicate: 1 });
  expect(live.countsOf('weir.orders')).toMatchObject({ contributed: 5, late: 1 });
  await live.close();
  expect(differing(await replayed())).toEqual([]);
});

test('a log whose oldest records are gone is replayed from what is left, and the result says so', async () => {
  const log = EmbeddedLog.open(join(DATA_DIR, 'log'), () => Date.now());
  await log.trim('weir.clicks', 0, { beforeMs: Date.now() + 1, nextOffset: 3 });
  expect(log.startOffset('weir.clicks', 0)).toBe(3);
  const oldest = log.read('weir.clicks', 0, 3)?.appendedAtMs;
  await log.close();
  const result = await replayed();
  expect(result.log_trimmed_before).toBe(oldest);
  // Three are gone; of one of them the log still holds the repeat, which is now the first.
  expect(tableOf(result, 'clicks')).toMatchObject({ only_live: 2, only_sandbox: 0 });
});

test('while results of live are not in ClickHouse a replay is refused', async () => {
  const store = LmdbStore.open(join(DATA_DIR, 'state'));
  const unused = insertDelivery({ table: 'clicks_log', columns: [], token: '' }, []);
  const outbox = new Outbox({
    store,
    sink: { insert: () => Promise.resolve() },
    log: EmbeddedLog.open(join(DATA_DIR, 'unused'), () => 0),
    clock: systemClock,
    events: { onRetry: () => undefined, onDelivered: () => undefined },
  });
  const writes: Write[] = [];
  outbox.stage([unused], writes);
  await store.commit(writes);
  await store.close();
  await expect(replayed()).rejects.toMatchObject({ code: 'REPLAY_LIVE_UNFINISHED' });
});
