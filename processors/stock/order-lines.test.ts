import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Order, OrderStatus } from '../../schemas/events/order.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { ID_LENGTH_MAX, visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { CollectingOutput } from '../../test/doubles/collecting-output.ts';
import { createOrderLines } from './order-lines.ts';

const START_MS = Date.UTC(2026, 2, 1);
const RETURNS_KEPT_MS = 90 * DAY_MS;
const at = (minute: number): number => START_MS + minute * MINUTE_MS;

interface OrderOptions {
  readonly orderId?: string;
  readonly eventId?: string;
  readonly nodeId?: string;
  readonly lines?: readonly (readonly [sku: string, quantity: number])[];
}

function order(status: OrderStatus, minute: number, options: OrderOptions = {}): Order {
  return {
    event_id: options.eventId ?? `${status}-${minute}`,
    occurred_at: at(minute),
    source: 'shop',
    seq: null,
    order_id: options.orderId ?? 'order-1',
    status,
    visitor_id: visitorToken('visitor'),
    customer_id: null,
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: (options.lines ?? []).map(([sku, quantity], index) => ({
      line_id: String(index + 1),
      sku,
      quantity,
      unit_price_minor: 1_000,
      unit_cost_minor: null,
    })),
    region: null,
    zone: null,
    fulfilment: null,
    node_id: options.nodeId ?? null,
    due_at: null,
    promo_id: null,
    reason: null,
  };
}

/** Hands the orders of one visitor to the operator; the watermark trails the newest by a minute. */
function forwardsOf(
  orders: readonly Order[],
  { returnsKeptMs = RETURNS_KEPT_MS, output = new CollectingOutput() } = {},
): SkuEvent[] {
  const operator = createOrderLines({
    allowedLatenessMs: DAY_MS,
    returnsKeptMs,
  });
  let state: unknown = operator.createState();
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const [offset, event] of orders.entries()) {
    const watermarkMs = newestMs - MINUTE_MS;
    operator.apply['weir.orders']?.(state, event, output, {
      topic: 'weir.orders',
      partition: 0,
      offset,
      appendedAtMs: event.occurred_at,
      watermarkMs,
    });
    newestMs = Math.max(newestMs, event.occurred_at);
    state = JSON.parse(JSON.stringify(state));
  }
  return output.forwarded.flatMap(({ topic, event }) =>
    topic === 'weir.internal.sku' && 'kind' in event && 'order_id' in event ? [event] : [],
  );
}

/** `minute sku@node` → units, without zeros; negative left the shelf. */
function netOf(events: readonly SkuEvent[]): Record<string, number> {
  const net: Record<string, number> = {};
  for (const { kind, occurred_at: timeMs, sku, node_id: nodeId, quantity } of events) {
    const key = `${(timeMs - START_MS) / MINUTE_MS} ${sku}@${nodeId}`;
    net[key] = (net[key] ?? 0) + (kind === 'sold' ? -quantity : quantity);
  }
  return Object.fromEntries(Object.entries(net).filter(([, units]) => units !== 0));
}

test('a placed order takes each line from the shelf of its node', () => {
  const [first, second, ...others] = forwardsOf([
    order('placed', 5, {
      nodeId: 'berlin',
      lines: [
        ['A', 2],
        ['B', 1],
      ],
    }),
  ]);
  expect(others).toEqual([]);
  expect(first).toEqual({
    event_id: 'placed-5/0',
    occurred_at: at(5),
    source: 'shop',
    sku: 'A',
    kind: 'sold',
    node_id: 'berlin',
    quantity: 2,
    demand: 2,
    order_id: 'order-1',
    sales_channel: 'dtc',
    alert_id: null,
    actor: null,
  });
  expect(second).toMatchObject({ event_id: 'placed-5/1', sku: 'B', kind: 'sold', quantity: 1 });
});

test('an order without a node is taken from the node named default', () => {
  expect(netOf(forwardsOf([order('placed', 0, { lines: [['A', 1]] })]))).toEqual({
    '0 A@default': -1,
  });
});

test('a return brings back its own lines, to the node of the order when it names none', () => {
  const events = [
    order('placed', 0, { nodeId: 'berlin', lines: [['A', 3]] }),
    order('returned', 10, { lines: [['A', 1]] }),
    order('returned', 20, { nodeId: 'hamburg', lines: [['A', 1]] }),
  ];
  expect(netOf(forwardsOf(events))).toEqual({
    '0 A@berlin': -3,
    '10 A@berlin': 1,
    '20 A@hamburg': 1,
  });
  expect(netOf(forwardsOf(events.toReversed()))).toEqual(netOf(forwardsOf(events)));
});

