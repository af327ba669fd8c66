import fc from 'fast-check';

import type { AttributionConfig } from '../../processors/attribution/config.ts';
import { MODELS } from '../../processors/attribution/row.ts';
import { CLICK_KINDS, type Click, type ClickKind } from '../../schemas/events/click.ts';
import type { Order, OrderStatus } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import type { LawEvent } from '../laws/law-event.ts';

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
    agent: null,
    network: null,
    region: null,
    signed_in: null,
    server_side: null,
    prefetch: null,
    pointer: null,
    arm: null,
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

/** Minutes that make equal times and gaps of exactly 15, 30 and 60 minutes likely. */
const MINUTES = [0, 1, 15, 30, 31, 60, 61, 90];

const anyKind: fc.Arbitrary<ClickKind> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('click' as const) },
  { weight: 2, arbitrary: fc.constantFrom(...CLICK_KINDS) },
);

const anyStatus: fc.Arbitrary<OrderStatus> = fc.constantFrom(
  'placed',
  'placed',
  'placed',
  'returned',
  'cancelled',
  'delivered',
);

/** Clicks and order events on the given days, of the given visitors, with ids in no order of time. */
function eventsOf(choices: {
  readonly days: readonly number[];
  readonly visitors: readonly string[];
  readonly orders: readonly string[];
}): fc.Arbitrary<readonly LawEvent[]> {
  const anyTimeMs = fc
    .tuple(fc.constantFrom(...choices.days), fc.constantFrom(...MINUTES), fc.constantFrom(0, 0, 1))
    .map(([days, minutes, ms]) => START_MS + days * DAY_MS + minutes * MINUTE_MS + ms);
  const anyVisitor = fc.constantFrom(...choices.visitors).map(visitorToken);
  const anyClick = fc
    .record({
      occurred_at: anyTimeMs,
      visitor_id: anyVisitor,
      kind: anyKind,
      channel: fc.constantFrom('direct', 'direct', 'search', 'email', 'social'),
      campaign: fc.constantFrom(null, null, 'spring'),
    })
    .map((fields) => click({ ...fields, event_id: '' }));
  const anyOrder = fc
    .record({
      occurred_at: anyTimeMs,
      visitor_id: anyVisitor,
      order_id: fc.constantFrom(...choices.orders),
      status: anyStatus,
      currency: fc.constantFrom('EUR', 'EUR', 'EUR', 'RON'),
      prices: fc.array(fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 100_000_000 })), {
        maxLength: 3,
      }),
    })
    .map((fields) => order({ ...fields, event_id: '' }));
  return fc
    .array(fc.oneof({ weight: 2, arbitrary: anyClick }, { weight: 1, arbitrary: anyOrder }), {
      maxLength: 30,
      size: 'max',
    })
    .map((events) => events.map((event, index) => withId(event, `e${(index * 7) % 31}`)));
}

/** Events of two visitors over three months. */
export const anyEvents = eventsOf({
  days: [0, 0, 0, 1, 7, 29, 30, 31, 90, 91],
  visitors: ['v1', 'v1', 'v2'],
  orders: ['o1', 'o2', 'o3', 'o4', 'o5', 'o6'],
});

/** Events of one visitor and two orders within 90 minutes. */
export const anyBusyEvents = eventsOf({ days: [0], visitors: ['v1'], orders: ['o1', 'o2'] });

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
