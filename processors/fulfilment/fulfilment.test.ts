import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ORDER_STATUSES, type Order } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildOrder } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { createFulfilment } from './processor.ts';
import { FULFILMENT_1H, FULFILMENT_REASONS_1H } from './row.ts';

const PAUSE_MS = 5 * DAY_MS;
const CONFIG = { allowedLatenessMs: DAY_MS, returnsKeptMs: PAUSE_MS, owners: {} };
const ACCURACY = 1.01 / 0.99;

const anyOrder: fc.Arbitrary<LawEvent> = fc
  .record({
    order: fc.nat({ max: 2 }),
    status: fc.constantFrom(...ORDER_STATUSES),
    hour: fc.oneof(fc.nat({ max: 80 }), fc.constantFrom(0, 24, 48, 72, 120, 121, 241)),
    offsetMs: fc.constantFrom(0, 1, -1),
    dueHours: fc.option(fc.constantFrom(24, 48, 72)),
    zone: fc.constantFrom('urban', 'rural', null),
    node_id: fc.constantFrom('n1', null),
    fulfilment: fc.constantFrom('ship', 'pickup', null),
    reason: fc.constantFrom('damaged', null),
  })
  .map(({ order, status, hour, offsetMs, dueHours, ...fields }) => {
    const occurred_at = DAY_ZERO_MS + DAY_MS + hour * HOUR_MS + offsetMs;
    return {
      topic: 'weir.orders',
      event: buildOrder({
        ...fields,
        occurred_at,
        status,
        order_id: `o${order}`,
        visitor_id: visitorToken('v1'),
        due_at: dueHours === null ? null : occurred_at + dueHours * HOUR_MS,
      }),
    };
  });

const anyOrders = fc
  .array(anyOrder, { maxLength: 14 })
  .map((events) => events.map((each, index) => withId(each, `e${String(index).padStart(2, '0')}`)));

function withId(lawEvent: LawEvent, event_id: string): LawEvent {
  return lawEvent.topic === 'weir.orders'
    ? { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } }
    : lawEvent;
}

/** Counts from the events alone, order by order, as the documentation says. */
function byHand(events: readonly LawEvent[]): Results {
  const counts = new Map<string, Map<string, Map<string, number>>>();
  const add = (table: string, timeMs: number, dimensions: readonly string[], sum: string): void => {
    const start = timeMs - (timeMs % HOUR_MS);
    const rows = counts.get(table) ?? new Map<string, Map<string, number>>();
    counts.set(table, rows);
    const key = [start, ...dimensions].join('|');
    const row = rows.get(key) ?? new Map<string, number>();
    rows.set(key, row);
    row.set(sum, (row.get(sum) ?? 0) + 1);
  };
  const orders = events.flatMap(({ topic, event }) => (topic === 'weir.orders' ? [event] : []));
  for (const orderId of new Set(orders.map(({ order_id }) => order_id))) {
    for (const part of partsOf(orders.filter(({ order_id }) => order_id === orderId))) {
      const first = (status: string): Order | undefined =>
        part.find((event) => event.status === status);
      const [placed, delivered, cancelled] = ['placed', 'delivered', 'cancelled'].map(first);
      for (const event of part) {
        const isCounted = event === placed || event === cancelled || event.status === 'returned';
        if (!isCounted) continue;
        const reason = event.status === 'placed' ? '' : (event.reason ?? '');
        const dimensions = [event.fulfilment ?? '', event.status, reason];
        add(FULFILMENT_REASONS_1H.name, event.occurred_at, dimensions, 'orders');
      }
      const isVoid =
        cancelled !== undefined &&
        (delivered === undefined || part.indexOf(cancelled) < part.indexOf(delivered));
      if (placed === undefined || isVoid) continue;
      const place = [placed.zone ?? '', placed.node_id ?? 'default', ''];
      add(FULFILMENT_1H.name, placed.occurred_at, place, 'placed');
      if (placed.due_at !== null) add(FULFILMENT_1H.name, placed.due_at, place, 'due');
      if (delivered === undefined) continue;
      const cycleMs = delivered.occurred_at - placed.occurred_at;
      if (placed.due_at !== null) {
        const isOnTime = delivered.occurred_at <= placed.due_at;
        add(FULFILMENT_1H.name, placed.due_at, place, isOnTime ? 'on_time' : 'delivered_late');
      }
      for (const hours of [24, 48, 72]) {
        if (cycleMs <= hours * HOUR_MS)
          add(FULFILMENT_1H.name, placed.occurred_at, place, `on_time_${hours}h`);
      }
      let bin = 0;
      while (ACCURACY ** bin < cycleMs) bin += 1;
      add(FULFILMENT_1H.name, delivered.occurred_at, [...place.slice(0, 2), String(bin)], 'cycles');
    }
  }
  const tableOf = (name: string): Record<string, Record<string, number>> =>
    Object.fromEntries(
      [...(counts.get(name) ?? [])].map(([key, row]) => [key, Object.fromEntries(row)]),
    );
  return {
    sums: {
      [FULFILMENT_1H.name]: tableOf(FULFILMENT_1H.name),
      [FULFILMENT_REASONS_1H.name]: tableOf(FULFILMENT_REASONS_1H.name),
    },
    rows: {},
  };
}

/** The events of one id in the order of time, cut where the pause is too long. */
function partsOf(events: readonly Order[]): readonly (readonly Order[])[] {
  const ordered = events.toSorted(
    (a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1),
  );
  const parts: Order[][] = [];
  for (const event of ordered) {
    const last = parts.at(-1);
    const before = last?.at(-1);
    if (
      last !== undefined &&
      before !== undefined &&
      event.occurred_at - before.occurred_at <= PAUSE_MS
    )
      last.push(event);
    else parts.push([event]);
  }
  return parts;
}

describeOperatorLaws({
  name: 'fulfilment',
  operators: createFulfilment(CONFIG).operators,
  events: anyOrders,
  oracle: byHand,
  sumsTables: [FULFILMENT_1H, FULFILMENT_REASONS_1H],
  stateBytesMax: 10_000,
  expiresAfterMsMax: PAUSE_MS + 2 * DAY_MS,
  allowedLatenessMs: DAY_MS,
});

test('a promise is kept, broken or open, and a cancelled order takes its promise back', () => {
  const run = new Run(createFulfilment(CONFIG).operators);
  const order = (id: string, status: Order['status'], hour: number): void => {
    run.apply({
      topic: 'weir.orders',
      event: buildOrder({
        event_id: `${id}-${status}`,
        order_id: id,
        status,
        occurred_at: DAY_ZERO_MS + hour * HOUR_MS,
        due_at: DAY_ZERO_MS + 24 * HOUR_MS,
        zone: 'urban',
        node_id: 'berlin',
      }),
    });
  };
  for (const id of ['kept', 'broken', 'open', 'withdrawn']) order(id, 'placed', 0);
  order('kept', 'delivered', 24);
  order('broken', 'delivered', 25);
  order('withdrawn', 'cancelled', 3);
  const rows = run.output.nonZeroSums(FULFILMENT_1H);
  expect(rows[`${DAY_ZERO_MS + 24 * HOUR_MS}|urban|berlin|`]).toEqual({
    due: 3,
    on_time: 1,
    delivered_late: 1,
  });
  expect(rows[`${DAY_ZERO_MS}|urban|berlin|`]).toEqual({
    placed: 3,
    on_time_24h: 1,
    on_time_48h: 2,
    on_time_72h: 2,
  });
});
