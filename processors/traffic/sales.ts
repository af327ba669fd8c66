import type { Order } from '../../schemas/events/order.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import type { SumsTable } from '../engine/operator/table.ts';
import {
  type OrderEffect,
  type OrderHistory,
  effectsOf,
  entryOf,
  withEntry,
} from './order-history.ts';
import { CHANNEL_1M, REGION_1H, channelSum } from './row.ts';

export interface SalesConfig {
  readonly allowedLatenessMs: number;
  /** How long after an order's latest event another one still belongs to it. */
  readonly returnsKeptMs: number;
}

interface Sales {
  /** In order of arrival. */
  orders: OrderHistory[];
  entryCount: number;
  /** UTC milliseconds; 0 while there is none. */
  newestMs: number;
}

/**
 * Most orders kept of one visitor. A shop that books all its guests under one visitor has more;
 * beyond it the order with the oldest latest event is forgotten: it stays counted, but a
 * cancellation no longer finds it.
 */
export const ORDERS_MAX = 1_000;
/** Most events kept of one order, so that returns sent one unit at a time stay bounded. */
export const ENTRIES_MAX = 100;
/** How many new orders lie between two searches for orders that no event can reach any more. */
const SWEEP_EVERY_ORDERS = 32;
/** Rough size of an entry in memory: ten fields and an event id. */
const ENTRY_BYTES = 160;
const ORDER_BYTES = 120;

/** What of an order's effect goes into which sum of a table, and where. */
interface Booking {
  readonly table: SumsTable;
  readonly placeOf: (effect: OrderEffect) => readonly string[];
  readonly sums: readonly (readonly [name: Amount, sum: number])[];
}

type Amount =
  | 'orders'
  | 'units'
  | 'revenueMinor'
  | 'marginMinor'
  | 'linesWithoutCost'
  | 'returnsMinor';

const BOOKINGS: readonly Booking[] = [
  {
    table: CHANNEL_1M,
    placeOf: ({ channel, currency }) => [channel, currency],
    sums: [
      ['orders', channelSum('orders')],
      ['units', channelSum('units')],
      ['revenueMinor', channelSum('revenue_minor')],
      ['marginMinor', channelSum('margin_minor')],
      ['linesWithoutCost', channelSum('lines_without_cost')],
      ['returnsMinor', channelSum('returns_minor')],
    ],
  },
  {
    table: REGION_1H,
    placeOf: ({ region, currency }) => [region, currency],
    sums: [
      ['orders', REGION_1H.sums.indexOf('orders')],
      ['revenueMinor', REGION_1H.sums.indexOf('revenue_minor')],
      ['returnsMinor', REGION_1H.sums.indexOf('returns_minor')],
    ],
  },
];

/**
 * Counts orders and money by sales channel and currency, and by region. An order's events may come in any order:
 * each arrival recomputes the order and emits the difference.
 */
export function createSalesOperator(config: SalesConfig): Operator {
  return defineOperator<Sales>({
    name: 'sales',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ orders: [], entryCount: 0, newestMs: 0 }),
    apply: {
      'weir.orders': (sales, order, output, record) => {
        applyOrder(sales, order, output, { config, watermarkMs: record.watermarkMs });
      },
    },
    merge: (sales, other, output) => {
      mergeSales(sales, other, output, config);
    },
    expiresAtMs: ({ newestMs }) =>
      newestMs === 0 ? Number.NEGATIVE_INFINITY : expiryMs(newestMs, config),
    stateBytes: ({ orders, entryCount }) =>
      120 + ORDER_BYTES * orders.length + ENTRY_BYTES * entryCount,
  });
}

