import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ORDER_STATUSES, type Order } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildLine, buildOrder } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { CHANNEL_1M, REGION_1H } from './row.ts';
import { ENTRIES_MAX, ORDERS_MAX, createSalesOperator } from './sales.ts';

const CONFIG = { allowedLatenessMs: DAY_MS, returnsKeptMs: 90 * DAY_MS };

function orderAt(day: number, fields: Partial<Order>): LawEvent {
  return {
    topic: 'weir.orders',
    event: buildOrder({
      event_id: `${fields.status ?? 'placed'} ${day}`,
      occurred_at: DAY_ZERO_MS + day * DAY_MS,
      ...fields,
    }),
  };
}

function sell(...events: readonly LawEvent[]): Run {
  const run = new Run([createSalesOperator(CONFIG)]);
  for (const event of events) run.apply(event);
  return run;
}

/** The rows of channel_1m with times as days since the first. */
function daysOf(run: Run): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return Object.fromEntries(
    Object.entries(run.output.nonZeroSums(CHANNEL_1M)).map(([key, sums]) => {
      const [startMs = '', ...dimensions] = key.split('|');
      return [[(Number(startMs) - DAY_ZERO_MS) / DAY_MS, ...dimensions].join('|'), sums];
    }),
  );
}

test('an order counts its units and value, and its margin over the lines with a cost', () => {
  const lines = [
    buildLine({ line_id: '1', quantity: 3, unit_price_minor: 1_000, unit_cost_minor: 600 }),
    buildLine({ line_id: '2', quantity: 2, unit_price_minor: 500, unit_cost_minor: null }),
    buildLine({ line_id: '3', quantity: 1, unit_price_minor: 100, unit_cost_minor: 250 }),
  ];
  expect(daysOf(sell(orderAt(0, { lines, sales_channel: 'amazon' })))).toEqual({
    '0|amazon|EUR': {
      orders: 1,
      units: 6,
      revenue_minor: 4_100,
      margin_minor: 1_050,
      lines_without_cost: 1,
    },
  });
});

test('amounts of different currencies are different rows', () => {
  const run = sell(
    orderAt(0, { order_id: 'a', event_id: 'a' }),
    orderAt(0, { order_id: 'b', event_id: 'b', currency: 'GBP' }),
  );
  expect(Object.keys(daysOf(run))).toEqual(['0|dtc|EUR', '0|dtc|GBP']);
});

//  day 0           day 3           day 5
//  placed 10.00    returned 4.00   cancelled: the 6.00 that are left
const PLACED = orderAt(0, {});
const RETURNED = orderAt(3, {
  status: 'returned',
  lines: [buildLine({ unit_price_minor: 400, unit_cost_minor: null })],
});
const CANCELLED = orderAt(5, { status: 'cancelled', lines: [] });
const PLACED_ROW = { orders: 1, units: 1, revenue_minor: 1_000, margin_minor: 400 };

test('a cancellation withdraws what is left of the order at the time it happens', () => {
  const expected = {
    '0|dtc|EUR': PLACED_ROW,
    '3|dtc|EUR': { returns_minor: 400 },
    '5|dtc|EUR': { returns_minor: 600 },
  };
  expect(daysOf(sell(PLACED, RETURNED, CANCELLED))).toEqual(expected);
  expect(daysOf(sell(CANCELLED, PLACED, RETURNED))).toEqual(expected);
  expect(daysOf(sell(RETURNED, CANCELLED, PLACED))).toEqual(expected);
});

test('a cancellation without an order counts nothing, a return counts its own lines', () => {
  expect(daysOf(sell(CANCELLED))).toEqual({});
  expect(daysOf(sell(RETURNED))).toEqual({ '3|dtc|EUR': { returns_minor: 400 } });
});

test('a cancellation is booked in the channel and currency of its order', () => {
  const elsewhere = orderAt(5, {
    status: 'cancelled',
    lines: [],
    sales_channel: 'retail',
    currency: 'USD',
  });
  expect(daysOf(sell(elsewhere, PLACED))).toEqual({
    '0|dtc|EUR': PLACED_ROW,
    '5|dtc|EUR': { returns_minor: 1_000 },
  });
});

test('sales of a region are those of its orders, and a return without a region is its order’s', () => {
  const run = sell(
    orderAt(0, { region: 'RO-CJ' }),
    orderAt(3, { status: 'returned', lines: [buildLine({ unit_price_minor: 400 })] }),
    orderAt(5, { status: 'cancelled', lines: [], region: 'RO-B' }),
  );
  const startMs = (day: number) => DAY_ZERO_MS + day * DAY_MS;
  expect(run.output.nonZeroSums(REGION_1H)).toEqual({
    [`${startMs(0)}|RO-CJ|EUR`]: { orders: 1, revenue_minor: 1_000 },
    [`${startMs(3)}|RO-CJ|EUR`]: { returns_minor: 400 },
    [`${startMs(5)}|RO-CJ|EUR`]: { returns_minor: 600 },
  });
});

