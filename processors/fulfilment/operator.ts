import { MINUTE_MS } from '../../schemas/time.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import { type Cause, bandFactsOf, forwardBandFacts } from './band-fact.ts';
import {
  type Contribution,
  type OrderParts,
  type OrderStep,
  contributionsOf,
  ordersOf,
  stepOf,
  withStep,
} from './promises.ts';

/** What the fulfilment operator may be told. */
export interface FulfilmentConfig {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  /** How long after an order's newest event another one still belongs to it, milliseconds. */
  readonly returnsKeptMs: number;
}

interface OrderState {
  readonly orderId: string;
  newestMs: number;
  /** Rising by time and id. */
  steps: readonly OrderStep[];
}

interface VisitorOrders {
  orders: OrderState[];
  newestMs: number;
  stepCount: number;
}

/** Orders remembered per visitor, as many as stock remembers. Beyond it the oldest stays as it is. */
const ORDERS_MAX = 1_000;

/** Events remembered per order; beyond it they are counted, not used. */
const STEPS_MAX = 64;

/** Rough sizes for the memory bound. */
const ORDER_BYTES = 150;
const STEP_BYTES = 250;

/**
 * Follows every order from its promise to its delivery. It recomputes the order on each of its events
 * and emits new − old, so that the sums, and what it tells the zones, depend on the set of events alone.
 */
export function createFulfilmentOperator(config: FulfilmentConfig): Operator {
  return defineOperator<VisitorOrders>({
    name: 'fulfilment',
    stage: 'visitor',
    stateVersion: 3,
    createState: () => ({ orders: [], newestMs: 0, stepCount: 0 }),
    apply: {
      'weir.orders': (state, event, output, record) => {
        forgetOldOrders(state, config, record);
        const order = orderOf(state, event.order_id, output);
        if (order.steps.length >= STEPS_MAX) {
          output.count('FULFILMENT_ORDER_HISTORY_FULL');
          return;
        }
        const before = ordersOf(order.steps, config.returnsKeptMs);
        order.steps = withStep(order.steps, stepOf(event));
        order.newestMs = Math.max(order.newestMs, event.occurred_at);
        state.newestMs = Math.max(state.newestMs, event.occurred_at);
        state.stepCount += 1;
        const after = ordersOf(order.steps, config.returnsKeptMs);
        const { event_id: eventId, occurred_at: timeMs, source } = event;
        emitChange(before, after, { event: { eventId, timeMs, source }, output });
      },
    },
    merge: (state, other, output, { eventId }) => {
      mergeOrders(state, other, { eventId, output, config });
    },
    expiresAtMs: ({ newestMs }) => expiryMs(newestMs, config),
    stateBytes: ({ orders, stepCount }) => orders.length * ORDER_BYTES + stepCount * STEP_BYTES,
  });
}

/** Puts the orders of both together; an order id that both have is one order. */
function mergeOrders(
  state: VisitorOrders,
  other: VisitorOrders,
  {
    eventId,
    output,
    config: { returnsKeptMs },
  }: {
    readonly eventId: string;
    readonly output: Output;
    readonly config: FulfilmentConfig;
  },
): void {
  for (const added of other.orders) {
    const known = state.orders.findLast(({ orderId }) => orderId === added.orderId);
    if (known === undefined) {
      orderOf(state, added.orderId, output);
      state.orders.splice(-1, 1, added);
      continue;
    }
    const before = [known, added].flatMap(({ steps }) => ordersOf(steps, returnsKeptMs));
    known.steps = added.steps.reduce((steps, step) => withStep(steps, step), known.steps);
    known.newestMs = Math.max(known.newestMs, added.newestMs);
    const event = {
      eventId: `${eventId}/${known.orderId}`,
      timeMs: known.newestMs,
      source: 'identity',
    };
    emitChange(before, ordersOf(known.steps, returnsKeptMs), { event, output });
  }
  state.newestMs = Math.max(state.newestMs, other.newestMs);
  keepOrders(state, () => true);
}

/** Emits what `after` counts and `before` did not, as consequences of one event. */
function emitChange(
  before: readonly OrderParts[],
  after: readonly OrderParts[],
  to: { readonly event: Cause; readonly output: Output },
): void {
  emitCounts(contributionsOf(before), contributionsOf(after), to.output);
  forwardBandFacts(bandFactsOf(before), bandFactsOf(after), to);
}

/** Per event: looking through short lists costs less than making a key of each contribution. */
function emitCounts(
  before: readonly Contribution[],
  after: readonly Contribution[],
  output: Output,
): void {
  const gone = [...before];
  for (const each of after) {
    const index = gone.findIndex((other) => isSame(each, other));
    if (index >= 0) gone.splice(index, 1);
    else output.add(each.table, each.timeMs, each.dimensions, each.sum, 1);
  }
  for (const each of gone) output.add(each.table, each.timeMs, each.dimensions, each.sum, -1);
}

function isSame(a: Contribution, b: Contribution): boolean {
  return (
    a.sum === b.sum &&
    a.timeMs === b.timeMs &&
    a.table === b.table &&
    a.dimensions.every((value, index) => value === b.dimensions[index])
  );
}

function orderOf(state: VisitorOrders, orderId: string, output: Output): OrderState {
  const known = state.orders.findLast((order) => order.orderId === orderId);
  if (known !== undefined) return known;
  if (state.orders.length >= ORDERS_MAX) {
    const oldest = state.orders.reduce((a, b) => (b.newestMs < a.newestMs ? b : a));
    keepOrders(state, (order) => order !== oldest);
    output.count('FULFILMENT_VISITOR_HISTORY_FULL');
  }
  const order: OrderState = { orderId, newestMs: 0, steps: [] };
  // Neither pushed nor spread: that would reserve room for 16 more, and most visitors have one order.
  state.orders = state.orders.concat(order);
  return order;
}

function forgetOldOrders(
  state: VisitorOrders,
  config: FulfilmentConfig,
  record: RecordContext,
): void {
  const isOver = ({ newestMs }: OrderState): boolean =>
    expiryMs(newestMs, config) <= record.watermarkMs;
  if (state.orders.some(isOver)) keepOrders(state, (order) => !isOver(order));
}

/** A minute more, as late events are refused by the minute. */
function expiryMs(newestMs: number, config: FulfilmentConfig): number {
  return newestMs + config.returnsKeptMs + config.allowedLatenessMs + MINUTE_MS;
}

function keepOrders(state: VisitorOrders, isKept: (order: OrderState) => boolean): void {
  state.orders = state.orders.filter(isKept);
  state.stepCount = state.orders.reduce((count, { steps }) => count + steps.length, 0);
}
