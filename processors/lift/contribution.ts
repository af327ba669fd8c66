import type { Arm } from '../../schemas/assignment.ts';
import type { Output } from '../engine/operator/operator.ts';
import { GONE, HUMAN, type Standing, isWithdrawn } from '../engine/operator/standing.ts';
import type { LiftConfig } from './config.ts';
import { type PlacedOrder, ordersIn, placedIn } from './orders.ts';
import {
  BEFORE_MS,
  HIGH_UNIT,
  LIFT_COHORTS,
  type LiftTest,
  type Stratum,
  cohortMsOf,
} from './row.ts';
import { type LiftState, type Seen, daysOf, firstClickMs } from './state.ts';

/** What one visitor adds to the sums of one test. */
interface Contribution {
  readonly cohortStartMs: number;
  readonly arm: Arm;
  readonly stratum: Stratum;
  /** In the order of `LIFT_COHORTS.sums`. */
  readonly sums: readonly number[];
}

/** What a visitor adds to each test of the configuration, in its order; undefined to one it is not in. */
export type Contributions = readonly (Contribution | undefined)[];

/** All that a visitor contributes: a function of what is known of it, and of what is held of it. */
export function contributionsOf(
  state: LiftState,
  standing: Standing | undefined,
  config: LiftConfig,
): Contributions {
  if (standing === GONE || daysOf(state).length === 0) return [];
  const placed = ordersIn(state.orders ?? [], config.returnsKeptMs).flatMap(
    (events) => placedIn(events) ?? [],
  );
  const orders = placed.filter(({ placedMs }) => !isWithdrawn(standing, placedMs));
  return config.tests.map((test) => {
    const seen = firstSeen(state, test, standing);
    if (seen !== undefined) {
      const contribution = contributionTo(test, { ...seen, orders });
      return seen.isInBoth ? { ...contribution, sums: EXCLUDED } : contribution;
    }
    const removed = firstSeen(state, test, HUMAN);
    if (removed === undefined) return undefined;
    // All its days are withdrawn: it is one of those that the bot filter has removed from its arm.
    return { ...contributionTo(test, { ...removed, orders: placed }), sums: REMOVED };
  });
}

/** When the test first saw the visitor, in which arm, and whether it was seen in the other one too. */
function firstSeen(
  state: LiftState,
  test: LiftTest,
  standing: Standing | undefined,
): { readonly firstMs: number; readonly arm: Arm; readonly isInBoth: boolean } | undefined {
  const arm = armIn(state, test);
  let firstMs = firstClickMs(state, test, standing);
  if (state.others === undefined)
    return firstMs === undefined ? undefined : { firstMs, arm, isInBoth: false };
  let first: Arm | undefined = firstMs === undefined ? undefined : arm;
  let isInBoth = false;
  for (const seen of state.others) {
    const seenMs = firstClickMs(seen, test, standing);
    if (seenMs === undefined) continue;
    const other = armIn(seen, test);
    isInBoth ||= first !== undefined && other !== first;
    // At the same instant it is the holdout, so that the order of the ids does not matter.
    if (firstMs === undefined || seenMs < firstMs || (seenMs === firstMs && other === 'holdout')) {
      firstMs = seenMs;
      first = other;
    }
  }
  return firstMs === undefined || first === undefined
    ? undefined
    : { firstMs, arm: first, isInBoth };
}

function armIn({ held }: Seen, { id }: LiftTest): Arm {
  return held?.includes(id) === true ? 'holdout' : 'treated';
}

/** Adds after − before to the sums. */
export function emitChange(
  output: Output,
  change: { readonly before: Contributions; readonly after: Contributions },
  { tests }: LiftConfig,
): void {
  for (const [index, test] of tests.entries()) {
    const before = change.before[index];
    const after = change.after[index];
    if (before !== undefined && after !== undefined && isSamePlace(before, after)) {
      add(output, test, after, (sum) => (after.sums[sum] ?? 0) - (before.sums[sum] ?? 0));
      continue;
    }
    if (before !== undefined) add(output, test, before, (sum) => -(before.sums[sum] ?? 0));
    if (after !== undefined) add(output, test, after, (sum) => after.sums[sum] ?? 0);
  }
}

/** A visitor that the bot filter has removed. */
const REMOVED = oneOf('filtered');
/** A visitor that was seen in both arms. */
const EXCLUDED = oneOf('excluded');

function oneOf(counted: (typeof LIFT_COHORTS.sums)[number]): readonly number[] {
  return LIFT_COHORTS.sums.map((name) => (name === counted ? 1 : 0));
}

function contributionTo(
  test: LiftTest,
  visitor: { readonly firstMs: number; readonly orders: readonly PlacedOrder[]; readonly arm: Arm },
): Contribution {
  const { firstMs } = visitor;
  let orders = 0;
  let revenueMinor = 0;
  let marginMinor = 0;
  let beforeMinor = 0;
  let isKnown = false;
  for (const order of visitor.orders) {
    if (order.placedMs < firstMs) {
      if (order.placedMs < firstMs - BEFORE_MS) continue;
      // What became of it later must not matter: the channel may have had a part in that.
      isKnown = true;
      beforeMinor += order.placedMinor;
    } else if (order.placedMs < firstMs + test.horizonMs && !order.isCancelled) {
      orders += 1;
      revenueMinor += order.valueMinor;
      marginMinor += order.marginMinor;
    }
  }
  const capMinor = test.valueMinorMax;
  const cohortMs = cohortMsOf(test.horizonMs);
  return {
    cohortStartMs: Math.floor(firstMs / cohortMs) * cohortMs,
    arm: visitor.arm,
    stratum: isKnown ? 'known' : 'new',
    sums: sumsOf({
      orders,
      revenueMinor: Math.min(revenueMinor, capMinor),
      marginMinor: Math.max(-capMinor, Math.min(marginMinor, capMinor)),
      beforeMinor: Math.min(beforeMinor, capMinor),
    }),
  };
}

function sumsOf(visitor: {
  readonly orders: number;
  readonly revenueMinor: number;
  readonly marginMinor: number;
  readonly beforeMinor: number;
}): readonly number[] {
  const { orders, revenueMinor, marginMinor, beforeMinor } = visitor;
  const converters = orders > 0 ? 1 : 0;
  return [
    1,
    converters,
    orders,
    orders * orders,
    revenueMinor,
    ...highAndLow(revenueMinor * revenueMinor),
    revenueMinor * orders,
    marginMinor,
    ...highAndLow(marginMinor * marginMinor),
    beforeMinor,
    ...highAndLow(beforeMinor * beforeMinor),
    ...highAndLow(beforeMinor * revenueMinor),
    beforeMinor * converters,
    beforeMinor * orders,
    0,
    0,
  ];
}

/** A product of two capped amounts as high · 2²⁶ + low. */
function highAndLow(product: number): readonly [high: number, low: number] {
  const high = Math.floor(product / HIGH_UNIT);
  return [high, product - high * HIGH_UNIT];
}

function isSamePlace(a: Contribution, b: Contribution): boolean {
  return a.cohortStartMs === b.cohortStartMs && a.arm === b.arm && a.stratum === b.stratum;
}

function add(
  output: Output,
  { id, channel }: LiftTest,
  { cohortStartMs, arm, stratum }: Contribution,
  amountOf: (sum: number) => number,
): void {
  const dimensions = [id, channel, arm, stratum];
  for (let sum = 0; sum < LIFT_COHORTS.sums.length; sum += 1) {
    const amount = amountOf(sum);
    if (amount !== 0) output.add(LIFT_COHORTS, cohortStartMs, dimensions, sum, amount);
  }
}
