import fc from 'fast-check';

import { CLICK_KINDS } from '../../schemas/events/click.ts';
import { INVENTORY_KINDS } from '../../schemas/events/inventory.ts';
import { ORDER_STATUSES } from '../../schemas/events/order.ts';
import { VISITOR_EVENT_KINDS } from '../../schemas/events/visitor-event.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { buildVerdict } from '../doubles/scripted-judge.ts';
import {
  DAY_ZERO_MS,
  buildClick,
  buildInventory,
  buildLine,
  buildOrder,
  buildRate,
  buildReference,
} from './event-builders.ts';
import { type LawEvent, changed } from './law-event.ts';

/** Few keys, few channels and equal times, so that events meet. */
const anyTime = fc.oneof(
  fc.nat({ max: 40 }).map((minute) => DAY_ZERO_MS + minute * MINUTE_MS),
  fc.nat({ max: 5 * HOUR_MS }).map((offsetMs) => DAY_ZERO_MS + offsetMs),
);
const anyVisitor = fc.constantFrom('v1', 'v2').map((id) => visitorToken(id));
const anySku = fc.constantFrom('cup', 'pot');
const anyChannel = fc.constantFrom('direct', 'search', 'dtc');

/** What is found out about visitors: whole days, one day or nothing of what they did is withdrawn. */
export const anyVerdict = fc
  .record({
    visitor_id: anyVisitor,
    kind: fc.constantFrom(...VISITOR_EVENT_KINDS),
    about: fc.nat({ max: 4 }).map((days) => DAY_ZERO_MS + (days - 1) * DAY_MS),
    revision: fc.nat({ max: 1_000 }),
  })
  .map((fields) => ({ topic: 'weir.internal.visitor', event: buildVerdict(fields) }) as const);

/** What users send. */
export const anyEvent: fc.Arbitrary<LawEvent> = fc.oneof(
  fc
    .record({
      occurred_at: anyTime,
      visitor_id: anyVisitor,
      kind: fc.constantFrom(...CLICK_KINDS),
      channel: anyChannel,
      agent: fc.constantFrom(null, null, null, 'Mozilla/0.0 (X0; Linux)', 'Googlebot/0.0'),
    })
    .map((fields) => ({ topic: 'weir.clicks', event: buildClick(fields) }) as const),
  fc
    .record({
      occurred_at: anyTime,
      order: fc.nat({ max: 3 }),
      status: fc.constantFrom(...ORDER_STATUSES),
      sku: anySku,
      dueHours: fc.constantFrom(null, 1, 3),
      zone: fc.constantFrom('urban', 'rural', null),
      reason: fc.constantFrom('damaged', null),
    })
    .map(
      ({ occurred_at, order, status, sku, dueHours, zone, reason }) =>
        ({
          topic: 'weir.orders',
          // An order belongs to one visitor, whatever happens to it.
          event: buildOrder({
            occurred_at,
            status,
            zone,
            reason,
            due_at: dueHours === null ? null : occurred_at + dueHours * HOUR_MS,
            order_id: `o${order}`,
            visitor_id: visitorToken(order < 2 ? 'v1' : 'v2'),
            lines: [buildLine({ sku })],
          }),
        }) as const,
    ),
  fc
    .record({
      occurred_at: anyTime,
      sku: anySku,
      kind: fc.constantFrom(...INVENTORY_KINDS),
      on_hand: fc.nat({ max: 3 }),
      quantity: fc.integer({ min: -3, max: 3 }),
      channel: fc.constantFrom('dtc', 'retail'),
      price_minor: fc.constantFrom(500, 497, 480, 100),
      currency: fc.constantFrom('EUR', 'RON'),
      capacity: fc.constantFrom(100, 0),
      used: fc.constantFrom(80, 85, 86),
    })
    .map((fields) => ({ topic: 'weir.inventory', event: buildInventory(fields) }) as const),
  fc
    .record({
      occurred_at: anyTime,
      from: anyTime,
      minutes: fc.integer({ min: 1, max: 90 }),
      amount_minor: fc.nat({ max: 1_000 }),
    })
    .map(
      ({ occurred_at, from, minutes, amount_minor }) =>
        ({
          topic: 'weir.reference',
          event: buildReference({
            occurred_at,
            from,
            to: from + minutes * MINUTE_MS,
            channel: 'search',
            currency: 'EUR',
            amount_minor,
          }),
        }) as const,
    ),
);

/** What a SKU costs elsewhere: for every key of a task. */
export const anyRate: fc.Arbitrary<LawEvent> = fc
  .record({ occurred_at: anyTime, rate: fc.constantFrom(4.97, 5) })
  .map(({ occurred_at, rate }) => ({
    topic: 'weir.internal.sku',
    event: buildRate({ occurred_at, rate }),
  }));

/** Three ids that may be one visitor. */
export const anyId = fc.constantFrom('v1', 'v2', 'v3').map((id) => visitorToken(id));

/** Links between three ids: chains, circles, an id with itself, and the same link again. */
export const anyLink = fc
  .record({ visitor_id: anyId, into: anyId })
  .map(
    (ids) =>
      ({ topic: 'weir.reference', event: buildReference({ kind: 'identity', ...ids }) }) as const,
  );

/** The event as the `index`th of its list. */
export function withId(lawEvent: LawEvent, index: number): LawEvent {
  return changed(lawEvent, { event_id: `e${index}` });
}
