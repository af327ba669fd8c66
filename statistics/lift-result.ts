import { adjustedDifference } from './adjusted.ts';
import {
  type AlwaysValid,
  alwaysValidRatio,
  alwaysValid,
  callByEValues,
  sharpness,
  widthInErrors,
} from './confidence-sequence.ts';
import { normalCdf } from './distributions.ts';
import { type ArmOutcome, type ArmSums, adjustableOf, outcomeSums, sampleOf } from './lift-arms.ts';
import { type SampleRatio, sampleRatio } from './sample-ratio.ts';
import { type Estimate, differenceOf, plainInterval, ratioOf } from './two-samples.ts';

/** Share of calls, and of intervals, that may be wrong. */
export const ALPHA = 0.05;

/** Fewest converters, and fewest others, in each arm before anything is said. */
const GATE_MIN = 25;

/** A sample ratio is suspicious below this p, from this many visitors on. */
const RATIO_P_MIN = 0.001;
const RATIO_VISITORS_MIN = 100;

/** The relative lift of conversions that a channel is hoped to bring. */
export const BAND = { low: 0.15, high: 0.25 } as const;

/** How far ahead a decision is looked for, as a multiple of the visitors so far. */
const OUTLOOK_MAX = 1_000;
const BISECTIONS = 60;

/** The two arms of a test. */
export interface Arms {
  readonly treated: ArmSums;
  readonly holdout: ArmSums;
}

/** A point, its standard error and the interval that is valid at every look. */
export interface Interval extends Estimate {
  readonly low: number;
  readonly high: number;
}

/** One outcome compared between the arms. */
export interface Comparison {
  readonly treatedMean: number;
  readonly holdoutMean: number;
  readonly difference: Interval;
  /** Undefined while the holdout's mean cannot be told from zero. */
  readonly relative: Interval | undefined;
  readonly lnE: number;
  readonly p: number;
  /** Valid for a single look only. */
  readonly plain: { readonly low: number; readonly high: number; readonly p: number };
}

export type Verdict = 'winning' | 'losing' | 'no difference yet' | 'void';
export type VoidReason = 'sample ratio mismatch' | 'filter sample ratio mismatch';

/** Compares one outcome; undefined while an arm has fewer than two visitors or nothing varies. */
export function compare(
  arms: Arms,
  outcome: ArmOutcome,
  plannedVisitors: number,
): Comparison | undefined {
  if (arms.treated.visitors < 2 || arms.holdout.visitors < 2) return undefined;
  const treated = sampleOf(arms.treated, outcome);
  const holdout = sampleOf(arms.holdout, outcome);
  const difference = differenceOf(treated, holdout);
  if (!(difference.standardError > 0)) return undefined;
  const sequence = sequenceOf(difference, arms, plannedVisitors);
  return {
    treatedMean: treated.mean,
    holdoutMean: holdout.mean,
    difference: intervalOf(difference, sequence),
    relative: alwaysValidRatio(treated, holdout, {
      plannedCount: plannedVisitors,
      alpha: ALPHA,
    }),
    lnE: sequence.lnE,
    p: sequence.p,
    plain: plainInterval(treated, holdout, ALPHA),
  };
}

/** The difference with what the visitors were worth before taken out (CUPED). */
export function compareAdjusted(
  arms: Arms,
  outcome: Exclude<ArmOutcome, 'margin'>,
  plannedVisitors: number,
): (Interval & { readonly theta: number }) | undefined {
  if (arms.treated.visitors < 2 || arms.holdout.visitors < 2) return undefined;
  const { theta, ...difference } = adjustedDifference(
    adjustableOf(arms.treated, outcome),
    adjustableOf(arms.holdout, outcome),
  );
  if (!(difference.standardError > 0)) return undefined;
  return { ...intervalOf(difference, sequenceOf(difference, arms, plannedVisitors)), theta };
}

