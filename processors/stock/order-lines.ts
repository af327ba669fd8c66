import type { Order } from '../../schemas/events/order.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import { derivedEventId } from './identity.ts';
import {
  type OrderPart,
  type OrderPartLine,
  differenceOf,
  stockEffectsOf,
} from './order-effects.ts';

/** What the order-lines operator may be told. */
export interface OrderLinesConfig {
  /** How long after its newest event an order is remembered, event time in milliseconds. */
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

/** Orders remembered per visitor: a business customer's three months. Beyond it the oldest is forgotten. */
const ORDERS_MAX = 512;

/** Events remembered per order: a return for every week and more. Beyond it an event is not used. */
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
        takeOrder(state, event, output);
      },
    },
    expiresAtMs: ({ newestMs }) => newestMs + config.returnsKeptMs,
    stateBytes: ({ orders, lineCount }) => orders.length * ORDER_BYTES + lineCount * LINE_BYTES,
  });
}

function takeOrder(state: VisitorOrders, event: Order, output: Output): void {
  const { status } = event;
  if (status === 'shipped' || status === 'delivered') return;
  const order = orderOf(state, event, output);
  if (order.parts.length >= PARTS_MAX) {
    output.count('stock_order_events_limit');
    return;
  }
  const before = stockEffectsOf(order.parts);
  const part: OrderPart = {
    status,
    timeMs: event.occurred_at,
    eventId: event.event_id,
    nodeId: event.node_id,
    lines: linesOf(event),
  };
  order.parts.push(part);
  order.newestMs = Math.max(order.newestMs, event.occurred_at);
  state.newestMs = Math.max(state.newestMs, event.occurred_at);
  state.lineCount += part.lines.length;
  for (const [index, effect] of differenceOf(before, stockEffectsOf(order.parts)).entries()) {
    output.forward('weir.internal.sku', effect.sku, {
      event_id: derivedEventId(event.event_id, index),
      occurred_at: effect.timeMs,
      source: event.source,
      sku: effect.sku,
      kind: effect.units < 0 ? 'sold' : 'restored',
      node_id: effect.nodeId,
      quantity: Math.abs(effect.units),
      order_id: event.order_id,
      sales_channel: event.sales_channel,
      alert_id: null,
      actor: null,
    });
  }
}

function orderOf(state: VisitorOrders, event: Order, output: Output): OrderState {
  const known = state.orders.find(({ orderId }) => orderId === event.order_id);
  if (known !== undefined) return known;
  if (state.orders.length >= ORDERS_MAX) {
    let oldest = state.orders[0];
    for (const order of state.orders) {
      if (oldest !== undefined && order.newestMs < oldest.newestMs) oldest = order;
    }
    keepOrders(state, (order) => order !== oldest);
    output.count('stock_orders_limit');
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
  const horizonMs = record.watermarkMs - config.returnsKeptMs;
  if (state.orders.some(({ newestMs }) => newestMs <= horizonMs)) {
    keepOrders(state, ({ newestMs }) => newestMs > horizonMs);
  }
}

function keepOrders(state: VisitorOrders, isKept: (order: OrderState) => boolean): void {
  state.orders = state.orders.filter(isKept);
  state.lineCount = state.orders
    .flatMap(({ parts }) => parts)
    .reduce((count, { lines }) => count + lines.length, 0);
}
