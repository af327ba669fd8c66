import { HOUR_MS } from '../../schemas/time.ts';

/** Every attribution model, in the order in which they are shown. */
export const MODELS = [
  'first',
  'last',
  'last_non_direct',
  'linear',
  'position',
  'time_decay',
  'shapley',
] as const;
export type Model = (typeof MODELS)[number];

/** The channel of visitors who came by themselves; `last_non_direct` looks past it. */
export const DIRECT_CHANNEL = 'direct';

/** The channel that is credited when a conversion has no touch; no click may claim it. */
export const UNATTRIBUTED_CHANNEL = 'unattributed';

/** Thousandths of a conversion that each conversion hands out, per model. */
export const CONVERSION_MILLI = 1_000;

/**
 * Credit per hour of the conversion, model, channel, campaign and currency; campaign is empty text
 * where a click names none.
 */
export const ATTRIBUTION_1H = {
  kind: 'sums',
  name: 'attribution_1h_rows',
  windowMs: HOUR_MS,
  dimensions: ['model', 'channel', 'campaign', 'currency'],
  sums: ['conversions_milli', 'credit_minor'],
} as const;

/** Indexes into `ATTRIBUTION_1H.sums`. */
export const CONVERSIONS_MILLI = 0;
export const CREDIT_MINOR = 1;
