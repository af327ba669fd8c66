import type { Click } from '../../schemas/events/click.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import { NEW_IN_DAY, NEW_IN_HOUR, NEW_IN_MINUTE } from './cells.ts';
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
 * minute, hour and day. Beacons count nothing; impressions make no visitor and no session.
 */
export function createTrafficOperator(config: VisitsConfig): Operator {
  return defineOperator<Visits>({
    name: 'traffic',
    stage: 'visitor',
    stateVersion: 1,
    createState: createVisits,
    apply: {
      'weir.clicks': (visits, click, output, record) => {
        applyClick(visits, click, output, { config, watermarkMs: record.watermarkMs });
      },
    },
    expiresAtMs: (visits) => visitsExpireAtMs(visits, config),
    stateBytes: visitsBytes,
  });
}

function applyClick(
  visits: Visits,
  click: Click,
  output: Output,
  context: { readonly config: VisitsConfig; readonly watermarkMs: number },
): void {
  const { kind, channel, occurred_at: timeMs } = click;
  if (kind === 'beacon') return;
  const dimensions = [channel, NO_CURRENCY];
  if (kind === 'impression') {
    output.add(CHANNEL_1M, timeMs, dimensions, IMPRESSIONS, 1);
    return;
  }
  output.add(CHANNEL_1M, timeMs, dimensions, CLICKS_GROSS, 1);
  const isAddToCart = kind === 'add_to_cart';
  if (isAddToCart) output.add(CHANNEL_1M, timeMs, dimensions, ADD_TO_CARTS, 1);
  const news = addVisit(
    visits,
    { channel, timeMs, isAddToCart, watermarkMs: context.watermarkMs },
    context.config,
    (startMs, firstChannel, amount) => {
      output.add(CHANNEL_1M, startMs, [firstChannel, NO_CURRENCY], SESSIONS, amount);
    },
  );
  if (news === 0) return;
  if (news === UNMATCHED) {
    output.count('TRAFFIC_VISITOR_HISTORY_FULL');
    return;
  }
  if ((news & NEW_IN_MINUTE) !== 0) output.add(CHANNEL_1M, timeMs, dimensions, VISITORS, 1);
  if ((news & NEW_IN_HOUR) !== 0) output.add(CHANNEL_VISITORS_1H, timeMs, [channel], 0, 1);
  if ((news & NEW_IN_DAY) !== 0) output.add(CHANNEL_VISITORS_1D, timeMs, [channel], 0, 1);
}
