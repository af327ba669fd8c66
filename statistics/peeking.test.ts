import { expect, test } from 'vitest';

import { Random } from '../bench/shop/random.ts';
import { alwaysValid } from './confidence-sequence.ts';
import { type ArmSums, NOBODY } from './lift-arms.ts';
import { ALPHA, isGatePassed } from './lift-result.ts';
import { differenceOf, proportionOf } from './two-samples.ts';

/** Runs of each simulation; every one has a seed of its own. Of 1,000 the sequence calls 12, the plain interval 459. */
const RUNS = Number(process.env['RUNS'] ?? 1_000);
const PLANNED_VISITORS = 5_000;
/** Visitors between two looks; the first look is at `FIRST_LOOK`. */
const LOOK_EVERY = 250;
const FIRST_LOOK = 1_000;
const HOLDOUT_SHARE = 0.1;
const CONVERSION = 0.03;
/** Φ⁻¹(0.975): what somebody who plans a single look would compare with. */
const PLAIN_ERRORS = 1.959_963_984_540_054;

interface Calls {
  winning: number;
  losing: number;
  /** The plain 95 % interval excluded zero at some look. */
  plain: number;
  /** The last look said winning. */
  endedWinning: number;
}

/** Watches `RUNS` tests, a look every 250 visitors, and counts those that ever called something. */
function watch(options: {
  readonly visitors: number;
  readonly trueLift: number;
  readonly seed: number;
}): Calls {
  const calls: Calls = { winning: 0, losing: 0, plain: 0, endedWinning: 0 };
  for (let run = 0; run < RUNS; run += 1) {
    const random = new Random(run, `peeking/${options.seed}`);
    let [treated, holdout] = [NOBODY, NOBODY];
    const seen = { winning: false, losing: false, plain: false, last: false };
    for (let visitors = 0; visitors < options.visitors; visitors += LOOK_EVERY) {
      const heldOut = binomial(LOOK_EVERY, HOLDOUT_SHARE, random);
      holdout = grown(holdout, heldOut, binomial(heldOut, CONVERSION, random));
      const others = LOOK_EVERY - heldOut;
      const rate = CONVERSION * (1 + options.trueLift);
      treated = grown(treated, others, binomial(others, rate, random));
      if (visitors + LOOK_EVERY < FIRST_LOOK) continue;
      const difference = differenceOf(
        proportionOf(treated.visitors, treated.converters),
        proportionOf(holdout.visitors, holdout.converters),
      );
      if (!(difference.standardError > 0)) continue;
      const count = treated.visitors + holdout.visitors;
      const { low, high } = alwaysValid(difference, {
        count,
        plannedCount: PLANNED_VISITORS,
        alpha: ALPHA,
      });
      const isOpen = isGatePassed({ treated, holdout });
      seen.last = isOpen && low > 0;
      seen.winning ||= seen.last;
      seen.losing ||= isOpen && high < 0;
      seen.plain ||= Math.abs(difference.point) > PLAIN_ERRORS * difference.standardError;
    }
    calls.winning += Number(seen.winning);
    calls.losing += Number(seen.losing);
    calls.plain += Number(seen.plain);
    calls.endedWinning += Number(seen.last);
  }
  return calls;
}

test('without any effect at most 5 % of tests ever call one, though somebody looks 197 times', () => {
  const calls = watch({ visitors: 50_000, trueLift: 0, seed: 1 });
  expect((calls.winning + calls.losing) / RUNS).toBeLessThanOrEqual(0.05);
  // The same runs, watched with the interval that is made for one look.
  expect(calls.plain / RUNS).toBeGreaterThan(0.33);
});

test('a lift of 15 % at 3 % conversion is found by 400,000 visitors in at least 80 % of tests', () => {
  const calls = watch({ visitors: 400_000, trueLift: 0.15, seed: 2 });
  expect(calls.endedWinning / RUNS).toBeGreaterThanOrEqual(0.8);
  expect(calls.losing).toBe(0);
});

test('the draws of the simulation have the mean and the variance of a binomial', () => {
  const random = new Random(9, 'binomial');
  const draws = Array.from({ length: 100_000 }, () => binomial(225, 0.03, random));
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length;
  expect(mean).toBeCloseTo(225 * 0.03, 1);
  expect(variance).toBeCloseTo(225 * 0.03 * 0.97, 0);
});

function grown(arm: ArmSums, visitors: number, converters: number): ArmSums {
  return {
    ...arm,
    visitors: arm.visitors + visitors,
    converters: arm.converters + converters,
  };
}

/** How many of `count` succeed with the chance `p` each: inversion, term by term. */
function binomial(count: number, p: number, random: Random): number {
  let left = random.unit();
  let term = (1 - p) ** count;
  for (let successes = 0; successes < count; successes += 1) {
    if (left < term) return successes;
    left -= term;
    term *= ((count - successes) / (successes + 1)) * (p / (1 - p));
  }
  return count;
}