function applyOrder(
  sales: Sales,
  order: Order,
  output: Output,
  context: { readonly config: SalesConfig; readonly watermarkMs: number },
): void {
  const entry = entryOf(order);
  if (entry === undefined) return;
  const { config } = context;
  const history = historyOf(sales, order.order_id, context);
  const before = history.entries;
  if (before.length >= ENTRIES_MAX) {
    // The order keeps its first events; a further return counts by itself, as one of an unknown order.
    output.count('SALES_ORDER_HISTORY_FULL');
    for (const effect of effectsOf([entry], config.returnsKeptMs)) {
      if (entry[0] === 'returned') emit(output, effect, undefined);
    }
    return;
  }
  history.entries = withEntry(before, entry);
  sales.entryCount += 1;
  sales.newestMs = Math.max(sales.newestMs, entry[1]);
  const previous = effectsOf(before, config.returnsKeptMs);
  for (const effect of effectsOf(history.entries, config.returnsKeptMs)) {
    emit(
      output,
      effect,
      previous.find(({ eventId }) => eventId === effect.eventId),
    );
  }
  if (sales.orders.length > ORDERS_MAX) {
    forgetOldest(sales);
    output.count('SALES_VISITOR_HISTORY_FULL');
  }
}

/** Puts the orders of both together; an order id that both have is one order. */
function mergeSales(sales: Sales, other: Sales, output: Output, config: SalesConfig): void {
  for (const added of other.orders) {
    const known = sales.orders.findLast(({ orderId }) => orderId === added.orderId);
    sales.entryCount += added.entries.length;
    if (known === undefined) {
      sales.orders.push(added);
      continue;
    }
    const previous = [known, added].flatMap(({ entries }) =>
      effectsOf(entries, config.returnsKeptMs),
    );
    known.entries = added.entries.reduce(
      (entries, entry) => withEntry(entries, entry),
      known.entries,
    );
    for (const effect of effectsOf(known.entries, config.returnsKeptMs)) {
      const at = previous.findIndex(({ eventId }) => eventId === effect.eventId);
      emit(output, effect, previous.splice(at, 1)[0]);
    }
  }
  sales.newestMs = Math.max(sales.newestMs, other.newestMs);
  while (sales.orders.length > ORDERS_MAX) {
    forgetOldest(sales);
    output.count('SALES_VISITOR_HISTORY_FULL');
  }
}

/** Emits `effect` − `previous`. */
function emit(output: Output, effect: OrderEffect, previous: OrderEffect | undefined): void {
  for (const { table, placeOf, sums } of BOOKINGS) {
    const place = placeOf(effect);
    const former = previous === undefined ? place : placeOf(previous);
    const isMoved = former.some((dimension, index) => dimension !== place[index]);
    for (const [name, sum] of sums) {
      const amount = effect[name] - (isMoved ? 0 : (previous?.[name] ?? 0));
      if (amount !== 0) output.add(table, effect.timeMs, place, sum, amount);
      if (isMoved && previous !== undefined && previous[name] !== 0)
        output.add(table, previous.timeMs, former, sum, -previous[name]);
    }
  }
}

function historyOf(
  sales: Sales,
  orderId: string,
  context: { readonly config: SalesConfig; readonly watermarkMs: number },
): OrderHistory {
  const known = sales.orders.findLast((order) => order.orderId === orderId);
  if (known !== undefined) return known;
  if (sales.orders.length > 0 && sales.orders.length % SWEEP_EVERY_ORDERS === 0) {
    keepOrders(sales, (newestMs) => expiryMs(newestMs, context.config) > context.watermarkMs);
  }
  const history: OrderHistory = { orderId, entries: [] };
  sales.orders.push(history);
  return history;
}

function forgetOldest(sales: Sales): void {
  const oldestMs = Math.min(...sales.orders.map(newestMsOf));
  let isForgotten = false;
  sales.orders = sales.orders.filter((order) => {
    if (isForgotten || newestMsOf(order) !== oldestMs) return true;
    isForgotten = true;
    sales.entryCount -= order.entries.length;
    return false;
  });
}

function keepOrders(sales: Sales, isKept: (newestMs: number) => boolean): void {
  sales.orders = sales.orders.filter((order) => isKept(newestMsOf(order)));
  sales.entryCount = sales.orders.reduce((count, { entries }) => count + entries.length, 0);
}

function newestMsOf({ entries }: OrderHistory): number {
  return entries.at(-1)?.[1] ?? 0;
}

/** The watermark from which on every accepted event comes too late to belong to the order; a minute more, as late events are refused by the minute. */
function expiryMs(newestMs: number, config: SalesConfig): number {
  return newestMs + config.returnsKeptMs + config.allowedLatenessMs + MINUTE_MS;
}
