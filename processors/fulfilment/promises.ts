import { binOf } from '../../schemas/cycle-bins.ts';
import type { Order } from '../../schemas/events/order.ts';
import { HOUR_MS } from '../../schemas/time.ts';
import type { SumsTable } from '../engine/operator/table.ts';
import {
  DEFAULT_NODE_ID,
  FULFILMENT_1H,
  FULFILMENT_REASONS_1H,
  NO_BIN,
  fulfilmentSum,
} from './row.ts';

/** One order event as far as fulfilment needs it. */
export interface OrderStep {
  readonly timeMs: number;
  readonly eventId: string;
  readonly status: Order['status'];
  /** Null when the order promises nothing. */
  readonly dueMs: number | null;
  readonly zone: string;
  readonly nodeId: string;
  readonly fulfilment: string;
  readonly reason: string;
}

/** One count of one sum. */
export interface Contribution {
  readonly table: SumsTable;
  readonly timeMs: number;
  readonly dimensions: readonly string[];
  readonly sum: number;
}

const DUE = fulfilmentSum('due');
const ON_TIME = fulfilmentSum('on_time');
const DELIVERED_LATE = fulfilmentSum('delivered_late');
const PLACED = fulfilmentSum('placed');
const WITHIN = [
  [24, fulfilmentSum('on_time_24h')],
  [48, fulfilmentSum('on_time_48h')],
  [72, fulfilmentSum('on_time_72h')],
] as const;
const CYCLES = fulfilmentSum('cycles');

/** The step of an order event, without what no event of its status counts by: it is kept for months. */
export function stepOf(event: Order): OrderStep {
  const { occurred_at: timeMs, event_id: eventId, status } = event;
  const isPlaced = status === 'placed';
  const hasReason = status === 'cancelled' || status === 'returned';
  return {
    timeMs,
    eventId,
    status,
    dueMs: isPlaced ? event.due_at : null,
    zone: isPlaced ? (event.zone ?? '') : '',
    nodeId: isPlaced ? nodeIdOf(event) : '',
    fulfilment: isPlaced || hasReason ? (event.fulfilment ?? '') : '',
    reason: hasReason ? (event.reason ?? '') : '',
  };
}

/** The steps with one more in its place, rising by time and id; a spread would reserve room for more. */
export function withStep(steps: readonly OrderStep[], step: OrderStep): readonly OrderStep[] {
  const last = steps.at(-1);
  if (last === undefined || byTime(last, step) <= 0) return steps.concat(step);
  return steps.concat(step).toSorted(byTime);
}

/** What became of one order: the first event of each status that counts once. */
export interface OrderParts {
  /** Its events, rising by time and id. */
  readonly steps: readonly OrderStep[];
  readonly placed: OrderStep | undefined;
  readonly delivered: OrderStep | undefined;
  readonly cancelled: OrderStep | undefined;
  /** It was cancelled before it was delivered. */
  readonly isVoid: boolean;
}

/**
 * The orders that the events of one order id are of; `ordered` rises by time and id. A pause of more
 * than `orderPauseMs` between two events ends an order: what follows is another one of that id. So a
 * bound on what is kept never changes a result.
 */
export function ordersOf(
  ordered: readonly OrderStep[],
  orderPauseMs: number,
): readonly OrderParts[] {
  const orders: OrderParts[] = [];
  let start = 0;
  for (let end = 1; end <= ordered.length; end += 1) {
    const beforeMs = ordered[end - 1]?.timeMs ?? 0;
    const pauseMs = (ordered[end]?.timeMs ?? Number.POSITIVE_INFINITY) - beforeMs;
    if (pauseMs <= orderPauseMs) continue;
    orders.push(partsOf(ordered.slice(start, end)));
    start = end;
  }
  return orders;
}

function partsOf(steps: readonly OrderStep[]): OrderParts {
  const placed = steps.find(({ status }) => status === 'placed');
  const delivered = steps.find(({ status }) => status === 'delivered');
  const cancelled = steps.find(({ status }) => status === 'cancelled');
  const isVoid =
    cancelled !== undefined && (delivered === undefined || byTime(cancelled, delivered) < 0);
  return { steps, placed, delivered, cancelled, isVoid };
}

/**
 * What orders count:
 *
 * - The first placed event promises; a repeat of it counts nothing. A cancelled order promises nothing
 *   and is not placed, unless it was delivered before.
 * - The first delivery keeps or breaks the promise: on time is delivered at or before `due_at`. Its cycle
 *   time runs from placing to delivery.
 * - Every return and the first cancellation count with their reason; a placed order counts with the way
 *   in which it is handed over.
 */
export function contributionsOf(orders: readonly OrderParts[]): readonly Contribution[] {
  const contributions: Contribution[] = [];
  for (const order of orders) addOrder(order, contributions);
  return contributions;
}

function addOrder(
  { steps, placed, delivered, cancelled, isVoid }: OrderParts,
  into: Contribution[],
): void {
  for (const step of steps) {
    if (step !== placed && step !== cancelled && step.status !== 'returned') continue;
    const dimensions = [step.fulfilment, step.status, step.reason];
    into.push({ table: FULFILMENT_REASONS_1H, timeMs: step.timeMs, dimensions, sum: 0 });
  }
  if (placed === undefined || isVoid) return;
  const dimensions = [placed.zone, placed.nodeId, NO_BIN];
  const add = (timeMs: number, sum: number): void => {
    into.push({ table: FULFILMENT_1H, timeMs, dimensions, sum });
  };
  add(placed.timeMs, PLACED);
  if (placed.dueMs !== null) add(placed.dueMs, DUE);
  if (delivered === undefined) return;
  const cycleMs = delivered.timeMs - placed.timeMs;
  if (placed.dueMs !== null) {
    add(placed.dueMs, delivered.timeMs <= placed.dueMs ? ON_TIME : DELIVERED_LATE);
  }
  for (const [hours, sum] of WITHIN) if (cycleMs <= hours * HOUR_MS) add(placed.timeMs, sum);
  const bin = [placed.zone, placed.nodeId, String(binOf(cycleMs))];
  into.push({ table: FULFILMENT_1H, timeMs: delivered.timeMs, dimensions: bin, sum: CYCLES });
}

function nodeIdOf({ node_id: nodeId }: Order): string {
  return nodeId === null || nodeId === '' ? DEFAULT_NODE_ID : nodeId;
}

function byTime(a: OrderStep, b: OrderStep): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.eventId === b.eventId) return 0;
  return a.eventId < b.eventId ? -1 : 1;
}
