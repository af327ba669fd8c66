import type { Order } from '../../schemas/events/order.ts';

/**
 * What one event of an order says about money. A tuple, because stored field names would double the
 * state: status, event time in UTC milliseconds, event id, sales channel, currency, value of the
 * lines, units, margin of the lines with a cost, lines without a cost, region; amounts in minor units.
 */
export type OrderEntry = readonly [
  status: 'placed' | 'cancelled' | 'returned',
  timeMs: number,
  eventId: string,
  channel: string,
  currency: string,
  valueMinor: number,
  units: number,
  marginMinor: number,
  linesWithoutCost: number,
  /** Absent where the event names none. */
  region?: string,
];

/** The events of one order, ascending by event time, then event id. */
export interface OrderHistory {
  readonly orderId: string;
  entries: readonly OrderEntry[];
}

/** What one event of an order adds to the sums of its minute. */
export interface OrderEffect {
  readonly eventId: string;
  readonly timeMs: number;
  readonly channel: string;
  readonly currency: string;
  /** Empty where none is known. */
  readonly region: string;
  readonly orders: number;
  readonly units: number;
  readonly revenueMinor: number;
  readonly marginMinor: number;
  readonly linesWithoutCost: number;
  readonly returnsMinor: number;
}

/** The entry of an event, or undefined when it says nothing about money. */
export function entryOf(order: Order): OrderEntry | undefined {
  const { status } = order;
  if (status !== 'placed' && status !== 'cancelled' && status !== 'returned') return undefined;
  let valueMinor = 0;
  let units = 0;
  let marginMinor = 0;
  let linesWithoutCost = 0;
  for (const {
    quantity,
    unit_price_minor: priceMinor,
    unit_cost_minor: costMinor,
  } of order.lines) {
    valueMinor += quantity * priceMinor;
    units += quantity;
    if (costMinor === null) linesWithoutCost += 1;
    else marginMinor += quantity * (priceMinor - costMinor);
  }
  const entry = [
    status,
    order.occurred_at,
    order.event_id,
    order.sales_channel,
    order.currency,
    valueMinor,
    units,
    marginMinor,
    linesWithoutCost,
  ] as const;
  return order.region === null ? entry : [...entry, order.region];
}

/** The history with one more entry, at its place. */
export function withEntry(
  entries: readonly OrderEntry[],
  entry: OrderEntry,
): readonly OrderEntry[] {
  let at = entries.length;
  for (; at > 0; at -= 1) {
    const before = entries[at - 1];
    if (before === undefined || isBefore(before, entry)) break;
  }
  return entries.toSpliced(at, 0, entry);
}

/**
 * What each entry contributes, in the order of `entries`:
 *
 * - The first `placed` counts as the order; a repeat of it counts nothing.
 * - A `returned` counts its own lines, whether its order is known or not; in the order's region where it
 *   names none.
 * - The first `cancelled` withdraws what is left of the order: its value less what was returned
 *   before in its currency. It is booked in the order's channel, currency and region. Without an order
 *   it counts nothing.
 *
 * A pause of more than `orderPauseMs` between two events of an order id ends the order: what follows
 * is another order of that id. So a bound on what is kept never changes a result.
 */
export function effectsOf(
  entries: readonly OrderEntry[],
  orderPauseMs: number,
): readonly OrderEffect[] {
  const effects: OrderEffect[] = [];
  let start = 0;
  for (let end = 1; end <= entries.length; end += 1) {
    const pauseMs = (entries[end]?.[1] ?? Number.POSITIVE_INFINITY) - (entries[end - 1]?.[1] ?? 0);
    if (pauseMs <= orderPauseMs) continue;
    addEffects(entries.slice(start, end), effects);
    start = end;
  }
  return effects;
}

/** Adds the effects of the entries of one order. */
function addEffects(entries: readonly OrderEntry[], effects: OrderEffect[]): void {
  const placed = entries.find(([status]) => status === 'placed');
  let leftMinor = placed?.[5] ?? 0;
  for (const entry of entries) {
    const [status, timeMs, eventId, channel, currency, valueMinor, units, margin, noCost] = entry;
    const region = entry[9] ?? placed?.[9] ?? '';
    const nothing = {
      eventId,
      timeMs,
      channel,
      currency,
      region,
      orders: 0,
      units: 0,
      revenueMinor: 0,
      marginMinor: 0,
      linesWithoutCost: 0,
      returnsMinor: 0,
    };
    switch (status) {
      case 'placed':
        effects.push(
          entry === placed
            ? {
                ...nothing,
                orders: 1,
                units,
                revenueMinor: valueMinor,
                marginMinor: margin,
                linesWithoutCost: noCost,
              }
            : nothing,
        );
        break;
      case 'returned':
        effects.push({ ...nothing, returnsMinor: valueMinor });
        if (currency === placed?.[4]) leftMinor = Math.max(0, leftMinor - valueMinor);
        break;
      case 'cancelled':
        effects.push({
          ...nothing,
          channel: placed?.[3] ?? channel,
          currency: placed?.[4] ?? currency,
          region: placed === undefined ? region : (placed[9] ?? ''),
          returnsMinor: leftMinor,
        });
        leftMinor = 0;
        break;
    }
  }
}

function isBefore(a: OrderEntry, b: OrderEntry): boolean {
  return a[1] < b[1] || (a[1] === b[1] && a[2] < b[2]);
}