/** Revenue per order, treated ÷ holdout − 1; undefined while an arm has too few orders. */
export function compareOrderValue(
  arms: Arms,
  plannedVisitors: number,
): (Interval & { readonly treatedMean: number; readonly holdoutMean: number }) | undefined {
  const [treated, holdout] = [arms.treated, arms.holdout].map((arm) =>
    arm.converters < GATE_MIN
      ? undefined
      : ratioOf({
          value: outcomeSums(arm, 'revenue'),
          base: outcomeSums(arm, 'orders'),
          sumOfProducts: arm.revenue_by_orders,
        }),
  );
  if (treated === undefined || holdout === undefined) return undefined;
  const relative = alwaysValidRatio(treated, holdout, {
    plannedCount: plannedVisitors,
    alpha: ALPHA,
  });
  if (relative === undefined) return undefined;
  return { ...relative, treatedMean: treated.mean, holdoutMean: holdout.mean };
}

/** Whether both arms have enough converters and enough others to say anything. */
export function isGatePassed({ treated, holdout }: Arms): boolean {
  return [treated, holdout].every(
    ({ visitors, converters }) => converters >= GATE_MIN && visitors - converters >= GATE_MIN,
  );
}

/** Whether the arms are as large as planned, and whether that is cause for alarm. */
export function ratioAlarm(
  counts: { readonly treated: number; readonly holdout: number },
  share: number,
): SampleRatio & { readonly isAlarming: boolean } {
  const ratio = sampleRatio([
    { count: counts.treated, weight: 1 - share },
    { count: counts.holdout, weight: share },
  ]);
  const visitors = counts.treated + counts.holdout;
  return { ...ratio, isAlarming: visitors >= RATIO_VISITORS_MIN && ratio.p < RATIO_P_MIN };
}

/**
 * The verdicts of tests that are looked at together, in their order: at most 5 % of those that are
 * called are wrong, however often and in whatever order somebody looks.
 */
export function verdictsOf(
  tests: readonly {
    readonly comparison: Comparison | undefined;
    readonly isGatePassed: boolean;
    readonly voidReason: VoidReason | undefined;
  }[],
): readonly Verdict[] {
  const called = callByEValues(
    tests.map(({ comparison, isGatePassed: isOpen, voidReason }) =>
      isOpen && voidReason === undefined ? (comparison?.lnE ?? -Infinity) : -Infinity,
    ),
    ALPHA,
  );
  return tests.map(({ comparison, voidReason }, index) => {
    if (voidReason !== undefined) return 'void';
    if (called[index] !== true || comparison === undefined) return 'no difference yet';
    return comparison.difference.point > 0 ? 'winning' : 'losing';
  });
}

/** The chance that the relative lift lies in the hoped-for band, by its normal approximation. */
export function chanceInBand({ point, standardError }: Estimate): number {
  return (
    normalCdf((BAND.high - point) / standardError) - normalCdf((BAND.low - point) / standardError)
  );
}

/**
 * Visitors that are still missing until the interval excludes zero, if the difference stays what it
 * is; 0 when it does already, undefined when that is out of sight.
 */
export function visitorsMissing(
  { difference }: Comparison,
  visitors: number,
  plannedVisitors: number,
): number | undefined {
  const rho = sharpness(plannedVisitors, ALPHA);
  const distance = Math.abs(difference.point) / difference.standardError;
  const isDecided = (count: number): boolean =>
    distance * Math.sqrt(count / visitors) > widthInErrors(count, rho, ALPHA);
  if (isDecided(visitors)) return 0;
  let low = visitors;
  let high = visitors * OUTLOOK_MAX;
  if (!isDecided(high)) return undefined;
  for (let step = 0; step < BISECTIONS && high - low > 1; step += 1) {
    const middle = (low + high) / 2;
    if (isDecided(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil(high - visitors);
}

function sequenceOf(estimate: Estimate, arms: Arms, plannedVisitors: number): AlwaysValid {
  return alwaysValid(estimate, {
    count: arms.treated.visitors + arms.holdout.visitors,
    plannedCount: plannedVisitors,
    alpha: ALPHA,
  });
}

function intervalOf(estimate: Estimate, { low, high }: AlwaysValid): Interval {
  return { ...estimate, low, high };
}
