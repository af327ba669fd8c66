import type { Processor } from '../../processors/engine/operator/processor.ts';
import { erase } from '../../schemas/brand.ts';
import { CLICK_KINDS } from '../../schemas/events/click.ts';
import { INVENTORY_KINDS } from '../../schemas/events/inventory.ts';
import { ORDER_STATUSES } from '../../schemas/events/order.ts';
import { REFERENCE_KINDS } from '../../schemas/events/reference.ts';
import { SKU_EVENT_KINDS, isBroadcast } from '../../schemas/events/sku-event.ts';
import { VISITOR_EVENT_KINDS } from '../../schemas/events/visitor-event.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { KEY_OF_TOPIC, type Topic } from '../../schemas/topics.ts';
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

/** Topics whose events operators take; merges are the engine's own. */
type TakenTopic = Exclude<Topic, 'weir.internal.identity'>;

const visitor_id = visitorToken('v1');

/** An event of every kind of every topic. */
const EVERY_KIND: { readonly [T in TakenTopic]: readonly LawEvent[] } = {
  'weir.clicks': CLICK_KINDS.map((kind) => ({
    topic: 'weir.clicks',
    event: buildClick({ kind, sku: 'cup', ip: 'token', user_agent: 'token', url: '/p' }),
  })),
  'weir.orders': ORDER_STATUSES.map((status) => ({
    topic: 'weir.orders',
    event: buildOrder({
      lines: [buildLine({ sku: 'cup' })],
      status,
      zone: 'urban',
      due_at: DAY_ZERO_MS + HOUR_MS,
      node_id: 'n1',
    }),
  })),
  'weir.inventory': INVENTORY_KINDS.map((kind) => ({
    topic: 'weir.inventory',
    event: buildInventory({
      sku: 'cup',
      kind,
      seq: 1,
      quantity: -1,
      due_at: DAY_ZERO_MS + HOUR_MS,
      channel: 'dtc',
      price_minor: 500,
      currency: 'EUR',
      capacity: 100,
      used: 90,
    }),
  })),
  'weir.reference': REFERENCE_KINDS.map((kind) => ({
    topic: 'weir.reference',
    event: buildReference({
      kind,
      base: 'EUR',
      quote: 'RON',
      rate: 5,
      channel: 'search',
      amount_minor: 100,
      currency: 'EUR',
      from: DAY_ZERO_MS,
      to: DAY_ZERO_MS + HOUR_MS,
      // An id with itself: the links of different ids are a law of their own.
      visitor_id,
      into: visitor_id,
    }),
  })),
  'weir.internal.sku': SKU_EVENT_KINDS.map((kind) => ({
    topic: 'weir.internal.sku',
    event: buildRate({
      kind,
      sku: kind === 'promised' ? 'urban' : 'cup',
      quantity: 1,
      demand: 1,
      order_id: 'o1',
      alert_id: 'alert',
      actor: 'somebody',
      placed_at: DAY_ZERO_MS,
      within_hours: 24,
    }),
  })),
  'weir.internal.visitor': VISITOR_EVENT_KINDS.map((kind) => ({
    topic: 'weir.internal.visitor',
    event: buildVerdict({ kind }),
  })),
  'weir.internal.address': [
    {
      topic: 'weir.internal.address',
      event: {
        event_id: 'address-1',
        occurred_at: DAY_ZERO_MS,
        source: 'test',
        address: 'token',
        visitor_id,
        visitor_partition: 0,
      },
    },
  ],
};

/** An event of every kind that an operator of the processor takes. */
export function kindsOf({ operators }: Processor): readonly LawEvent[] {
  return Object.values(EVERY_KIND)
    .flat()
    .filter(({ topic, event }) =>
      operators.some(({ apply, facts }) =>
        isBroadcast(event) ? facts !== undefined : apply[topic] !== undefined,
      ),
    );
}

/** How the events of a long row differ, beside their ids: not at all, by their time, or by all they name. */
export const WAYS_TO_DIFFER = ['ids', 'times', 'names'] as const;

/** The event as the `index`th of its row; its key stays. */
export function nthOf(
  lawEvent: LawEvent,
  how: (typeof WAYS_TO_DIFFER)[number],
  index: number,
): LawEvent {
  // All of one length, so that what is kept of them does not grow by that.
  const number = String(index).padStart(6, '0');
  const named = changed(lawEvent, { event_id: `e${number}` });
  if (how === 'ids') return named;
  const { topic, event } = named;
  if (how === 'times')
    return changed(named, { occurred_at: event.occurred_at + index * MINUTE_MS });
  const key: string = KEY_OF_TOPIC[topic];
  const entries: readonly (readonly [string, unknown])[] = Object.entries(event);
  const fields = entries.map(([name, value]) => {
    if (name === key || !NAMING.has(name)) return [name, value];
    return [name, typeof value === 'number' ? 2 * index : `${name}-${number}`];
  });
  // Still of its topic: values of the same types in the same fields.
  return erase<LawEvent>({ topic, event: Object.fromEntries(fields) });
}

/** Fields that name something, or count; `seq` leaves gaps. */
const NAMING: ReadonlySet<string> = new Set([
  'actor',
  'alert_id',
  'campaign',
  'channel',
  'evidence',
  'ip',
  'node_id',
  'order_id',
  'promo_id',
  'revision',
  'sales_channel',
  'seq',
  'session_id',
  'source',
  'url',
  'visitor_id',
]);
