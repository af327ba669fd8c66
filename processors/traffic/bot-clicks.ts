import type { Output } from '../engine/operator/operator.ts';
import type { StandingSpan, VerdictTier } from '../engine/operator/standing.ts';
import { BOT_CLICKS_1M, BOT_WITHDRAWALS_1M, CHANNEL_1M, NO_CURRENCY, channelSum } from './row.ts';

/** The sum of withdrawn clicks of a channel, by tier. */
const OF_CHANNEL: Readonly<Record<1 | 2, number>> = {
  1: channelSum('clicks_givt'),
  2: channelSum('clicks_sivt'),
};

/** The sum of a reason's clicks, by tier. */
const OF_REASON: Readonly<Record<VerdictTier, number>> = {
  0: BOT_CLICKS_1M.sums.indexOf('clicks_suspect'),
  1: BOT_CLICKS_1M.sums.indexOf('clicks_givt'),
  2: BOT_CLICKS_1M.sums.indexOf('clicks_sivt'),
};

/** Adds clicks of one minute and channel to what is held to be a machine's; negative gives them back. */
export function addHeldClicks(
  output: Output,
  cell: {
    readonly timeMs: number;
    readonly channel: string;
    /** When the log took the record that decided, UTC milliseconds. */
    readonly appendedAtMs: number;
  },
  { tier, reason }: StandingSpan,
  clicks: number,
): void {
  const { timeMs, channel, appendedAtMs } = cell;
  const dimensions = [channel, reason];
  output.add(BOT_CLICKS_1M, timeMs, dimensions, OF_REASON[tier], clicks);
  if (tier === 0) return;
  output.add(CHANNEL_1M, timeMs, [channel, NO_CURRENCY], OF_CHANNEL[tier], clicks);
  output.add(BOT_WITHDRAWALS_1M, appendedAtMs, dimensions, 0, clicks);
}
