import { expect, test } from 'vitest';

import { ALERTS } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { CollectingOutput } from '../../test/doubles/collecting-output.ts';
import { STOCK_LEVELS_CONFIG } from '../../test/doubles/stock-config.ts';
import { alertIdOf } from '../engine/operator/incident.ts';
import { createStockLevels } from './operator.ts';
import { STOCK_CURRENT, STOCK_INCIDENTS } from './row.ts';

const START_MS = Date.UTC(2026, 2, 1, 10);
const LATENESS_MS = 24 * HOUR_MS;
const at = (minute: number): number => START_MS + minute * MINUTE_MS;

type AnyEvent = Inventory | SkuEvent;

function inventory(minute: number, fields: Partial<Inventory>): Inventory {
  return {
    event_id: `i${minute}`,
    occurred_at: at(minute),
    source: 'warehouse',
    seq: null,
    sku: 'A-1',
    kind: 'movement',
    node_id: 'berlin',
    channel: null,
    on_hand: null,
    reserved: null,
    safety: null,
    quantity: null,
    lead_time_days: null,
    due_at: null,
    price_minor: null,
    currency: null,
    tax_included: null,
    promo_id: null,
    capacity: null,
    used: null,
    ...fields,
  };
}

const count = (minute: number, onHand: number, fields: Partial<Inventory> = {}): Inventory =>
  inventory(minute, { kind: 'count', on_hand: onHand, ...fields });
const movement = (minute: number, quantity: number, fields: Partial<Inventory> = {}): Inventory =>
  inventory(minute, { quantity, ...fields });

function skuEvent(minute: number, fields: Partial<SkuEvent>): SkuEvent {
  return {
    event_id: `s${minute}`,
    occurred_at: at(minute),
    source: 'shop',
    sku: 'A-1',
    kind: 'sold',
    node_id: 'berlin',
    quantity: 0,
    demand: 0,
    order_id: 'order-1',
    sales_channel: 'dtc',
    alert_id: null,
    actor: null,
    ...fields,
  };
}

const sold = (minute: number, quantity: number, fields: Partial<SkuEvent> = {}): SkuEvent =>
  skuEvent(minute, { quantity, ...fields });
const acknowledged = (minute: number, openedMinute: number, actor = 'ana'): SkuEvent =>
  skuEvent(minute, {
    event_id: `ack-${actor}-${minute}`,
    kind: 'acknowledged',
    alert_id: alertIdOf('stockout', ['A-1', 'berlin'], at(openedMinute)),
    actor,
  });

/** Hands events of one SKU to the operator in this order; the watermark trails the newest by a minute. */
function run(events: readonly AnyEvent[], output = new CollectingOutput()): CollectingOutput {
  const operator = createStockLevels({
    ...STOCK_LEVELS_CONFIG,
    allowedLatenessMs: LATENESS_MS,
    sequenceGaps: true,
  });
  let state: unknown = operator.createState();
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const [offset, event] of events.entries()) {
    const record = {
      partition: 0,
      offset,
      appendedAtMs: event.occurred_at,
      watermarkMs: newestMs - MINUTE_MS,
    };
    if ('order_id' in event) {
      operator.apply['weir.internal.sku']?.(state, event, output, {
        ...record,
        topic: 'weir.internal.sku',
      });
    } else {
      operator.apply['weir.inventory']?.(state, event, output, {
        ...record,
        topic: 'weir.inventory',
      });
    }
    newestMs = Math.max(newestMs, event.occurred_at);
    state = JSON.parse(JSON.stringify(state));
  }
  return output;
}

/** `sku|node` → the shown columns that a test names. */
function current(output: CollectingOutput, ...names: readonly string[]): Record<string, unknown> {
  return shown(output, STOCK_CURRENT, names);
}

function shown(
  output: CollectingOutput,
  table: typeof STOCK_CURRENT | typeof STOCK_INCIDENTS | typeof ALERTS,
  names: readonly string[],
): Record<string, unknown> {
  const rows = [...(output.rows.get(table.name) ?? [])].map(([key, values]) => {
    const row = Object.fromEntries(
      table.columns.map(({ name }, index) => [name, values[index]] as const),
    );
    return { key, row };
  });
  return Object.fromEntries(
    rows
      .filter(({ row }) => row['withdrawn'] === false)
      .map(({ key, row }) => [key, names.map((name) => row[name])] as const),
  );
}

