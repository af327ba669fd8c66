import { MINUTE_MS } from '../../../../schemas/time.ts';
import type { BotClicksRow, BotWithdrawalRow } from '../live/bot-rows.ts';
import type { ChannelRow } from '../live/rows.ts';

/** Minutes of traffic that are judged on the page, by event time. */
export const QUALITY_MINUTES = 60;
/** How long a withdrawal is new, by the time of the decision. */
export const WITHDRAWN_MINUTES = 15;

/** Clicks of a channel, or of all, and how many of them are machines'. */
export interface ClickQuality {
  readonly gross: number;
  readonly givt: number;
  readonly sivt: number;
  /** Part of the net. */
  readonly suspect: number;
  readonly net: number;
  /** Taken out of the net lately, less what was given back. */
  readonly withdrawn: number;
}

export interface ChannelQuality extends ClickQuality {
  readonly channel: string;
  /** Most clicks first. */
  readonly reasons: readonly {
    readonly reason: string;
    /** Withdrawn, or suspect where the channel withdrew none for it. */
    readonly clicks: number;
    readonly withdrawn: number;
  }[];
}

interface Sums {
  gross: number;
  givt: number;
  sivt: number;
  suspect: number;
  withdrawn: number;
  readonly reasons: Map<string, { clicks: number; withdrawn: number }>;
}

/** The newest hour of traffic by channel, most clicks first, and what was withdrawn lately. */
export function trafficQuality(
  rows: {
    readonly channels: Iterable<ChannelRow>;
    readonly bots: Iterable<BotClicksRow>;
    readonly withdrawals: Iterable<BotWithdrawalRow>;
  },
  at: {
    /** Start of the newest minute of traffic. */
    readonly newestWindowStart: number;
    /** The server's clock. */
    readonly nowMs: number;
  },
): readonly ChannelQuality[] {
  const channels = new Map<string, Sums>();
  const fromMs = at.newestWindowStart - QUALITY_MINUTES * MINUTE_MS;
  for (const row of rows.channels) {
    if (row.window_start <= fromMs || row.clicks_gross === 0) continue;
    sumsOf(channels, row.channel).gross += row.clicks_gross;
  }
  for (const row of rows.bots) {
    if (row.window_start <= fromMs) continue;
    const sums = sumsOf(channels, row.channel);
    sums.givt += row.clicks_givt;
    sums.sivt += row.clicks_sivt;
    sums.suspect += row.clicks_suspect;
    reasonOf(sums, row.reason).clicks += row.clicks_givt + row.clicks_sivt + row.clicks_suspect;
  }
  for (const row of rows.withdrawals) {
    if (row.window_start <= at.nowMs - (WITHDRAWN_MINUTES + 1) * MINUTE_MS) continue;
    const sums = sumsOf(channels, row.channel);
    sums.withdrawn += row.clicks;
    reasonOf(sums, row.reason).withdrawn += row.clicks;
  }
  return [...channels]
    .map(([channel, sums]) => ({
      channel,
      ...sums,
      net: sums.gross - sums.givt - sums.sivt,
      reasons: [...sums.reasons]
        .map(([reason, counts]) => ({ reason, ...counts }))
        .filter(({ clicks, withdrawn }) => clicks !== 0 || withdrawn !== 0)
        .toSorted((a, b) => b.clicks - a.clicks || (a.reason < b.reason ? -1 : 1)),
    }))
    .toSorted((a, b) => b.gross - a.gross || (a.channel < b.channel ? -1 : 1));
}

/** All channels together. */
export function totalQuality(channels: readonly ChannelQuality[]): ClickQuality {
  const total = { gross: 0, givt: 0, sivt: 0, suspect: 0, net: 0, withdrawn: 0 };
  for (const channel of channels) {
    total.gross += channel.gross;
    total.givt += channel.givt;
    total.sivt += channel.sivt;
    total.suspect += channel.suspect;
    total.net += channel.net;
    total.withdrawn += channel.withdrawn;
  }
  return total;
}

function sumsOf(channels: Map<string, Sums>, channel: string): Sums {
  let sums = channels.get(channel);
  if (sums === undefined) {
    sums = { gross: 0, givt: 0, sivt: 0, suspect: 0, withdrawn: 0, reasons: new Map() };
    channels.set(channel, sums);
  }
  return sums;
}

function reasonOf({ reasons }: Sums, reason: string): { clicks: number; withdrawn: number } {
  let counts = reasons.get(reason);
  if (counts === undefined) {
    counts = { clicks: 0, withdrawn: 0 };
    reasons.set(reason, counts);
  }
  return counts;
}