test('a cancellation without lines brings back what the order had and returns did not', () => {
  const events = [
    order('placed', 0, {
      lines: [
        ['A', 3],
        ['B', 1],
      ],
    }),
    order('returned', 10, { lines: [['A', 2]] }),
    order('cancelled', 20),
  ];
  expect(netOf(forwardsOf(events))).toEqual({
    '0 A@default': -3,
    '0 B@default': -1,
    '10 A@default': 2,
    '20 A@default': 1,
    '20 B@default': 1,
  });
});

test('a cancellation that arrives before its order takes effect once the order is known', () => {
  const placed = order('placed', 0, { lines: [['A', 3]] });
  const cancelled = order('cancelled', 20);
  expect(forwardsOf([cancelled])).toEqual([]);
  expect(netOf(forwardsOf([cancelled, placed]))).toEqual({ '0 A@default': -3, '20 A@default': 3 });
});

test('a return that arrives after the cancellation but happened before it is not counted twice', () => {
  const events = [
    order('placed', 0, { lines: [['A', 3]] }),
    order('cancelled', 20),
    order('returned', 10, { lines: [['A', 2]] }),
  ];
  const forwards = forwardsOf(events);
  expect(netOf(forwards)).toEqual({ '0 A@default': -3, '10 A@default': 2, '20 A@default': 1 });
  expect(forwards.slice(-2)).toMatchObject([
    { event_id: 'returned-10/0', kind: 'restored', quantity: 2, occurred_at: at(10) },
    { event_id: 'returned-10/1', kind: 'sold', quantity: 2, occurred_at: at(20) },
  ]);
});

test('a return after the cancellation brings nothing back a second time', () => {
  const events = [
    order('placed', 0, { lines: [['A', 3]] }),
    order('cancelled', 20),
    order('returned', 30, { lines: [['A', 3]] }),
  ];
  expect(netOf(forwardsOf(events))).toEqual({ '0 A@default': -3, '20 A@default': 3 });
});

test('a cancellation of an order that was never seen brings nothing back', () => {
  expect(forwardsOf([order('cancelled', 20, { lines: [['A', 2]] })])).toEqual([]);
});

test('an order that is placed again takes its units once, at the earlier time', () => {
  const events = [
    order('placed', 5, { nodeId: 'berlin', lines: [['A', 2]] }),
    order('placed', 3, { nodeId: 'hamburg', lines: [['A', 1]] }),
  ];
  expect(netOf(forwardsOf(events))).toEqual({ '3 A@hamburg': -1 });
  expect(netOf(forwardsOf(events.toReversed()))).toEqual({ '3 A@hamburg': -1 });
});

test('shipping and delivering an order move no stock', () => {
  expect(forwardsOf([order('shipped', 1), order('delivered', 2)])).toEqual([]);
});

test('a forwarded id is never longer than an id may be, and the same in every replay', () => {
  const events = [order('placed', 0, { eventId: 'x'.repeat(64), lines: [['A', 1]] })];
  const [event] = forwardsOf(events);
  expect(event?.event_id.length).toBeLessThanOrEqual(ID_LENGTH_MAX);
  expect(forwardsOf(events)).toEqual([event]);
});

test('after a pause longer than returns are kept an order id is another order', () => {
  const day = 24 * 60;
  const placed = order('placed', 0, { nodeId: 'berlin', lines: [['A', 3]] });
  const events = [
    placed,
    order('cancelled', 90 * day + 1),
    order('returned', 90 * day + 2, { lines: [['A', 1]] }),
  ];
  const net = { '0 A@berlin': -3, '129602 A@default': 1 };
  expect(netOf(forwardsOf(events))).toEqual(net);
  expect(netOf(forwardsOf(events.toReversed()))).toEqual(net);
  expect(netOf(forwardsOf([placed, order('cancelled', 90 * day)]))).toEqual({
    '0 A@berlin': -3,
    '129600 A@berlin': 3,
  });
});

