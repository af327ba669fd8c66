import { duration, flag, integer, optionalTexts, text } from './setting.ts';

/** A weight of an hour: zero or more, with decimals. */
const WEIGHT = /^\d{1,9}(\.\d{1,9})?$/;

/** Weights of a profile: one for each hour of a day, or of a week. */
const PROFILE_LENGTHS: ReadonlySet<number> = new Set([24, 168]);

/** What can be set about stock; `weir.example.yaml` says what each is for. */
export const STOCK_SETTINGS = {
  sequence_gaps: flag(true),
  lead_time: duration('5d', { min: '1m', max: '365d' }),
  review_period: duration('1d', { min: '0ms', max: '90d' }),
  profile: optionalTexts(
    '24 weights for the hours of a day, or 168 for those of a week from Monday 00:00 UTC',
    (value) => WEIGHT.test(value),
  ),
  substitution_percent: integer(0, { min: 0, max: 100 }),
  price_channel: text('dtc', 'the name of a channel', (value) => value.trim() !== ''),
} as const;

/** Whether weights are as many as the hours of a day or of a week, and not all zero. */
export function isProfile(weights: readonly string[]): boolean {
  return PROFILE_LENGTHS.has(weights.length) && weights.some((weight) => Number(weight) > 0);
}
