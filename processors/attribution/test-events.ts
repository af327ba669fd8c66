import fc from 'fast-check';

import { CLICK_KINDS, type Click, type ClickKind } from '../../schemas/events/click.ts';
import type { Order, OrderStatus } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import type { LawEvent } from '../../test/laws/operator-laws.ts';
import type { AttributionConfig } from './config.ts';
import { MODELS } from './row.ts';

/** The defaults, but for a lateness that lets events of four months arrive in any order. */
export const CONFIG: AttributionConfig = {
  lookbackMs: durationMs(30 * DAY_MS),
  halfLifeMs: durationMs(7 * DAY_MS),
  sessionGapMs: durationMs(30 * MINUTE_MS),
  returnsKeptMs: durationMs(90 * DAY_MS),
  allowedLatenessMs: durationMs(130 * DAY_MS),
  touchesMax: 100,
  models: MODELS,
};

/** Start of an hour; every test counts from here. */
export const START_MS = Date.UTC(2026, 2, 1);

export function click(
  fields: Partial<Click> & { readonly event_id: string; readonly occurred_at: number },
): LawEvent & { readonly topic: 'weir.clicks' } {
  const event: Click = {
    source: 'test',
    seq: null,
    visitor_id: visitorToken('v1'),
    session_id: null,
    kind: 'click',
    channel: 'search',
    campaign: null,
    sku: null,
    url: null,
    referrer: null,
    ip: null,
    user_agent: null,
    region: null,
    signed_in: null,
    server_side: null,
    consent: null,
    ...fields,
  };
  return { topic: 'weir.clicks', event };
}

/** An order event with one line per entry of `prices`, one unit each. */
export function order(
  fields: Partial<Order> & {
    readonly event_id: string;
    readonly occurred_at: number;
    readonly prices?: readonly number[];
  },
): LawEvent & { readonly topic: 'weir.orders' } {
  const { prices = [], ...given } = fields;
  const event: Order = {
    source: 'test',
    seq: null,
    order_id: 'o1',
    status: 'placed',
    visitor_id: visitorToken('v1'),
    customer_id: null,
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: prices.map((price, index) => ({
      line_id: String(index),
      sku: 'mug',
      quantity: 1,
      unit_price_minor: price,
      unit_cost_minor: null,
    })),
    region: null,
    zone: null,
    fulfilment: null,
    node_id: null,
    due_at: null,
    promo_id: null,
    reason: null,
    ...given,
  };
  return { topic: 'weir.orders', event };
}

/** Minutes and days that make equal times, gaps of exactly 30 minutes and ages of exactly 30 days likely. */
const MINUTES = [0, 1, 15, 30, 31, 60, 61, 90];
const DAYS = [0, 0, 0, 1, 7, 29, 30, 31, 90, 91];

const anyTimeMs = fc
  .tuple(fc.constantFrom(...DAYS), fc.constantFrom(...MINUTES), fc.constantFrom(0, 0, 0, 1))
  .map(([days, minutes, ms]) => START_MS + days * DAY_MS + minutes * MINUTE_MS + ms);

const anyVisitor = fc.constantFrom(visitorToken('v1'), visitorToken('v1'), visitorToken('v2'));

const anyKind: fc.Arbitrary<ClickKind> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('click' as const) },
  { weight: 2, arbitrary: fc.constantFrom(...CLICK_KINDS) },
);

const anyClick = fc
  .record({
    occurred_at: anyTimeMs,
    visitor_id: anyVisitor,
    kind: anyKind,
    channel: fc.constantFrom('direct', 'direct', 'search', 'email', 'social'),
    campaign: fc.constantFrom(null, null, 'spring'),
  })
  .map((fields) => click({ ...fields, event_id: '' }));

const anyStatus: fc.Arbitrary<OrderStatus> = fc.constantFrom(
  'placed',
  'placed',
  'placed',
  'returned',
  'cancelled',
  'delivered',
);

const anyOrder = fc
  .record({
    occurred_at: anyTimeMs,
    visitor_id: anyVisitor,
    order_id: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5', 'o6'),
    status: anyStatus,
    currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'RON'),
    prices: fc.array(fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 100_000_000 })), { maxLength: 3 }),
  })
  .map((fields) => order({ ...fields, event_id: '' }));

/** Clicks and order events of two visitors, with ids that are in no order of time. */
export const anyEvents: fc.Arbitrary<readonly LawEvent[]> = fc
  .array(fc.oneof({ weight: 2, arbitrary: anyClick }, { weight: 1, arbitrary: anyOrder }), {
    maxLength: 30,
    size: 'max',
  })
  .map((events) => events.map((event, index) => withId(event, `e${(index * 7) % 31}`)));

/** The same events in order of time, each at most `disorderMs` behind one that is newer. */
export function nearlyInOrder(
  events: readonly LawEvent[],
  disorderMs: number,
): readonly LawEvent[] {
  return events
    .map((event, index) => ({
      event,
      arrivesMs: event.event.occurred_at + ((index * 37) % 100) * (disorderMs / 100),
    }))
    .toSorted((a, b) => a.arrivesMs - b.arrivesMs)
    .map(({ event }) => event);
}

export function clicksOf(events: readonly LawEvent[]): Click[] {
  return events.flatMap((event) => (event.topic === 'weir.clicks' ? [event.event] : []));
}

export function ordersOf(events: readonly LawEvent[]): Order[] {
  return events.flatMap((event) => (event.topic === 'weir.orders' ? [event.event] : []));
}

function withId(
  event: LawEvent & { readonly topic: 'weir.clicks' | 'weir.orders' },
  event_id: string,
): LawEvent {
  return event.topic === 'weir.clicks'
    ? { topic: event.topic, event: { ...event.event, event_id } }
    : { topic: event.topic, event: { ...event.event, event_id } };
}
