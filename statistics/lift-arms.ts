import type { AdjustableSums } from './adjusted.ts';
import { type OutcomeSums, type Sample, meanOf, proportionOf } from './two-samples.ts';

/** What a test knows of the visitors of one arm: sums over them, amounts in minor units. */
export interface ArmSums {
  readonly visitors: number;
  readonly converters: number;
  readonly orders: number;
  readonly orders_squared: number;
  readonly revenue_minor: number;
  readonly revenue_squared: number;
  readonly revenue_by_orders: number;
  readonly margin_minor: number;
  readonly margin_squared: number;
  /** Ordered in the 14 days before a visitor's first click. */
  readonly before_minor: number;
  readonly before_squared: number;
  readonly before_by_revenue: number;
  readonly before_by_converters: number;
  readonly before_by_orders: number;
  /** Visitors that the bot filter has removed; in none of the other sums. */
  readonly filtered: number;
  /** Visitors that were seen in both arms; in none of the other sums. */
  readonly excluded: number;
}

/** The names of the sums, which are those of the stored columns. */
export const ARM_SUMS = [
  'visitors',
  'converters',
  'orders',
  'orders_squared',
  'revenue_minor',
  'revenue_squared',
  'revenue_by_orders',
  'margin_minor',
  'margin_squared',
  'before_minor',
  'before_squared',
  'before_by_revenue',
  'before_by_converters',
  'before_by_orders',
  'filtered',
  'excluded',
] as const satisfies readonly (keyof ArmSums)[];

/** An arm without a visitor. */
export const NOBODY: ArmSums = {
  visitors: 0,
  converters: 0,
  orders: 0,
  orders_squared: 0,
  revenue_minor: 0,
  revenue_squared: 0,
  revenue_by_orders: 0,
  margin_minor: 0,
  margin_squared: 0,
  before_minor: 0,
  before_squared: 0,
  before_by_revenue: 0,
  before_by_converters: 0,
  before_by_orders: 0,
  filtered: 0,
  excluded: 0,
};

/** What can be compared between arms. */
export type ArmOutcome = 'converted' | 'orders' | 'revenue' | 'margin';

/** The visitors of both. */
export function addArms(a: ArmSums, b: ArmSums): ArmSums {
  const sum = { ...a };
  for (const name of ARM_SUMS) sum[name] = a[name] + b[name];
  return sum;
}

/** The arm's mean per visitor of an outcome. */
export function sampleOf(arm: ArmSums, outcome: ArmOutcome): Sample {
  if (outcome === 'converted') return proportionOf(arm.visitors, arm.converters);
  return meanOf(outcomeSums(arm, outcome));
}

/** The arm with what was known before the test; margin has no such sums. */
export function adjustableOf(arm: ArmSums, outcome: Exclude<ArmOutcome, 'margin'>): AdjustableSums {
  const products = {
    converted: arm.before_by_converters,
    orders: arm.before_by_orders,
    revenue: arm.before_by_revenue,
  };
  return {
    outcome: outcomeSums(arm, outcome),
    before: { count: arm.visitors, sum: arm.before_minor, sumOfSquares: arm.before_squared },
    sumOfProducts: products[outcome],
  };
}

/** Sums of an outcome over the visitors of an arm. */
export function outcomeSums(arm: ArmSums, outcome: ArmOutcome): OutcomeSums {
  const count = arm.visitors;
  switch (outcome) {
    case 'converted':
      return { count, sum: arm.converters, sumOfSquares: arm.converters };
    case 'orders':
      return { count, sum: arm.orders, sumOfSquares: arm.orders_squared };
    case 'revenue':
      return { count, sum: arm.revenue_minor, sumOfSquares: arm.revenue_squared };
    case 'margin':
      return { count, sum: arm.margin_minor, sumOfSquares: arm.margin_squared };
  }
}