/** The shown stockouts as `[opened, resolved, acknowledged by]` in minutes, by opening. */
function stockouts(output: CollectingOutput): (readonly unknown[])[] {
  const minuteOf = (value: unknown): unknown =>
    typeof value === 'number' ? (value - START_MS) / MINUTE_MS : value;
  return Object.values(
    shown(output, STOCK_INCIDENTS, ['opened_at', 'resolved_at', 'acknowledged_by']),
  )
    .flatMap((values) => (Array.isArray(values) ? [values.map(minuteOf)] : []))
    .toSorted((a, b) => Number(a[0]) - Number(b[0]));
}

test('a SKU that was sold but never counted is UNKNOWN', () => {
  const output = run([sold(0, 2)]);
  expect(current(output, 'state', 'available', 'on_hand', 'changed_at', 'as_of')).toEqual({
    'A-1|berlin': ['UNKNOWN', null, null, null, at(0)],
  });
});

test('available is on hand without what is reserved and what is kept for safety', () => {
  const output = run([count(0, 42, { reserved: 6, safety: 1 }), sold(5, 3), movement(6, 10)]);
  expect(current(output, 'state', 'available', 'on_hand', 'reserved', 'safety')).toEqual({
    'A-1|berlin': ['IN_STOCK', 42, 49, 6, 1],
  });
});

test('a count replaces everything up to its instant, whatever arrives afterwards', () => {
  const output = run([count(0, 10), count(20, 5), movement(10, 100), movement(20, 100)]);
  expect(current(output, 'available', 'as_of')).toEqual({ 'A-1|berlin': [5, at(20)] });
});

test('of two counts of one instant the one with the greater event id holds', () => {
  const counts = [count(0, 7, { event_id: 'a' }), count(0, 8, { event_id: 'b' })];
  expect(current(run(counts), 'available')).toEqual({ 'A-1|berlin': [8] });
  expect(current(run(counts.toReversed()), 'available')).toEqual({ 'A-1|berlin': [8] });
});

test('each node has its own stock, and events without a node belong to default', () => {
  const output = run([count(0, 3), count(1, 4, { node_id: null }), sold(2, 1, { node_id: null })]);
  expect(current(output, 'available')).toEqual({ 'A-1|berlin': [3], 'A-1|default': [3] });
});

// minute     0    5    6    7    9   12   15
// available  2    0   −1   −2    1    0    ⋯
//                 └── out ─────┘    └─ out
test('every stretch without anything available is one incident, however many sales hit it', () => {
  const output = run([
    count(0, 2),
    sold(5, 2),
    sold(6, 1),
    sold(7, 1),
    movement(9, 3),
    sold(12, 1),
  ]);
  expect(stockouts(output)).toEqual([
    [5, 9, null],
    [12, null, null],
  ]);
  expect(current(output, 'state', 'available', 'changed_at')).toEqual({
    'A-1|berlin': ['OUT', 0, at(12)],
  });
});

test('a stockout is an alert that says what, where, since when, and what to do', () => {
  const output = run([count(0, 2), sold(5, 3)]);
  const [row] = output.rows.get(ALERTS.name)?.values() ?? [];
  expect(row).toEqual([
    alertIdOf('stockout', ['A-1', 'berlin'], at(5)),
    'stockout',
    'critical',
    'open',
    'A-1 at berlin',
    'A-1',
    'A-1',
    'berlin',
    at(5),
    null,
    null,
    null,
    null,
    null,
    '',
    'docs/operations.md#stockout',
    'SKU A-1 at node berlin has -1 unit available; out since 2026-03-01 10:05:00 UTC',
    false,
  ]);
});

test('an open stockout keeps the price at which it was last heard of, however many follow', () => {
  const price = (minute: number, amountMinor: number): Inventory =>
    inventory(minute, { kind: 'price', channel: 'dtc', price_minor: amountMinor, currency: 'EUR' });
  const out = [
    price(0, 1_000),
    count(1, 4),
    sold(600, 2, { demand: 2 }),
    sold(900, 2, { demand: 2 }),
  ];
  const costOf = (events: readonly AnyEvent[]): Record<string, unknown> =>
    shown(run(events), STOCK_INCIDENTS, ['opened_at', 'lost_minor', 'currency']);
  const cost = costOf([...out, movement(950, -1)]);
  expect(Object.values(cost)).toEqual([[at(900), expect.any(Number), 'EUR']]);
  const days = [2, 3, 4, 5, 6].map((day) => price(day * 24 * 60, day * 1_000));
  expect(costOf([...out, movement(950, -1), ...days])).toEqual(cost);
});

