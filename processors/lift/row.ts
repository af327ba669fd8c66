import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';

/** What a verdict is about: who ordered at all, how many orders, or how much they brought. */
export const OUTCOMES = ['converted', 'orders', 'revenue'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A randomised holdout of one channel. Nothing but `stopMs` may change once it has begun. */
export interface LiftTest {
  /** Unique; names the rows of the test. */
  readonly id: string;
  readonly channel: string;
  /** Decides with the channel who is held out; a salt of its own makes tests independent. */
  readonly salt: string;
  /** Part of all visitors that is held out of the channel, 0.01 to 0.5. */
  readonly share: number;
  /** Visitors count from their first click in [startMs, stopMs), UTC milliseconds; a UTC day starts at startMs. */
  readonly startMs: number;
  readonly stopMs: number | undefined;
  /** What a visitor orders this long after that click counts, milliseconds. */
  readonly horizonMs: number;
  /** Visitors expected at the decision (N*): the interval is narrowest there. */
  readonly plannedVisitors: number;
  /** The outcome that the verdict is about. */
  readonly outcome: Outcome;
  /** A visitor's revenue, margin and earlier revenue are capped at this many minor units. */
  readonly valueMinorMax: number;
}

/** How long before the first click orders tell what a visitor was worth before. */
export const BEFORE_MS = 14 * DAY_MS;

/**
 * Squares and products of amounts are kept in two sums, high · 2²⁶ + low, because a single one leaves
 * the safe integers: amounts up to this stay exact when they are squared.
 */
export const VALUE_MINOR_MAX = 90_000_000;
export const HIGH_UNIT = 2 ** 26;

/**
 * Cohorts of a test: visitors whose first click falls into the same hour, or minute where the horizon
 * is shorter than a day. A whole cohort matures at once, its length and the horizon after its start.
 */
export function cohortMsOf(horizonMs: number): number {
  return horizonMs < DAY_MS ? MINUTE_MS : HOUR_MS;
}

/** Visitors who had ordered in the 14 days before their first click, and all others. */
export const STRATA = ['known', 'new'] as const;
export type Stratum = (typeof STRATA)[number];

/**
 * Sums of a test per cohort, arm and stratum. The window is a minute; rows start where a cohort does.
 */
export const LIFT_COHORTS = {
  kind: 'sums',
  name: 'lift_cohorts_rows',
  windowMs: MINUTE_MS,
  dimensions: ['test', 'channel', 'arm', 'stratum'],
  sums: [
    'visitors',
    'converters',
    'orders',
    'orders_squared',
    'revenue_minor',
    'revenue_squared_high',
    'revenue_squared_low',
    'revenue_by_orders',
    'margin_minor',
    'margin_squared_high',
    'margin_squared_low',
    'before_minor',
    'before_squared_high',
    'before_squared_low',
    'before_by_revenue_high',
    'before_by_revenue_low',
    'before_by_converters',
    'before_by_orders',
    'filtered',
    'excluded',
  ],
} as const;
