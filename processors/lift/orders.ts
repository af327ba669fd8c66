import type { Order } from '../../schemas/events/order.ts';

/**
 * An event of an order that says something about its value. A tuple, because states are stored by the
 * million and names of fields would be a third of their size.
 */
export type OrderEvent = readonly [
  orderId: string,
  status: 'placed' | 'returned' | 'cancelled',
  timeMs: number,
  eventId: string,
  /** Σ quantity × unit price in minor units; 0 when the amount is in another currency. */
  valueMinor: number,
  /** Σ quantity × (price − cost) of the lines with a cost; 0 in another currency. */
  marginMinor: number,
];

const ORDER_ID = 0;
const STATUS = 1;
export const TIME = 2;
const ID = 3;
const VALUE = 4;
const MARGIN = 5;

/** An order that was placed. Amounts in minor units. */
export interface PlacedOrder {
  readonly placedMs: number;
  readonly isCancelled: boolean;
  /** What was ordered. */
  readonly placedMinor: number;
  /** What is left of it, zero or more. */
  readonly valueMinor: number;
  readonly marginMinor: number;
}

/** One order id's events without a pause longer than returns are kept, oldest first. */
export type OrderEvents = readonly OrderEvent[];

/** The event as lift keeps it; undefined when it says nothing about value. */
export function orderEventOf(order: Order, currency: string): OrderEvent | undefined {
  const { status } = order;
  if (status !== 'placed' && status !== 'returned' && status !== 'cancelled') return undefined;
  let valueMinor = 0;
  let marginMinor = 0;
  if (order.currency === currency) {
    for (const { quantity, unit_price_minor: price, unit_cost_minor: cost } of order.lines) {
      valueMinor += quantity * price;
      if (cost !== null) marginMinor += quantity * (price - cost);
    }
  }
  return [order.order_id, status, order.occurred_at, order.event_id, valueMinor, marginMinor];
}

/** The events with one more, in order of time, ties by event id. */
export function withEvent(events: OrderEvents, event: OrderEvent): OrderEvent[] {
  const index = 1 + events.findLastIndex((other) => isEarlier(other, event));
  return events.toSpliced(index, 0, event);
}

/**
 * The events by order. A pause of more than `returnsKeptMs` between two events of an order id ends the
 * order: what follows is another one of that id, so nothing that left the state can still matter.
 */
export function ordersIn(events: OrderEvents, returnsKeptMs: number): readonly OrderEvents[] {
  const orders: OrderEvent[][] = [];
  const newestOf = new Map<string, OrderEvent[]>();
  for (const event of events) {
    const order = newestOf.get(event[ORDER_ID]);
    const newest = order?.at(-1);
    if (order === undefined || newest === undefined || event[TIME] - newest[TIME] > returnsKeptMs) {
      const started = [event];
      newestOf.set(event[ORDER_ID], started);
      orders.push(started);
    } else {
      order.push(event);
    }
  }
  return orders;
}

/** The order as far as it was placed: the first placement counts, later ones are repeats. */
export function placedIn(events: OrderEvents): PlacedOrder | undefined {
  const placed = events.find((event) => event[STATUS] === 'placed');
  if (placed === undefined) return undefined;
  let valueMinor = placed[VALUE];
  let marginMinor = placed[MARGIN];
  let isCancelled = false;
  for (const event of events) {
    if (event[STATUS] === 'cancelled') isCancelled = true;
    if (event[STATUS] !== 'returned') continue;
    valueMinor -= event[VALUE];
    marginMinor -= event[MARGIN];
  }
  return {
    placedMs: placed[TIME],
    isCancelled,
    placedMinor: placed[VALUE],
    // A shop may refund more than was paid; what a visitor brought never goes below nothing.
    valueMinor: Math.max(0, valueMinor),
    marginMinor,
  };
}

function isEarlier(a: OrderEvent, b: OrderEvent): boolean {
  return a[TIME] < b[TIME] || (a[TIME] === b[TIME] && a[ID] < b[ID]);
}
