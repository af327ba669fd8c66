import type { Click } from '../../schemas/events/click.ts';
import type { Order } from '../../schemas/events/order.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import type { AttributionConfig } from './config.ts';
import { CreditChange } from './credit.ts';
import {
  ORDERS_MAX,
  changeBy,
  conversionOf,
  conversionTimeMs,
  placedOf,
  replaceOrders,
} from './orders.ts';
import {
  type AttributionState,
  expiresAtMs,
  forgetOldestOrder,
  newestConversionMs,
  prune,
  spanAround,
} from './state.ts';
import { addClick, limitTouches, pathIn, reachMs } from './visits.ts';

/** Rough sizes in memory, with identifiers of 36 characters. */
const STATE_BYTES = 100;
const TOUCH_BYTES = 200;
const SESSION_BYTES = 80;
const ORDER_BYTES = 300;

/**
 * Credits the touches of a visitor with the orders that follow them.
 *
 * Nothing that was emitted is stored: before an event is taken, the credit of the conversions that
 * it can reach is computed from the old state and taken back, then given again from the new one.
 * Most clicks come after the visitor's last order, reach none and skip both.
 */
export function createAttributionOperator(config: AttributionConfig): Operator {
  const { returnsKeptMs, lookbackMs, sessionGapMs, touchesMax } = config;
  const change = new CreditChange(config.models, config.halfLifeMs);

  /** Adds the credit of the conversions from `fromMs` to `toMs`, and of the one after, to `change`. */
  function collect(state: AttributionState, fromMs: number, toMs: number, sign: 1 | -1): void {
    let afterMs = state.pathsFromMs ?? Number.NEGATIVE_INFINITY;
    for (const order of state.orders ?? []) {
      const timeMs = conversionTimeMs(order);
      if (timeMs === undefined) continue;
      const conversion = timeMs < fromMs ? undefined : conversionOf(order);
      if (conversion !== undefined) {
        const span = { afterMs: Math.max(afterMs, timeMs - lookbackMs - 1), untilMs: timeMs };
        change.add(conversion, pathIn(state, span, touchesMax), sign);
        if (timeMs > toMs) return;
      }
      afterMs = Math.max(afterMs, timeMs);
    }
  }

  function takeClick(state: AttributionState, click: Click, output: Output): void {
    addClick(state, click, sessionGapMs);
    if (state.touches.length <= touchesMax) return;
    const span = spanAround(state, click.occurred_at);
    const droppedCount = limitTouches(state, span, touchesMax);
    for (let count = 0; count < droppedCount; count += 1) output.count('TOUCH_LIMIT_REACHED');
  }

  function applyClick(
    state: AttributionState,
    click: Click,
    output: Output,
    record: RecordContext,
  ): void {
    // Neither is a net click: views are not credited, and do not keep a session alive.
    if (click.kind === 'impression' || click.kind === 'beacon') return;
    const timeMs = click.occurred_at;
    const sessionCount = state.sessions.length;
    if (newestConversionMs(state) < timeMs) {
      takeClick(state, click, output);
    } else {
      const toMs = reachMs(state, timeMs, sessionGapMs);
      collect(state, timeMs, toMs, -1);
      takeClick(state, click, output);
      collect(state, timeMs, toMs, 1);
      change.emit(output);
    }
    if (state.sessions.length > sessionCount) prune(state, pruneBy(timeMs, record), config);
  }

  function applyOrder(
    state: AttributionState,
    event: Order,
    output: Output,
    record: RecordContext,
  ): void {
    const orders = state.orders ?? [];
    const orderChange = changeBy(orders, event, returnsKeptMs);
    if (orderChange === undefined) return;
    state.orders = orders;
    let fromMs = Number.POSITIVE_INFINITY;
    let toMs = Number.NEGATIVE_INFINITY;
    for (const order of [...orderChange.before, orderChange.after]) {
      const timeMs = placedOf(order)?.[1];
      if (timeMs === undefined) continue;
      fromMs = Math.min(fromMs, timeMs);
      toMs = Math.max(toMs, timeMs);
    }
    collect(state, fromMs, toMs, -1);
    replaceOrders(orders, orderChange);
    collect(state, fromMs, toMs, 1);
    change.emit(output);
    if (orderChange.code !== undefined) output.count(orderChange.code);
    if (orders.length > ORDERS_MAX) {
      forgetOldestOrder(state);
      output.count('ORDER_LIMIT_REACHED');
    }
    prune(state, pruneBy(event.occurred_at, record), config);
  }

  return defineOperator<AttributionState>({
    name: 'attribution',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ touches: [], sessions: [] }),
    apply: { 'weir.clicks': applyClick, 'weir.orders': applyOrder },
    expiresAtMs: (state) => expiresAtMs(state, config),
    stateBytes: ({ touches, sessions, orders }) =>
      STATE_BYTES +
      touches.length * TOUCH_BYTES +
      sessions.length * SESSION_BYTES +
      (orders?.length ?? 0) * ORDER_BYTES,
  });
}

/**
 * The watermark by which old state is judged. While history is read beside live traffic the task's
 * watermark is far ahead of it, so the event in hand has its say.
 */
function pruneBy(timeMs: number, record: RecordContext): number {
  return Math.min(timeMs, record.watermarkMs);
}