test('returns beyond the value of the order leave nothing to cancel', () => {
  const tooMuch = orderAt(3, { status: 'returned', lines: [buildLine({ quantity: 2 })] });
  expect(daysOf(sell(PLACED, CANCELLED, tooMuch))).toEqual({
    '0|dtc|EUR': PLACED_ROW,
    '3|dtc|EUR': { returns_minor: 2_000 },
  });
});

test('of two placed events of an order the earlier counts, whichever arrives first', () => {
  const again = orderAt(1, { lines: [buildLine({ quantity: 5 })] });
  expect(daysOf(sell(PLACED, again))).toEqual({ '0|dtc|EUR': PLACED_ROW });
  expect(daysOf(sell(again, PLACED))).toEqual({ '0|dtc|EUR': PLACED_ROW });
});

test('shipping and delivery change no amount', () => {
  const run = sell(orderAt(0, { status: 'shipped' }), orderAt(1, { status: 'delivered' }));
  expect(daysOf(run)).toEqual({});
});

//  day 0       day 91
//  placed      cancelled      90 days without an event end the order
test('an order id is a new order after a pause longer than returns are kept', () => {
  const later = orderAt(91, { status: 'cancelled', lines: [] });
  expect(daysOf(sell(PLACED, later))).toEqual({ '0|dtc|EUR': PLACED_ROW });
  const again = orderAt(91, {});
  expect(daysOf(sell(PLACED, again))).toEqual({
    '0|dtc|EUR': PLACED_ROW,
    '91|dtc|EUR': PLACED_ROW,
  });
});

test('beyond the bound on orders of one visitor every order still counts', () => {
  const run = new Run([createSalesOperator(CONFIG)]);
  for (let index = 0; index <= ORDERS_MAX; index += 1) {
    run.apply(orderAt(0, { order_id: `o${index}`, event_id: `o${index}` }));
  }
  expect(daysOf(run)['0|dtc|EUR']?.['orders']).toBe(ORDERS_MAX + 1);
  expect(run.output.counts).toEqual(new Map([['SALES_VISITOR_HISTORY_FULL', 1]]));
});

test('beyond the bound on events of one order every return still counts', () => {
  const run = sell(PLACED);
  for (let index = 0; index < ENTRIES_MAX; index += 1) {
    run.apply(orderAt(3, { status: 'returned', event_id: `r${index}` }));
  }
  expect(daysOf(run)['3|dtc|EUR']?.['returns_minor']).toBe(ENTRIES_MAX * 1_000);
  expect(run.output.counts).toEqual(new Map([['SALES_ORDER_HISTORY_FULL', 1]]));
});

test('a return long after its order touches only the minute it happens in', () => {
  const run = sell(PLACED);
  run.output.sums.clear();
  run.apply(RETURNED);
  expect([...(run.output.sums.get(CHANNEL_1M.name) ?? [])]).toHaveLength(1);
});

// A kept time of five hours lets the pauses of the list end orders.
const lawConfig = { allowedLatenessMs: HOUR_MS, returnsKeptMs: 5 * HOUR_MS };

