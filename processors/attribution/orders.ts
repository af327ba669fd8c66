import type { Order } from '../../schemas/events/order.ts';

/** An event of an order that says something about its value. A tuple for the same reason as `Touch`. */
export type OrderEvent = readonly [
  status: 'placed' | 'returned' | 'cancelled',
  timeMs: number,
  eventId: string,
  currency: string,
  /** Σ quantity × unit price of its lines in minor units, zero or more. */
  valueMinor: number,
];

/** Places in an `OrderEvent`. */
const STATUS = 0;
const TIME = 1;
const ID = 2;
const CURRENCY = 3;
const VALUE = 4;

/**
 * What is known of one order: its events by event time, ties by event id, no two neighbours further
 * apart than returns are kept. A longer pause ends an order, and what follows under the same id is
 * another one: so nothing that left the state can still matter.
 */
export interface OrderState {
  readonly id: string;
  readonly events: readonly OrderEvent[];
}

/** An order that stands: at its event time, worth what has not come back. */
export interface Conversion {
  readonly timeMs: number;
  readonly currency: string;
  /** Minor units, zero or more. */
  readonly valueMinor: number;
}

/** What a new event of an order makes of the orders that are known. */
export interface OrderChange {
  /** The orders that it belongs to; two, when it comes between them. */
  readonly before: readonly OrderState[];
  readonly after: OrderState;
  /** What is to be counted about it. */
  readonly code: OrderCode | undefined;
}

export type OrderCode =
  | 'ORDER_EVENT_LIMIT_REACHED'
  | 'ORDER_LIMIT_REACHED'
  | 'ORDER_PLACED_AGAIN'
  | 'RETURN_CURRENCY_DIFFERS';

/**
 * Most orders kept of one visitor. Shared identities (a till, an agent) place more than any person;
 * beyond it the oldest leaves, its credit stands, and no withdrawal of it counts any more.
 */
export const ORDERS_MAX = 1_000;

/** Most events kept of one order: shops take back an order in a few parcels. Beyond it only a placement counts. */
export const ORDER_EVENTS_MAX = 100;

/** The earliest `placed` event, or undefined while only withdrawals are known. */
export function placedOf(order: OrderState): OrderEvent | undefined {
  return order.events.find((event) => event[STATUS] === 'placed');
}

/** When the order was placed, if it stands: placed, and not cancelled. */
export function conversionTimeMs({ events }: OrderState): number | undefined {
  let placed: OrderEvent | undefined;
  for (const event of events) {
    if (event[STATUS] === 'cancelled') return undefined;
    if (event[STATUS] === 'placed') placed ??= event;
  }
  return placed?.[TIME];
}

/** The order as a conversion; undefined when it does not stand. */
export function conversionOf(order: OrderState): Conversion | undefined {
  const placed = placedOf(order);
  if (placed === undefined || conversionTimeMs(order) === undefined) return undefined;
  let valueMinor = placed[VALUE];
  for (const event of order.events) {
    const isCounted = event[STATUS] === 'returned' && event[CURRENCY] === placed[CURRENCY];
    if (isCounted) valueMinor -= event[VALUE];
  }
  // A shop may refund more than was paid; credit never goes below nothing.
  return {
    timeMs: placed[TIME],
    currency: placed[CURRENCY],
    valueMinor: Math.max(0, valueMinor),
  };
}

/** Event time of the order's newest event. */
export function newestMs(order: OrderState): number {
  return order.events.at(-1)?.[TIME] ?? Number.NEGATIVE_INFINITY;
}

/**
 * What `order` makes of `orders`, without changing them; undefined when it says nothing about an
 * order's value.
 */
