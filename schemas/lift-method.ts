/**
 * How a number about a channel's effect came about, most trustworthy first. Only the first is called
 * incremental; the order is fixed, and so is the colour of each.
 */
export const LIFT_METHODS = [
  'RANDOMISED',
  'GEO_DID',
  'BASELINE',
  'PRE_POST',
  'ATTRIBUTED',
] as const;

/** The methods that need no holdout, by the word for them in the configuration. */
export const COMPARISON_METHODS = ['geo_did', 'baseline', 'pre_post'] as const;

/** What a comparison is about: orders placed, or their value. */
export const COMPARISON_OUTCOMES = ['orders', 'revenue'] as const;

/** A comparison of sales before and after a channel was switched on or off, without a holdout. */
export interface LiftComparison {
  readonly id: string;
  readonly channel: string;
  readonly method: (typeof COMPARISON_METHODS)[number];
  readonly outcome: (typeof COMPARISON_OUTCOMES)[number];
  /** Start of a UTC day, epoch milliseconds: the first one with the change. */
  readonly start: number | undefined;
  /** The first UTC day without it; undefined while it goes on. */
  readonly stop: number | undefined;
  /** How much of the time before the start is compared with, milliseconds. */
  readonly before: number;
  /** Regions of orders with the change, all others are controls; undefined: everywhere. */
  readonly regions: readonly string[] | undefined;
}
