import type { Click } from '../../schemas/events/click.ts';
import {
  type Operator,
  type Output,
  type RecordContext,
  defineOperator,
} from '../engine/operator/operator.ts';
import { GONE, type StandingChange, isWithdrawn, spanAt } from '../engine/operator/standing.ts';
import { addHeldClicks } from './bot-clicks.ts';
import { NEW_IN_DAY, NEW_IN_HOUR, NEW_IN_MINUTE, forEachCell } from './cells.ts';
import {
  CHANNEL_1M,
  CHANNEL_VISITORS_1D,
  CHANNEL_VISITORS_1H,
  NO_CURRENCY,
  channelSum,
} from './row.ts';
import {
  type Visits,
  type VisitsConfig,
  UNMATCHED,
  addVisit,
  createVisits,
  forEachSession,
  mergeVisits,
  visitsBytes,
  visitsExpireAtMs,
} from './visits.ts';

const IMPRESSIONS = channelSum('impressions');
const CLICKS_GROSS = channelSum('clicks_gross');
const VISITORS = channelSum('visitors');
const SESSIONS = channelSum('sessions');
const ADD_TO_CARTS = channelSum('add_to_carts');

/**
 * Counts what visitors do: impressions, clicks, adds to cart, sessions, and distinct visitors per
 * minute, hour and day. Beacons count nothing; impressions make no visitor and no session. Of what a
 * verdict withdraws, the clicks stay in the gross count and nothing else does.
 */
export function createTrafficOperator(config: VisitsConfig): Operator {
  return defineOperator<Visits>({
    name: 'traffic',
    stage: 'visitor',
    stateVersion: 1,
    createState: createVisits,
    apply: {
      'weir.clicks': (visits, click, output, record) => {
        applyClick({ visits, config }, click, output, record);
      },
    },
    reconsider: reconsiderVisits,
    merge: (visits, other) => {
      mergeVisits(visits, other, config);
    },
    expiresAtMs: (visits) => visitsExpireAtMs(visits, config),
    stateBytes: visitsBytes,
  });
}

function applyClick(
  { visits, config }: { readonly visits: Visits; readonly config: VisitsConfig },
  click: Click,
  output: Output,
  { standing, watermarkMs, appendedAtMs }: RecordContext,
): void {
  const { kind, channel, occurred_at: timeMs } = click;
  if (kind === 'beacon') return;
  const dimensions = [channel, NO_CURRENCY];
  if (kind === 'impression') {
    output.add(CHANNEL_1M, timeMs, dimensions, IMPRESSIONS, 1);
    return;
  }
  output.add(CHANNEL_1M, timeMs, dimensions, CLICKS_GROSS, 1);
  const held = spanAt(standing, timeMs);
  if (held !== undefined) addHeldClicks(output, { timeMs, channel, appendedAtMs }, held, 1);
  const tier = held?.tier ?? 0;
  const isAddToCart = kind === 'add_to_cart';
  if (tier === 0 && isAddToCart) output.add(CHANNEL_1M, timeMs, dimensions, ADD_TO_CARTS, 1);
  const news = addVisit(
    visits,
    { channel, timeMs, isAddToCart, watermarkMs },
    config,
    (startMs, firstChannel, amount) => {
      if (isWithdrawn(standing, startMs)) return;
      output.add(CHANNEL_1M, startMs, [firstChannel, NO_CURRENCY], SESSIONS, amount);
    },
  );
  if (news === UNMATCHED) output.count('TRAFFIC_VISITOR_HISTORY_FULL');
  else if (tier === 0) addVisitor(output, { timeMs, channel }, news, 1);
}

/** Emits what the visitor contributes by the new standing less what it did by the old one. */
function reconsiderVisits(
  visits: Visits,
  { before, after }: StandingChange,
  output: Output,
  { appendedAtMs }: RecordContext,
): void {
  forEachCell(visits.cells, ({ channelIndex, timeMs, clicks, carts, news }) => {
    const heldBefore = spanAt(before, timeMs);
    const heldAfter = spanAt(after, timeMs);
    if (heldBefore?.tier === heldAfter?.tier && heldBefore?.reason === heldAfter?.reason) return;
    const channel = visits.channels[channelIndex] ?? '';
    const cell = { timeMs, channel, appendedAtMs };
    if (heldBefore !== undefined && before !== GONE)
      addHeldClicks(output, cell, heldBefore, -clicks);
    if (heldAfter !== undefined && after !== GONE) addHeldClicks(output, cell, heldAfter, clicks);
    const sign = Number((heldAfter?.tier ?? 0) === 0) - Number((heldBefore?.tier ?? 0) === 0);
    if (sign === 0) return;
    output.add(CHANNEL_1M, timeMs, [channel, NO_CURRENCY], ADD_TO_CARTS, sign * carts);
    addVisitor(output, { timeMs, channel }, news, sign);
  });
  forEachSession(visits, (startMs, channel) => {
    const amount = Number(!isWithdrawn(after, startMs)) - Number(!isWithdrawn(before, startMs));
    if (amount !== 0) output.add(CHANNEL_1M, startMs, [channel, NO_CURRENCY], SESSIONS, amount);
  });
}

/** Counts a visitor in the minute, hour and day of which `news` says that it is the first in its channel. */
function addVisitor(
  output: Output,
  { timeMs, channel }: { readonly timeMs: number; readonly channel: string },
  news: number,
  amount: number,
): void {
  if ((news & NEW_IN_MINUTE) !== 0)
    output.add(CHANNEL_1M, timeMs, [channel, NO_CURRENCY], VISITORS, amount);
  if ((news & NEW_IN_HOUR) !== 0) output.add(CHANNEL_VISITORS_1H, timeMs, [channel], 0, amount);
  if ((news & NEW_IN_DAY) !== 0) output.add(CHANNEL_VISITORS_1D, timeMs, [channel], 0, amount);
}