const anyOrder = fc
  .record({
    status: fc.constantFrom(...ORDER_STATUSES, 'placed', 'returned', 'cancelled'),
    step: fc.nat({ max: 60 }),
    order: fc.constantFrom('o1', 'o2'),
    visitor: fc.constantFrom('v1', 'v2'),
    channel: fc.constantFrom('dtc', 'amazon'),
    currency: fc.constantFrom('EUR', 'EUR', 'GBP'),
    region: fc.constantFrom(null, 'RO-B', 'RO-CJ'),
    lines: fc.array(
      fc.record({
        quantity: fc.integer({ min: 1, max: 3 }),
        unit_price_minor: fc.nat({ max: 50 }),
        unit_cost_minor: fc.option(fc.nat({ max: 50 })),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ status, step, order, visitor, channel, currency, region, lines }) =>
    buildOrder({
      status,
      occurred_at: DAY_ZERO_MS + step * 30 * MINUTE_MS,
      order_id: order,
      visitor_id: visitorToken(visitor),
      sales_channel: channel,
      currency,
      region,
      lines: lines.map((line, index) => buildLine({ ...line, line_id: String(index) })),
    }),
  );

describeOperatorLaws({
  name: 'sales',
  operators: [createSalesOperator(lawConfig)],
  events: fc.array(anyOrder, { maxLength: 25 }).map((orders) =>
    orders.map((order, index) => ({
      topic: 'weir.orders',
      event: { ...order, event_id: `e${index}` },
    })),
  ),
  oracle: byBruteForce,
  sumsTables: [CHANNEL_1M, REGION_1H],
  signedSums: ['margin_minor'],
  stateBytesMax: 6_000,
  expiresAfterMsMax: 7 * HOUR_MS,
  allowedLatenessMs: lawConfig.allowedLatenessMs,
});

/** Books every event by asking, for each, what the whole list says about its order. */
function byBruteForce(events: readonly LawEvent[]): Results {
  const orders = events
    .flatMap(({ topic, event }) => (topic === 'weir.orders' ? [event] : []))
    .filter(({ status }) => ['placed', 'returned', 'cancelled'].includes(status));
  const isEarlier = (a: Order, b: Order): boolean =>
    a.occurred_at < b.occurred_at || (a.occurred_at === b.occurred_at && a.event_id < b.event_id);
  const valueOf = ({ lines }: Order): number =>
    lines.reduce((sum, line) => sum + line.quantity * line.unit_price_minor, 0);
  const rows: Rows = {};
  const regions: Rows = {};
  const add = (
    at: Order,
    place: Order & { readonly region: string | null },
    sums: Record<string, number>,
  ): void => {
    const startMs = Math.floor(at.occurred_at / MINUTE_MS) * MINUTE_MS;
    addTo(rows, `${startMs}|${place.sales_channel}|${place.currency}`, sums);
    const hourMs = Math.floor(at.occurred_at / HOUR_MS) * HOUR_MS;
    const regional = Object.entries(sums).filter(([name]) => REGIONAL.has(name));
    const key = `${hourMs}|${place.region ?? ''}|${place.currency}`;
    addTo(regions, key, Object.fromEntries(regional));
  };
  /** The events of the same order with no longer pause between them. */
  const companionsOf = (order: Order): readonly Order[] => {
    const same = orders
      .filter((other) => other.order_id === order.order_id && other.visitor_id === order.visitor_id)
      .toSorted((a, b) => (isEarlier(a, b) ? -1 : 1));
    const isBroken = (from: Order, to: Order): boolean =>
      same.some((left, index) => {
        const right = same[index + 1];
        if (right === undefined || left.occurred_at < from.occurred_at) return false;
        if (right.occurred_at > to.occurred_at) return false;
        return right.occurred_at - left.occurred_at > lawConfig.returnsKeptMs;
      });
    return same.filter((other) =>
      isEarlier(other, order) ? !isBroken(other, order) : !isBroken(order, other),
    );
  };
  for (const order of orders) {
    const companions = companionsOf(order);
    const placed = companions.find(({ status }) => status === 'placed');
    if (order.status === 'returned') {
      const region = order.region ?? placed?.region ?? null;
      add(order, { ...order, region }, { returns_minor: valueOf(order) });
    } else if (order.status === 'placed' && order === placed) {
      const costed = order.lines.flatMap(({ quantity, unit_price_minor, unit_cost_minor }) =>
        unit_cost_minor === null ? [] : [quantity * (unit_price_minor - unit_cost_minor)],
      );
      add(order, order, {
        orders: 1,
        units: order.lines.reduce((sum, { quantity }) => sum + quantity, 0),
        revenue_minor: valueOf(order),
        margin_minor: costed.reduce((sum, margin) => sum + margin, 0),
        lines_without_cost: order.lines.length - costed.length,
      });
    } else if (order.status === 'cancelled' && placed !== undefined) {
      const earlier = companions.filter((other) => isEarlier(other, order));
      if (earlier.some(({ status }) => status === 'cancelled')) continue;
      const returnedMinor = earlier
        .filter(({ status, currency }) => status === 'returned' && currency === placed.currency)
        .reduce((sum, returned) => sum + valueOf(returned), 0);
      add(order, placed, { returns_minor: Math.max(0, valueOf(placed) - returnedMinor) });
    }
  }
  return {
    sums: { [CHANNEL_1M.name]: withoutZeros(rows), [REGION_1H.name]: withoutZeros(regions) },
    rows: {},
  };
}

type Rows = Record<string, Record<string, number>>;

const REGIONAL = new Set<string>(REGION_1H.sums);

function addTo(rows: Rows, key: string, sums: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(sums)) {
    if (amount === 0) continue;
    rows[key] = { ...rows[key], [name]: (rows[key]?.[name] ?? 0) + amount };
  }
}

function withoutZeros(rows: Rows): Rows {
  return Object.fromEntries(
    Object.entries(rows)
      .map(
        ([key, sums]) =>
          [key, Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0))] as const,
      )
      .filter(([, sums]) => Object.keys(sums).length > 0),
  );
}
