import { type MeasuredLift, SHOPS, measureLifts } from '../test/lift/true-lift.ts';
import { percentileOf } from './measure/percentile.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const INSIDE_MIN = 95;
const SHORT_NAMES = ['usual', 'disturbed'];

/** How often the interval of a lift holds the true one, in simulated shops; a seed is a run of three channels. */
export async function bench({ runs }: BenchOptions): Promise<BenchResult> {
  const seeds = Array.from({ length: runs }, (_, run) => run + 1);
  const shops = SHOPS.map(({ name, options }, index) => ({
    name,
    short: SHORT_NAMES[index] ?? name,
    lifts: measureLifts(seeds, options),
  }));
  return {
    bench: 'lift-truth',
    about: [
      `${runs} shops of ten minutes at 40 events a second, seeds 1 to ${runs}, with three channels each, from the door through bot filter and lift; then the same shops again, disturbed.`,
      ...shops.map(
        ({ name, short, lifts }) =>
          `${short}: shops ${name}; ${countOf(lifts, ({ isInside }) => isInside)} of ${lifts.length} true lifts inside.`,
      ),
    ],
    metrics: shops.flatMap(({ short, lifts }) => metricsOf(short, lifts)),
    notes: [
      'inside: the true lift lies in the interval that may be watched all day. inside_plain: in one for a single look, which misses one in twenty.',
      'voided: tests that the split of the removed visitors voids, though the filter is blind to the arms.',
    ],
  };
}

function metricsOf(short: string, lifts: readonly MeasuredLift[]): BenchResult['metrics'] {
  const percent = (are: (lift: MeasuredLift) => boolean): readonly number[] => [
    (100 * countOf(lifts, are)) / lifts.length,
  ];
  const widths = lifts.map(({ halfWidth }) => 100 * (halfWidth ?? Number.POSITIVE_INFINITY));
  const meanError = lifts.reduce((sum, { error }) => sum + error, 0) / lifts.length;
  const unit = '%';
  return [
    {
      name: `${short}_inside`,
      unit,
      better: 'higher',
      samples: percent(({ isInside }) => isInside),
      target: INSIDE_MIN,
    },
    {
      name: `${short}_inside_plain`,
      unit,
      better: 'higher',
      samples: percent(({ isInsidePlain }) => isInsidePlain),
    },
    {
      name: `${short}_half_width_median`,
      unit,
      better: 'lower',
      samples: [percentileOf(widths, 0.5)],
    },
    { name: `${short}_mean_error`, unit, better: 'lower', samples: [100 * Math.abs(meanError)] },
    {
      name: `${short}_voided`,
      unit,
      better: 'lower',
      samples: percent(({ isVoided }) => isVoided),
    },
  ];
}

function countOf(lifts: readonly MeasuredLift[], are: (lift: MeasuredLift) => boolean): number {
  return lifts.filter((lift) => are(lift)).length;
}
