import type { Order } from '../../schemas/events/order.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { derivedEventId } from '../engine/operator/derived-event-id.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import {
  type OrderPart,
  type OrderPartLine,
  type StockEffect,
  differenceOf,
  stockEffectsOf,
} from './order-effects.ts';
import { nodeIdOf } from './row.ts';

/** What the order-lines operator may be told. */
export interface OrderLinesConfig {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  /** How long after an order's newest event another one still belongs to it, milliseconds. */
  readonly returnsKeptMs: number;
}

/** One order with those of its events that move stock, in order of arrival. */
interface OrderState {
  readonly orderId: string;
  newestMs: number;
  readonly parts: OrderPart[];
}

interface VisitorOrders {
  orders: OrderState[];
  newestMs: number;
  lineCount: number;
}

/**
 * Orders remembered per visitor. A shop that books all its guests under one visitor has more; beyond
 * it the oldest is forgotten: it stays sold, but a cancellation no longer finds it.
 */
const ORDERS_MAX = 1_000;

/** Events remembered per order. Beyond it a return counts by itself, and other events do nothing. */
const PARTS_MAX = 64;

/** Rough sizes for the memory bound. */
const ORDER_BYTES = 300;
const LINE_BYTES = 60;

/**
 * Tells the sku stage what orders do to stock. It recomputes the order on each of its events and
 * forwards new − old, so that the sum of what it forwards per SKU, node and instant depends on the
 * set of the order's events, not on their order of arrival.
 */
export function createOrderLines(config: OrderLinesConfig): Operator {
  return defineOperator<VisitorOrders>({
    name: 'order-lines',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ orders: [], newestMs: 0, lineCount: 0 }),
    apply: {
      'weir.orders': (state, event, output, record) => {
        forgetOldOrders(state, config, record);
        takeOrder({ state, config }, event, output);
      },
    },
    merge: (state, other, output, { eventId }) => {
      mergeOrders({ state, config }, other, output, eventId);
    },
    expiresAtMs: ({ newestMs }) => expiryMs(newestMs, config),
    stateBytes: ({ orders, lineCount }) => orders.length * ORDER_BYTES + lineCount * LINE_BYTES,
  });
}

function takeOrder(
  { state, config }: { readonly state: VisitorOrders; readonly config: OrderLinesConfig },
  event: Order,
  output: Output,
): void {
  const { status } = event;
  if (status === 'shipped' || status === 'delivered') return;
  const part: OrderPart = {
    status,
    timeMs: event.occurred_at,
    eventId: event.event_id,
    nodeId: nodeIdOf(event) ?? null,
    lines: linesOf(event),
  };
  const order = orderOf(state, event, output);
  if (order.parts.length >= PARTS_MAX) {
    output.count('STOCK_ORDER_HISTORY_FULL');
    if (status === 'returned') forward([], [part], { event, config, output });
    return;
  }
  const before = [...order.parts];
  order.parts.push(part);
  order.newestMs = Math.max(order.newestMs, event.occurred_at);
  state.newestMs = Math.max(state.newestMs, event.occurred_at);
  state.lineCount += part.lines.length;
  forward(before, order.parts, { event, config, output });
}

/** Puts the orders of both together; an order id that both have is one order. */
function mergeOrders(
  { state, config }: { readonly state: VisitorOrders; readonly config: OrderLinesConfig },
  other: VisitorOrders,
  output: Output,
  eventId: string,
): void {
  const { returnsKeptMs } = config;
  for (const { orderId, newestMs, parts } of other.orders) {
    const event = {
      event_id: `${eventId}/${orderId}`,
      occurred_at: newestMs,
      source: 'identity',
      order_id: orderId,
      sales_channel: null,
    };
    const order = orderOf(state, event, output);
    const before = [order.parts, parts].flatMap((each) => stockEffectsOf(each, returnsKeptMs));
    order.parts.push(...parts);
    order.newestMs = Math.max(order.newestMs, newestMs);
    forwardChange(before, stockEffectsOf(order.parts, returnsKeptMs), { event, output });
  }
  state.newestMs = Math.max(state.newestMs, other.newestMs);
  keepOrders(state, () => true);
}

/** What changes in stock are the consequences of. */
type Cause = Pick<Order, 'event_id' | 'occurred_at' | 'source' | 'order_id'> & {
  readonly sales_channel: string | null;
};

/** Forwards what `after` does to stock and `before` did not, as consequences of `event`. */
function forward(
  before: readonly OrderPart[],
  after: readonly OrderPart[],
  {
    event,
    config,
    output,
  }: { readonly event: Order; readonly config: OrderLinesConfig; readonly output: Output },
): void {
  const { returnsKeptMs } = config;
  forwardChange(stockEffectsOf(before, returnsKeptMs), stockEffectsOf(after, returnsKeptMs), {
    event,
    output,
  });
}

function forwardChange(
  before: readonly StockEffect[],
  after: readonly StockEffect[],
  { event, output }: { readonly event: Cause; readonly output: Output },
): void {
  const changes = differenceOf(before, after);
  for (const [index, { sku, nodeId, timeMs, units, demand }] of changes.entries()) {
    output.forward('weir.internal.sku', sku, {
      event_id: derivedEventId(event.event_id, index),
      occurred_at: timeMs,
      source: event.source,
      sku,
      kind: units < 0 ? 'sold' : 'restored',
      node_id: nodeId,
      quantity: Math.abs(units),
      demand,
      order_id: event.order_id,
      sales_channel: event.sales_channel,
      alert_id: null,
      actor: null,
    });
  }
}

function orderOf(state: VisitorOrders, event: Cause, output: Output): OrderState {
  const known = state.orders.findLast(({ orderId }) => orderId === event.order_id);
  if (known !== undefined) return known;
  if (state.orders.length >= ORDERS_MAX) {
    let oldest = state.orders[0];
    for (const order of state.orders) {
      if (oldest !== undefined && order.newestMs < oldest.newestMs) oldest = order;
    }
    keepOrders(state, (order) => order !== oldest);
    output.count('STOCK_VISITOR_HISTORY_FULL');
  }
  const order: OrderState = { orderId: event.order_id, newestMs: event.occurred_at, parts: [] };
  state.orders.push(order);
  return order;
}

/** One entry per SKU: stock does not care which line a unit was on. */
function linesOf(event: Order): readonly OrderPartLine[] {
  const units = new Map<string, number>();
  for (const { sku, quantity } of event.lines) units.set(sku, (units.get(sku) ?? 0) + quantity);
  return Array.from(units, ([sku, quantity]) => ({ sku, quantity }));
}

function forgetOldOrders(
  state: VisitorOrders,
  config: OrderLinesConfig,
  record: RecordContext,
): void {
  const isOver = ({ newestMs }: OrderState): boolean =>
    expiryMs(newestMs, config) <= record.watermarkMs;
  if (state.orders.some(isOver)) keepOrders(state, (order) => !isOver(order));
}

/**
 * The watermark from which on every accepted event comes too late to belong to the order; a minute
 * more, as late events are refused by the minute.
 */
function expiryMs(newestMs: number, config: OrderLinesConfig): number {
  return newestMs + config.returnsKeptMs + config.allowedLatenessMs + MINUTE_MS;
}

function keepOrders(state: VisitorOrders, isKept: (order: OrderState) => boolean): void {
  state.orders = state.orders.filter(isKept);
  state.lineCount = state.orders
    .flatMap(({ parts }) => parts)
    .reduce((count, { lines }) => count + lines.length, 0);
}
