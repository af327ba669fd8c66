import type { Click } from '../../schemas/events/click.ts';
import type { Order } from '../../schemas/events/order.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import { type Standing, type StandingChange, isWithdrawn } from '../engine/operator/standing.ts';
import type { AttributionConfig } from './config.ts';
import { CreditChange } from './credit.ts';
import {
  ORDERS_MAX,
  changeBy,
  conversionOf,
  conversionTimeMs,
  timesOf,
  withChange,
} from './orders.ts';
import {
  type AttributionState,
  expiresAtMs,
  forgetOldestOrder,
  mergeStates,
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
 * Most clicks come after the visitor's last order, reach none and skip both. Of what a verdict
 * withdraws, no touch is credited, and no order gives credit.
 */
export function createAttributionOperator(config: AttributionConfig): Operator {
  const crediting = new Crediting(config);
  return defineOperator<AttributionState>({
    name: 'attribution',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ touches: [], sessions: [] }),
    apply: {
      'weir.clicks': (state, click, output, record) => {
        crediting.takeClick(state, click, output, record);
      },
      'weir.orders': (state, order, output, record) => {
        crediting.takeOrder(state, order, output, record);
      },
    },
    reconsider: (state, change, output) => {
      crediting.reconsider(state, change, output);
    },
    merge: (state, other) => {
      mergeStates(state, other, config);
    },
    expiresAtMs: (state) => expiresAtMs(state, config),
    stateBytes: ({ touches, sessions, orders }) =>
      STATE_BYTES +
      touches.length * TOUCH_BYTES +
      sessions.length * SESSION_BYTES +
      (orders?.length ?? 0) * ORDER_BYTES,
  });
}

/** The conversions whose credit may change, by their times, ends included, and the standing of their visitor. */
interface Reached {
  readonly fromMs: number;
  readonly toMs: number;
  readonly standing: Standing | undefined;
}

const ALL_TIMES = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

class Crediting {
  readonly #config: AttributionConfig;
  readonly #change: CreditChange;

  constructor(config: AttributionConfig) {
    this.#config = config;
    this.#change = new CreditChange(config.models, config.halfLifeMs);
  }

  takeClick(state: AttributionState, click: Click, output: Output, record: RecordContext): void {
    // Neither is a net click: views are not credited, and do not keep a session alive.
    if (click.kind === 'impression' || click.kind === 'beacon') return;
    const fromMs = click.occurred_at;
    const sessionCount = state.sessions.length;
    if (newestConversionMs(state) < fromMs) {
      this.#addClick(state, click, output);
    } else {
      const toMs = reachMs(state, fromMs, this.#config.sessionGapMs);
      const reached = { fromMs, toMs, standing: record.standing };
      this.#collect(state, reached, -1);
      this.#addClick(state, click, output);
      this.#collect(state, reached, 1);
      this.#change.emit(output);
    }
    if (state.sessions.length > sessionCount) this.#prune(state, fromMs, record);
  }

  takeOrder(state: AttributionState, order: Order, output: Output, record: RecordContext): void {
    const orderChange = changeBy(state.orders ?? [], order, this.#config.returnsKeptMs);
    if (orderChange === undefined) return;
    const times = timesOf(orderChange);
    const reached = times && { ...times, standing: record.standing };
    if (reached !== undefined) this.#collect(state, reached, -1);
    state.orders = withChange(state.orders ?? [], orderChange);
    if (reached !== undefined) this.#collect(state, reached, 1);
    this.#change.emit(output);
    if (orderChange.code !== undefined) output.count(orderChange.code);
    if (state.orders.length > ORDERS_MAX) {
      forgetOldestOrder(state);
      output.count('ORDER_LIMIT_REACHED');
    }
    this.#prune(state, order.occurred_at, record);
  }

  reconsider(state: AttributionState, { before, after }: StandingChange, output: Output): void {
    if (state.orders === undefined) return;
    this.#collect(state, { ...ALL_TIMES, standing: before }, -1);
    this.#collect(state, { ...ALL_TIMES, standing: after }, 1);
    this.#change.emit(output);
  }

  #addClick(state: AttributionState, click: Click, output: Output): void {
    const { sessionGapMs, touchesMax } = this.#config;
    addClick(state, click, sessionGapMs);
    if (state.touches.length <= touchesMax) return;
    const droppedCount = limitTouches(state, spanAround(state, click.occurred_at), touchesMax);
    for (let count = 0; count < droppedCount; count += 1) output.count('TOUCH_LIMIT_REACHED');
  }

  /** Gives or takes back the credit of the conversions at these times, ends included, and of the next. */
  #collect(state: AttributionState, { fromMs, toMs, standing }: Reached, sign: 1 | -1): void {
    const { lookbackMs, touchesMax } = this.#config;
    let afterMs = state.pathsFromMs ?? Number.NEGATIVE_INFINITY;
    for (const order of state.orders ?? []) {
      const timeMs = conversionTimeMs(order);
      if (timeMs === undefined) continue;
      const conversion = timeMs < fromMs ? undefined : conversionOf(order);
      if (conversion !== undefined) {
        const span = { afterMs: Math.max(afterMs, timeMs - lookbackMs - 1), untilMs: timeMs };
        if (!isWithdrawn(standing, timeMs)) {
          const path = pathIn(state, span, { touchesMax, standing });
          this.#change.add(conversion, path, sign);
        }
        if (timeMs > toMs) return;
      }
      afterMs = Math.max(afterMs, timeMs);
    }
  }

  #prune(state: AttributionState, timeMs: number, record: RecordContext): void {
    // While history is read beside live traffic the task's watermark is far ahead of it, so the
    // event in hand has its say.
    prune(state, Math.min(timeMs, record.watermarkMs), this.#config);
  }
}