export function changeBy(
  orders: readonly OrderState[],
  order: Order,
  returnsKeptMs: number,
): OrderChange | undefined {
  const { status, occurred_at: timeMs, event_id: eventId, currency, order_id: id } = order;
  if (status === 'shipped' || status === 'delivered') return undefined;
  const before = orders.filter(
    ({ id: knownId, events }) =>
      knownId === id && events.some((event) => Math.abs(event[TIME] - timeMs) <= returnsKeptMs),
  );
  const known = before.flatMap(({ events }) => events);
  const placed = known.find((event) => event[STATUS] === 'placed');
  const added: OrderEvent = [status, timeMs, eventId, currency, valueOf(order)];
  const code = codeOf(placed, added);
  const [first] = before;
  if (first === undefined || known.length < ORDER_EVENTS_MAX) {
    return { before, after: { id, events: [...known, added].toSorted(byTime) }, code };
  }
  const isPlacement = status === 'placed' && (placed === undefined || isEarlier(added, placed));
  if (!isPlacement) return { before: [first], after: first, code: 'ORDER_EVENT_LIMIT_REACHED' };
  // What an order is worth and when it was placed always counts: it takes the place of the former.
  const others = known.filter((event) => event !== placed);
  return { before, after: { id, events: [...others, added].toSorted(byTime) }, code };
}

/** The orders with `change.after` in the place of `change.before`, still in order of `placed`. */
export function withChange(orders: readonly OrderState[], change: OrderChange): OrderState[] {
  const others = orders.filter((order) => !change.before.includes(order));
  const placed = placedOf(change.after);
  const index =
    placed === undefined
      ? others.length
      : 1 + others.findLastIndex((order) => isPlacedBefore(order, placed));
  return others.toSpliced(index, 0, change.after);
}

/** The orders of two visitors as those of one: events of one order id without a pause between them are one order. */
export function mergedOrders(
  one: readonly OrderState[],
  other: readonly OrderState[],
  returnsKeptMs: number,
): OrderState[] {
  let orders = [...one];
  for (const added of other) {
    const isNear = ({ id, events }: OrderState): boolean =>
      id === added.id &&
      events.some(([, timeMs]) =>
        added.events.some((event) => Math.abs(event[TIME] - timeMs) <= returnsKeptMs),
      );
    const before = orders.filter(isNear);
    const events = [added, ...before].flatMap((order) => order.events).toSorted(byTime);
    orders = withChange(orders, { before, after: { id: added.id, events }, code: undefined });
  }
  return orders;
}

/** The event times at which a conversion may appear, change or go by `change`; undefined: none. */
export function timesOf(
  change: OrderChange,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  const times = [...change.before, change.after].flatMap((order) => placedOf(order)?.[TIME] ?? []);
  if (times.length === 0) return undefined;
  return { fromMs: Math.min(...times), toMs: Math.max(...times) };
}

/** Removes the order whose newest event is the oldest, and returns it. */
export function takeOldest(orders: OrderState[]): OrderState | undefined {
  let oldest = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const [index, order] of orders.entries()) {
    const timeMs = newestMs(order);
    if (timeMs >= oldestMs) continue;
    oldest = index;
    oldestMs = timeMs;
  }
  return orders.splice(oldest, 1)[0];
}

function codeOf(placed: OrderEvent | undefined, added: OrderEvent): OrderCode | undefined {
  if (placed === undefined) return undefined;
  if (added[STATUS] === 'placed') return 'ORDER_PLACED_AGAIN';
  const isOther = added[STATUS] === 'returned' && added[CURRENCY] !== placed[CURRENCY];
  return isOther ? 'RETURN_CURRENCY_DIFFERS' : undefined;
}

/** The door keeps it a safe integer. */
function valueOf(order: Order): number {
  let valueMinor = 0;
  for (const line of order.lines) valueMinor += line.quantity * line.unit_price_minor;
  return valueMinor;
}

function isPlacedBefore(order: OrderState, placed: OrderEvent): boolean {
  const own = placedOf(order);
  return own !== undefined && isEarlier(own, placed);
}

function byTime(a: OrderEvent, b: OrderEvent): number {
  return isEarlier(a, b) ? -1 : 1;
}

function isEarlier(a: OrderEvent, b: OrderEvent): boolean {
  return a[TIME] < b[TIME] || (a[TIME] === b[TIME] && a[ID] < b[ID]);
}
