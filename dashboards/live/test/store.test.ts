import { expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../schemas/time.ts';
import { parseMessage } from '../src/live/messages.ts';
import { LiveStore } from '../src/live/store.ts';

const NOON_MS = Date.UTC(2026, 10, 21, 12);

function apply(store: LiveStore, message: object, receivedAt = NOON_MS): void {
  const parsed = parseMessage(JSON.stringify(message));
  if (parsed === undefined) throw new TypeError('Expected a message of the protocol');
  store.apply(parsed, receivedAt);
}

function minute(start: number, sums: object) {
  return { window_start: start, channel: 'dtc', currency: 'EUR', ...sums };
}

function pipeline(contributed: number, eventsPerSecond: number) {
  return {
    key: 'pipeline',
    ready: true,
    received: contributed,
    contributed,
    events_per_second: eventsPerSecond,
  };
}

test('a snapshot replaces all rows, an update only those with its key', () => {
  const store = new LiveStore();
  const rows = [minute(NOON_MS, { orders: 1 }), minute(NOON_MS + MINUTE_MS, { orders: 2 })];
  apply(store, { type: 'snapshot', topic: 'channels', seq: 1, rows });
  const changed = [minute(NOON_MS, { orders: 5 })];
  apply(store, { type: 'update', topic: 'channels', seq: 2, rows: changed });
  expect([...store.channels.rows.values()].map(({ orders }) => orders)).toEqual([5, 2]);
  apply(store, { type: 'snapshot', topic: 'channels', seq: 3, rows: changed });
  expect([...store.channels.rows.values()].map(({ orders }) => orders)).toEqual([5]);
});

test('a repeated update changes nothing', () => {
  const store = new LiveStore();
  apply(store, {
    type: 'snapshot',
    topic: 'channels',
    seq: 9,
    rows: [minute(NOON_MS, { orders: 4 })],
  });
  apply(store, {
    type: 'update',
    topic: 'channels',
    seq: 9,
    rows: [minute(NOON_MS, { orders: 3 })],
  });
  apply(store, {
    type: 'update',
    topic: 'channels',
    seq: 8,
    rows: [minute(NOON_MS, { orders: 2 })],
  });
  expect([...store.channels.rows.values()].map(({ orders }) => orders)).toEqual([4]);
});

test('minutes older than three hours before the newest leave the page', () => {
  const store = new LiveStore();
  const rows = [minute(NOON_MS, { orders: 1 }), minute(NOON_MS + MINUTE_MS, { orders: 2 })];
  apply(store, { type: 'snapshot', topic: 'channels', seq: 1, rows });
  const newest = [minute(NOON_MS + 3 * HOUR_MS, { orders: 3 })];
  apply(store, { type: 'update', topic: 'channels', seq: 2, rows: newest });
  expect([...store.channels.rows.values()].map(({ orders }) => orders)).toEqual([2, 3]);
});

test('a number that goes down is remembered as withdrawn for fifteen minutes', () => {
  const store = new LiveStore();
  const before = minute(NOON_MS, { clicks_net: 100, revenue_minor: 5000, currency: 'EUR' });
  apply(store, { type: 'snapshot', topic: 'channels', seq: 1, rows: [before] });
  const after = minute(NOON_MS, { clicks_net: 88, revenue_minor: 2500, currency: 'EUR' });
  apply(store, { type: 'update', topic: 'channels', seq: 2, rows: [after] }, NOON_MS);
  const again = minute(NOON_MS, { clicks_net: 80, revenue_minor: 2600, currency: 'EUR' });
  apply(
    store,
    { type: 'update', topic: 'channels', seq: 3, rows: [again] },
    NOON_MS + 10 * MINUTE_MS,
  );
  expect(store.withdrawals.recent(NOON_MS + 10 * MINUTE_MS)).toEqual([
    { channel: 'dtc', currency: 'EUR', column: 'clicks_net', amount: 20 },
    { channel: 'dtc', currency: 'EUR', column: 'revenue_minor', amount: 2500 },
  ]);
  expect(store.withdrawals.recent(NOON_MS + 15 * MINUTE_MS)).toEqual([
    { channel: 'dtc', currency: 'EUR', column: 'clicks_net', amount: 8 },
  ]);
});

test('a minute that leaves the view is no withdrawal', () => {
  const store = new LiveStore();
  apply(store, {
    type: 'snapshot',
    topic: 'channels',
    seq: 1,
    rows: [minute(NOON_MS, { orders: 7 })],
  });
  const newest = [minute(NOON_MS + 4 * HOUR_MS, { orders: 1 })];
  apply(store, { type: 'update', topic: 'channels', seq: 2, rows: newest });
  expect(store.withdrawals.recent(NOON_MS)).toEqual([]);
});

test('rows of an unknown shape are counted and left out', () => {
  const store = new LiveStore();
  const rows = [{ channel: 'dtc' }, { window_start: 'noon', channel: 'dtc' }, minute(NOON_MS, {})];
  apply(store, { type: 'snapshot', topic: 'channels', seq: 1, rows });
  expect(store.channels.rows.size).toBe(1);
  expect(store.refusedCount).toBe(2);
});

test('64-bit integers that ClickHouse writes as text are numbers', () => {
  const store = new LiveStore();
  const row = {
    window_start: String(NOON_MS),
    channel: 'dtc',
    currency: 'EUR',
    orders: '12',
    margin_minor: '-40',
  };
  apply(store, { type: 'snapshot', topic: 'channels', seq: 1, rows: [row] });
  expect([...store.channels.rows.values()]).toMatchObject([
    { window_start: NOON_MS, orders: 12, margin_minor: -40 },
  ]);
});

test('events that are counted while no number moves make the page stale after ten seconds', () => {
  const store = new LiveStore();
  const { freshness } = store;
  freshness.connected(NOON_MS);
  apply(store, { type: 'snapshot', topic: 'pipeline', seq: 1, rows: [pipeline(100, 20)] }, NOON_MS);
  apply(store, { type: 'update', topic: 'channels', seq: 2, rows: [minute(NOON_MS, {})] }, NOON_MS);
  let seq = 1;
  for (let second = 1; second <= 15; second += 1) {
    seq += 1;
    const rows = [pipeline(100 + second, 20)];
    apply(store, { type: 'update', topic: 'pipeline', seq, rows }, NOON_MS + second * SECOND_MS);
    expect(freshness.staleSince(NOON_MS + second * SECOND_MS)).toBe(
      second > 14 ? NOON_MS : undefined,
    );
  }
  const later = NOON_MS + 16 * SECOND_MS;
  apply(store, { type: 'update', topic: 'channels', seq: 3, rows: [minute(NOON_MS, {})] }, later);
  expect(freshness.staleSince(later)).toBeUndefined();
});

test('a quiet shop is not stale: without events nothing has to move', () => {
  const store = new LiveStore();
  store.freshness.connected(NOON_MS);
  for (let second = 0; second <= 120; second += 1) {
    const rows = [pipeline(100, 0)];
    const at = NOON_MS + second * SECOND_MS;
    apply(store, { type: 'update', topic: 'pipeline', seq: second + 1, rows }, at);
    expect(store.freshness.staleSince(at)).toBeUndefined();
  }
});

test('a pipeline that falls silent while events flowed makes the page stale', () => {
  const store = new LiveStore();
  store.freshness.connected(NOON_MS);
  apply(store, { type: 'snapshot', topic: 'pipeline', seq: 1, rows: [pipeline(100, 20)] }, NOON_MS);
  expect(store.freshness.staleSince(NOON_MS + 13 * SECOND_MS)).toBeUndefined();
  expect(store.freshness.staleSince(NOON_MS + 14 * SECOND_MS)).toBe(NOON_MS);
});

test('ages follow the server when the clock of the browser is wrong', () => {
  const store = new LiveStore();
  const update = { type: 'update', topic: 'stock', seq: 2, rows: [], sent_at: NOON_MS };
  apply(store, update, NOON_MS - HOUR_MS);
  expect(store.freshness.serverNow(NOON_MS - HOUR_MS + 500)).toBe(NOON_MS + 500);
});

test('latency is the median of the last updates, so one slow update does not make it jump', () => {
  const store = new LiveStore();
  const rows = [minute(NOON_MS, {})];
  for (const [index, pipelineMs] of [40, 42, 900, 41, 43].entries()) {
    apply(store, {
      type: 'update',
      topic: 'channels',
      seq: index + 1,
      rows,
      pipeline_ms: pipelineMs,
    });
  }
  expect(store.freshness.latencyMs).toBe(42);
});

test('an alert is shown ahead of the update that carries its row', () => {
  const store = new LiveStore();
  const row = { alert_id: 'a1', subject: 'mug-1 at berlin', opened_at: NOON_MS, resolved_at: null };
  apply(store, { type: 'alert', row });
  expect(store.alerts.rows.get('a1')?.resolved_at).toBeUndefined();
  expect(store.newestAlert?.subject).toBe('mug-1 at berlin');
});

test('a row that was taken back leaves the page', () => {
  const store = new LiveStore();
  const row = { alert_id: 'a1', subject: 'mug-1 at berlin', opened_at: NOON_MS };
  apply(store, { type: 'snapshot', topic: 'alerts', seq: 1, rows: [row] });
  apply(store, { type: 'update', topic: 'alerts', seq: 2, rows: [{ ...row, withdrawn: true }] });
  expect(store.alerts.rows.size).toBe(0);
});

test('stock that was never counted has no amounts, which is not zero', () => {
  const store = new LiveStore();
  const row = { sku: 'mug-1', node_id: 'berlin', state: 'UNKNOWN', available: null, on_hand: 0 };
  apply(store, { type: 'snapshot', topic: 'stock', seq: 1, rows: [row] });
  expect([...store.stock.rows.values()]).toMatchObject([{ available: undefined, on_hand: 0 }]);
});
