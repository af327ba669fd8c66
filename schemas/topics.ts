import type { AddressEvent } from './events/address-event.ts';
import type { Click } from './events/click.ts';
import type { IdentityEvent } from './events/identity-event.ts';
import type { Inventory } from './events/inventory.ts';
import type { Order } from './events/order.ts';
import type { Reference } from './events/reference.ts';
import type { SkuEvent } from './events/sku-event.ts';
import type { VisitorEvent } from './events/visitor-event.ts';

/** The event type of every topic. A topic's name is a promise to users; see the README. */
export interface EventOfTopic {
  readonly 'weir.clicks': Click;
  readonly 'weir.orders': Order;
  readonly 'weir.inventory': Inventory;
  readonly 'weir.reference': Reference;
  readonly 'weir.internal.sku': SkuEvent;
  readonly 'weir.internal.visitor': VisitorEvent;
  readonly 'weir.internal.address': AddressEvent;
  readonly 'weir.internal.identity': IdentityEvent;
}

export type Topic = keyof EventOfTopic;

/** The events that users send, by the name that the API and the importers use. */
export const EVENT_TYPES = ['click', 'order', 'inventory', 'reference'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const TOPIC_OF_EVENT = {
  click: 'weir.clicks',
  order: 'weir.orders',
  inventory: 'weir.inventory',
  reference: 'weir.reference',
} as const satisfies Record<EventType, Topic>;

/**
 * A stage is a set of tasks with one key: the task of partition p reads partition p of every topic
 * of its stage, and alone owns the state of the keys in it.
 */
export const TOPICS_OF_STAGE = {
  visitor: ['weir.clicks', 'weir.orders', 'weir.internal.visitor', 'weir.internal.identity'],
  address: ['weir.internal.address'],
  sku: ['weir.inventory', 'weir.internal.sku'],
  control: ['weir.reference'],
} as const satisfies Record<string, readonly Topic[]>;
export type Stage = keyof typeof TOPICS_OF_STAGE;

/**
 * Whether the events of a topic tell how far time has come. Those that do not neither hold the watermark
 * nor move it, and are never too late; they stand last among the topics of their stage.
 */
export function isTimed(topic: Topic): boolean {
  return topic !== 'weir.internal.visitor' && topic !== 'weir.internal.identity';
}

/** The field of each topic's events that decides the partition and owns the keyed state. */
export const KEY_OF_TOPIC = {
  'weir.clicks': 'visitor_id',
  'weir.orders': 'visitor_id',
  'weir.inventory': 'sku',
  'weir.internal.sku': 'sku',
  'weir.internal.visitor': 'visitor_id',
  'weir.internal.address': 'address',
  'weir.internal.identity': 'visitor_id',
  'weir.reference': 'subject',
} as const satisfies { readonly [T in Topic]: keyof EventOfTopic[T] & string };
