import type { Click } from '../../schemas/events/click.ts';
import type { Order } from '../../schemas/events/order.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import type { LiftConfig } from './config.ts';
import { contributionsOf, emitChange } from './contribution.ts';
import { orderEventOf, withEvent } from './orders.ts';
import {
  type LiftState,
  type Seen,
  daysOf,
  expiresAtMs,
  heldAgainst,
  heldOf,
  isNews,
  mergeStates,
  pruneDays,
  pruneOrders,
  seenAs,
  seenIn,
  takeClick,
} from './state.ts';

/**
 * Most events of orders kept of one visitor. Shared identities (a till, an agent) have more than any
 * person; beyond it new ones count nothing, so that squares already counted can still be taken back.
 */
export const ORDER_EVENTS_MAX = 300;

/** Rough sizes in memory, with identifiers of 36 characters. */
const STATE_BYTES = 80;
const NUMBER_BYTES = 8;
const ORDER_EVENT_BYTES = 200;

/**
 * Counts the visitors of every test by arm, and what they ordered within the horizon.
 *
 * Intention to treat: a visitor is in the arm that the salt gives it, from its first net click of any
 * channel, whether it ever met the tested channel or not. An impression makes nobody eligible: those
 * held out see none, and the arms would differ by it. Days that are withdrawn from a visitor never
 * were; one that has no other day is counted as removed from its arm.
 */
export function createLiftOperator(config: LiftConfig): Operator {
  return defineOperator<LiftState>({
    name: 'lift',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ days: [] }),
    apply: {
      'weir.clicks': (state, click, output, record) => {
        applyClick(state, click, output, { config, record });
      },
      'weir.orders': (state, order, output, record) => {
        applyOrder(state, order, output, { config, record });
      },
    },
    reconsider: (state, standing, output) => {
      const before = contributionsOf(state, standing.before, config);
      const after = contributionsOf(state, standing.after, config);
      emitChange(output, { before, after }, config);
    },
    merge: (state, other) => {
      mergeStates(state, other);
    },
    expiresAtMs: (state) => expiresAtMs(state, config),
    stateBytes: (state) =>
      STATE_BYTES +
      daysOf(state).length * NUMBER_BYTES +
      (state.orders?.length ?? 0) * ORDER_EVENT_BYTES,
  });
}

function applyClick(
  state: LiftState,
  click: Click,
  output: Output,
  { config, record }: { readonly config: LiftConfig; readonly record: RecordContext },
): void {
  const { kind, occurred_at: timeMs } = click;
  if (kind === 'impression' || kind === 'beacon') return;
  const id = record.member?.id ?? click.visitor_id;
  const crossed = click.arm === null ? undefined : heldAgainst(id, click, config);
  if (crossed !== undefined) output.count('LIFT_ARM_DIFFERS');
  const seen = seenAs(state, { id, isMember: record.member !== undefined }, config);
  const isNew = isNews(seen, timeMs);
  // Nearly every click is not the first of its day.
  if (!isNew && crossed === undefined) return;
  const { standing } = record;
  const watermarkMs = Math.min(timeMs, record.watermarkMs);
  const before = contributionsOf(state, standing, config);
  const take = (where: Seen, held: readonly string[]): void => {
    pruneDays(where, { watermarkMs, standing }, config);
    takeClick(where, { timeMs, held }, config);
  };
  if (isNew) take(seen, heldOf(id, config));
  if (crossed !== undefined) {
    // The assignment says one arm and the click another: the visitor is seen in both.
    const other = seenIn(state, crossed);
    if (isNews(other, timeMs)) take(other, crossed);
  }
  emitChange(output, { before, after: contributionsOf(state, standing, config) }, config);
}

function applyOrder(
  state: LiftState,
  order: Order,
  output: Output,
  { config, record }: { readonly config: LiftConfig; readonly record: RecordContext },
): void {
  const event = orderEventOf(order, config.currency);
  if (event === undefined) return;
  if (order.currency !== config.currency) output.count('LIFT_CURRENCY_DIFFERS');
  // While history is read beside live traffic the task's watermark is far ahead of it, so the event
  // in hand has its say.
  pruneOrders(state, Math.min(order.occurred_at, record.watermarkMs), config);
  const events = state.orders ?? [];
  if (events.length >= ORDER_EVENTS_MAX) {
    output.count('LIFT_ORDER_LIMIT_REACHED');
    return;
  }
  const before = contributionsOf(state, record.standing, config);
  state.orders = withEvent(events, event);
  emitChange(output, { before, after: contributionsOf(state, record.standing, config) }, config);
}
