import { type JsonObject, instantIn, numberIn, textIn } from './rows.ts';

/** Clicks of one minute, channel and reason that are held to be a machine's. */
export interface BotClicksRow {
  readonly window_start: number;
  readonly channel: string;
  readonly reason: string;
  /** They count, and look like a machine's. */
  readonly clicks_suspect: number;
  readonly clicks_givt: number;
  readonly clicks_sivt: number;
}

/** Clicks taken out of the net less those given back, by the minute of the decision. */
export interface BotWithdrawalRow {
  readonly window_start: number;
  readonly channel: string;
  readonly reason: string;
  readonly clicks: number;
}

export function parseBotClicksRow(row: JsonObject): BotClicksRow | undefined {
  const key = parseKey(row);
  return (
    key && {
      ...key,
      clicks_suspect: numberIn(row, 'clicks_suspect') ?? 0,
      clicks_givt: numberIn(row, 'clicks_givt') ?? 0,
      clicks_sivt: numberIn(row, 'clicks_sivt') ?? 0,
    }
  );
}

export function parseBotWithdrawalRow(row: JsonObject): BotWithdrawalRow | undefined {
  const key = parseKey(row);
  return key && { ...key, clicks: numberIn(row, 'clicks') ?? 0 };
}

function parseKey(
  row: JsonObject,
):
  | { readonly window_start: number; readonly channel: string; readonly reason: string }
  | undefined {
  const start = instantIn(row, 'window_start');
  const channel = textIn(row, 'channel');
  const reason = textIn(row, 'reason');
  if (start === undefined || channel === undefined || reason === undefined) return undefined;
  return { window_start: start, channel, reason };
}