test('a late sale moves the opening: the old incident is withdrawn and its acknowledgement goes along', () => {
  const events = [count(0, 2), sold(10, 2), acknowledged(12, 10), sold(4, 2)];
  const output = run(events);
  expect(stockouts(output)).toEqual([[4, null, 'ana']]);
  expect(output.rows.get(ALERTS.name)?.size).toBe(2);
  expect(stockouts(run(events.toReversed()))).toEqual([[4, null, 'ana']]);
});

test('a late delivery removes a stockout that never was', () => {
  const output = run([count(0, 2), sold(10, 2), sold(20, 1), movement(5, 9)]);
  expect(stockouts(output)).toEqual([]);
  expect(current(output, 'state', 'available')).toEqual({ 'A-1|berlin': ['IN_STOCK', 8] });
});

test('a late delivery splits one stockout in two, and the acknowledgement stays with the first', () => {
  const output = run([
    count(0, 2),
    sold(10, 2),
    acknowledged(13, 10),
    sold(20, 1),
    movement(15, 1),
  ]);
  expect(stockouts(output)).toEqual([
    [10, 15, 'ana'],
    [20, null, null],
  ]);
});

test('the first acknowledgement holds', () => {
  const acknowledgements = [acknowledged(13, 10, 'ben'), acknowledged(12, 10, 'ana')];
  expect(stockouts(run([count(0, 2), sold(10, 2), ...acknowledgements]))).toEqual([
    [10, null, 'ana'],
  ]);
});

test('an acknowledged stockout keeps its acknowledgement however long it lasts', () => {
  const day = 24 * 60;
  const output = run([
    count(0, 2),
    sold(10, 2),
    acknowledged(12, 10),
    sold(2 * day, 1),
    movement(4 * day, 9),
  ]);
  expect(stockouts(output)).toEqual([[10, 4 * day, 'ana']]);
});

test('an acknowledgement of a stockout that is long over does not fall on a newer one', () => {
  const day = 24 * 60;
  const output = run([
    count(0, 2),
    sold(10, 2),
    movement(20, 1),
    sold(3 * day, 1),
    acknowledged(3 * day + 1, 10),
  ]);
  expect(stockouts(output)).toEqual([
    [10, 20, null],
    [3 * day, null, null],
  ]);
});

test('an acknowledgement that names no stockout of the SKU and node is counted', () => {
  const unknown = [
    'stockout:0:1',
    'nonsense',
    alertIdOf('stockout', ['other', 'berlin'], at(0)),
  ].map((id, index) =>
    skuEvent(index, { event_id: `x${index}`, kind: 'acknowledged', alert_id: id, actor: 'ana' }),
  );
  expect(run(unknown).counts.get('STOCK_ALERT_UNKNOWN')).toBe(3);
});

test('a missing sequence number makes the stock STALE until it arrives', () => {
  const events = [
    count(0, 9, { seq: 1 }),
    movement(1, -1, { seq: 2 }),
    movement(3, -1, { seq: 4 }),
  ];
  expect(current(run(events), 'state', 'available')).toEqual({ 'A-1|berlin': ['STALE', 7] });
  expect(current(run([...events, movement(2, -1, { seq: 3 })]), 'state', 'available')).toEqual({
    'A-1|berlin': ['IN_STOCK', 6],
  });
});

test('a newer count ends STALE, because it says what the missing events did', () => {
  const events = [count(0, 9, { seq: 1 }), movement(3, -1, { seq: 4 }), count(5, 4, { seq: 5 })];
  expect(current(run(events), 'state', 'available')).toEqual({ 'A-1|berlin': ['IN_STOCK', 4] });
});

test('sequence numbers are ignored where they are switched off', () => {
  const operator = createStockLevels({
    ...STOCK_LEVELS_CONFIG,
    allowedLatenessMs: LATENESS_MS,
    sequenceGaps: false,
  });
  const output = new CollectingOutput();
  const state = operator.createState();
  for (const event of [count(0, 9, { seq: 1 }), movement(3, -1, { seq: 40 })]) {
    operator.apply['weir.inventory']?.(state, event, output, {
      topic: 'weir.inventory',
      partition: 0,
      offset: 0,
      appendedAtMs: 0,
      watermarkMs: Number.NEGATIVE_INFINITY,
    });
  }
  expect(current(output, 'state')).toEqual({ 'A-1|berlin': ['IN_STOCK'] });
});

