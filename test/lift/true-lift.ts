import type { ShopOptions } from '../../bench/shop/options.ts';
import { sampleOf } from '../../statistics/lift-arms.ts';
import { type Arms, compare, ratioAlarm } from '../../statistics/lift-result.ts';
import { ratioWithin } from '../../statistics/two-samples.ts';
import { MeasuredShop } from './measured-shop.ts';

/** What is done to the shops that are measured. */
export const SHOPS: readonly { readonly name: string; readonly options: Partial<ShopOptions> }[] = [
  { name: 'as it is', options: {} },
  {
    name: 'where 30 % of clicks are of bots and 5 % of events late',
    options: { botShare: 0.3, lateShare: 0.05 },
  },
];

/** How the measured lift of one channel of one shop compares with the true one. */
export interface MeasuredLift {
  /** Whether the true lift lies inside the interval; not without an interval, which teaches nothing. */
  readonly isInside: boolean;
  /** The same for an interval that is for one look only: the narrower one, which one in twenty misses. */
  readonly isInsidePlain: boolean;
  /** Half of the length of the interval, in units of the lift; undefined without an interval. */
  readonly halfWidth: number | undefined;
  /** Measured less true lift. */
  readonly error: number;
  /** Whether the split of the visitors that the bot filter has removed would void the test. */
  readonly isVoided: boolean;
}

const PLANNED_VISITORS = 5_000;
/** Φ⁻¹(0.975). */
const PLAIN_ERRORS = 1.959_963_984_540_054;

/** Plays one shop per seed and measures its three channels. */
export function measureLifts(
  seeds: readonly number[],
  options: Partial<ShopOptions>,
): readonly MeasuredLift[] {
  return seeds.flatMap((seed) => {
    const shop = new MeasuredShop({ seed, ...options });
    shop.play();
    return shop.channels().map(({ trueLift, arms, share }) => {
      const interval = compare(arms, 'converted', PLANNED_VISITORS)?.relative;
      const treated = sampleOf(arms.treated, 'converted');
      const holdout = sampleOf(arms.holdout, 'converted');
      return {
        isInside: holds(interval, trueLift),
        isInsidePlain: holds(ratioWithin(treated, holdout, PLAIN_ERRORS), trueLift),
        halfWidth: interval && (interval.high - interval.low) / 2,
        error: (interval?.point ?? Number.NaN) - trueLift,
        isVoided: ratioAlarm(filteredOf(arms), share).isAlarming,
      };
    });
  });
}

/** How many visitors of each arm the bot filter has removed. */
export function filteredOf({ treated, holdout }: Arms): { treated: number; holdout: number } {
  return { treated: treated.filtered, holdout: holdout.filtered };
}

function holds(
  interval: { readonly low: number; readonly high: number } | undefined,
  lift: number,
): boolean {
  return interval !== undefined && interval.low <= lift && lift <= interval.high;
}