test('an order is forgotten when no event can belong to it any more', () => {
  const operator = createOrderLines({
    allowedLatenessMs: DAY_MS,
    returnsKeptMs: RETURNS_KEPT_MS,
  });
  const state = operator.createState();
  const record = { topic: 'weir.orders', partition: 0, offset: 0, appendedAtMs: 0 } as const;
  const apply = operator.apply['weir.orders'];
  const output = new CollectingOutput();
  const first = order('placed', 0, { lines: [['A', 3]] });
  apply?.(state, first, output, { ...record, watermarkMs: Number.NEGATIVE_INFINITY });
  const bytes = operator.stateBytes(state);
  const expiresAtMs = operator.expiresAtMs(state);
  expect(expiresAtMs).toBe(at(0) + RETURNS_KEPT_MS + DAY_MS + MINUTE_MS);
  const second = {
    ...order('placed', 0, { orderId: 'order-2', lines: [['A', 3]] }),
    event_id: 'e2',
    occurred_at: expiresAtMs,
  };
  apply?.(state, second, output, { ...record, watermarkMs: expiresAtMs });
  expect(operator.stateBytes(state)).toBe(bytes);
});

test('more orders than are remembered forget the oldest and are counted', () => {
  const output = new CollectingOutput();
  const orders = Array.from({ length: 1_001 }, (_, index) =>
    order('placed', index, { orderId: `order-${index}`, lines: [['A', 1]] }),
  );
  const forwards = forwardsOf([...orders, order('cancelled', 1_200, { orderId: 'order-0' })], {
    output,
  });
  expect(forwards).toHaveLength(1_001);
  expect(output.counts.get('STOCK_VISITOR_HISTORY_FULL')).toBe(2);
});

test('of more events than one order remembers only returns count, each by itself', () => {
  const output = new CollectingOutput();
  const returns = Array.from({ length: 65 }, (_, index) =>
    order('returned', index, { lines: [['A', 1]] }),
  );
  expect(
    forwardsOf([...returns, order('placed', 70, { lines: [['A', 1]] })], { output }),
  ).toHaveLength(65);
  expect(output.counts.get('STOCK_ORDER_HISTORY_FULL')).toBe(2);
});

const anyLines = fc.array(fc.tuple(fc.constantFrom('A', 'B'), fc.integer({ min: 1, max: 4 })), {
  maxLength: 3,
});
const anyOrders = fc
  .array(
    fc.record({
      status: fc.constantFrom<OrderStatus>('placed', 'placed', 'cancelled', 'returned', 'shipped'),
      minute: fc.integer({ min: 0, max: 6 }),
      orderId: fc.constantFrom('order-1', 'order-2'),
      nodeId: fc.option(fc.constantFrom('berlin', 'hamburg'), { nil: undefined }),
      lines: anyLines,
    }),
    { maxLength: 7 },
  )
  .map((entries) =>
    entries.map(({ status, minute, nodeId, ...rest }, index) =>
      order(status, minute, {
        ...rest,
        ...(nodeId === undefined ? {} : { nodeId }),
        eventId: `e${index}`,
      }),
    ),
  );

test('what orders do to each shelf at each instant does not depend on the order of arrival', () => {
  fc.assert(
    fc.property(
      anyOrders.chain((orders) =>
        fc.tuple(
          fc.constant(orders),
          fc.shuffledSubarray(orders, { minLength: orders.length, maxLength: orders.length }),
        ),
      ),
      ([orders, shuffled]) => {
        for (const returnsKeptMs of [RETURNS_KEPT_MS, 2 * MINUTE_MS]) {
          const net = netOf(forwardsOf(orders, { returnsKeptMs }));
          expect(netOf(forwardsOf(shuffled, { returnsKeptMs }))).toEqual(net);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('an order that was placed and cancelled leaves as many units on the shelves as before', () => {
  fc.assert(
    fc.property(anyOrders, (orders) => {
      const placed = orders.filter(({ status }) => status === 'placed');
      const seen = new Set(placed.map(({ order_id: orderId }) => orderId));
      const cancelled = [...seen].map((orderId) =>
        order('cancelled', 9, { orderId, eventId: orderId }),
      );
      const units: Record<string, number> = {};
      for (const { sku, kind, quantity } of forwardsOf([...placed, ...cancelled])) {
        units[sku] = (units[sku] ?? 0) + (kind === 'sold' ? -quantity : quantity);
      }
      expect(Object.values(units).every((sum) => sum === 0)).toBe(true);
    }),
  );
});

test('every forwarded id is used once', () => {
  fc.assert(
    fc.property(anyOrders, (orders) => {
      const ids = forwardsOf(orders).map(({ event_id: id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});