test('prices and capacities make no stock row, an announced delivery shows what is on its way', () => {
  const silent = run([
    inventory(0, { kind: 'price', price_minor: 100, currency: 'EUR', seq: 1 }),
    inventory(2, { kind: 'capacity', capacity: 5 }),
  ]);
  expect(silent.rows.size).toBe(0);
  const announced = inventory(1, { kind: 'inbound', quantity: 5, due_at: at(60) });
  const output = run([announced, inventory(1, { kind: 'inbound', quantity: 5 })]);
  expect(current(output, 'state', 'inbound', 'as_of')).toEqual({
    'A-1|berlin': ['UNKNOWN', 5, at(1)],
  });
  expect(output.counts.get('STOCK_UNITS_MISSING')).toBe(1);
});

test('a count or movement without units is counted and not used', () => {
  const output = run([inventory(0, { kind: 'count' }), inventory(1, {})]);
  expect(output.counts.get('STOCK_UNITS_MISSING')).toBe(2);
  expect(output.rows.size).toBe(0);
});

test('what an order took and gave back at one instant leaves no row behind', () => {
  const output = run([sold(5, 2), sold(5, 2, { event_id: 'back', kind: 'restored' })]);
  expect(current(output, 'state')).toEqual({});
});

test('a node busier than its bound folds its oldest changes and keeps the sum exact', () => {
  const output = new CollectingOutput();
  const sales = Array.from({ length: 8_400 }, (_, index) =>
    sold(1 + index / 20, 1, { event_id: `s${index}` }),
  );
  run([count(0, 10_000), ...sales], output);
  expect(current(output, 'state', 'available')).toEqual({ 'A-1|berlin': ['IN_STOCK', 1_600] });
  expect(output.counts.get('STOCK_ENTRIES_LIMIT')).toBeGreaterThan(0);
});

/** More sales than are kept whatever their age, one every ten minutes of five days. */
const HISTORY = Array.from({ length: 700 }, (_, index) =>
  sold(10 * (1 + index), 1, { event_id: `s${index}` }),
);

test('history in order is exact, however long it is and though no watermark moves', () => {
  const counts = Array.from({ length: 100 }, (_, index) =>
    count(70 * index + 5, 1_000, { event_id: `c${index}` }),
  );
  const events = [...HISTORY, ...counts].toSorted((a, b) => a.occurred_at - b.occurred_at);
  const output = run(events);
  expect(current(output, 'state', 'available', 'exact')).toEqual({
    'A-1|berlin': ['IN_STOCK', 993, true],
  });
  expect(output.counts.size).toBe(0);
});

test('history that arrives newest first beyond the bound ends at the same stock, and says that its past is not exact', () => {
  const events = [count(5, 1_000), count(1_000, 2_000), ...HISTORY];
  const output = run(events.toSorted((a, b) => b.occurred_at - a.occurred_at));
  expect(current(output, 'state', 'available', 'exact')).toEqual({
    'A-1|berlin': ['IN_STOCK', 1_400, false],
  });
});

test('a sale from before a count that is folded says that the past is not exact', () => {
  const output = run([count(5, 1_000), count(3_000, 2_000), ...HISTORY, sold(7, 1)]);
  expect(current(output, 'available', 'exact')).toEqual({ 'A-1|berlin': [1_600, false] });
  expect(output.counts.get('STOCK_LATE_CHANGE')).toBe(1);
});

test('a count that falls among folded changes makes the stock STALE until the next count', () => {
  const output = run([...HISTORY, count(1_000, 2_000)]);
  expect(current(output, 'state', 'exact')).toEqual({ 'A-1|berlin': ['STALE', false] });
  expect(output.counts.get('STOCK_LATE_COUNT')).toBe(1);
  const recounted = run([
    ...HISTORY,
    count(1_000, 2_000),
    count(9_000, 7, { event_id: 'recount' }),
  ]);
  expect(current(recounted, 'state', 'available')).toEqual({ 'A-1|berlin': ['IN_STOCK', 7] });
});

test('more nodes than a SKU may have are counted and not used', () => {
  const output = new CollectingOutput();
  const operator = createStockLevels({
    ...STOCK_LEVELS_CONFIG,
    allowedLatenessMs: LATENESS_MS,
    sequenceGaps: true,
  });
  const state = operator.createState();
  for (let index = 0; index < 4_097; index += 1) {
    operator.apply['weir.inventory']?.(state, count(0, 1, { node_id: `n${index}` }), output, {
      topic: 'weir.inventory',
      partition: 0,
      offset: index,
      appendedAtMs: 0,
      watermarkMs: Number.NEGATIVE_INFINITY,
    });
  }
  expect(output.rows.get(STOCK_CURRENT.name)?.size).toBe(4_096);
  expect(output.counts.get('STOCK_NODE_LIMIT')).toBe(1);
});
