import { expect, test } from 'vitest';

import type { ShopOptions } from '../../bench/shop/options.ts';
import { Shop } from '../../bench/shop/shop.ts';
import { createLift } from '../../processors/lift/processor.ts';
import { LIFT_COHORTS } from '../../processors/lift/row.ts';
import { erase } from '../../schemas/brand.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { TOPIC_OF_EVENT } from '../../schemas/topics.ts';
import { ARM_SUMS, type ArmSums, NOBODY } from '../../statistics/lift-arms.ts';
import { type Arms, compare } from '../../statistics/lift-result.ts';
import { type LawEvent, Run } from '../laws/operator-laws.ts';
import { CONFIG, liftTest } from './events.ts';

/** Shops, each with a seed of its own; `RUNS=200` is the number that the promise is made for. */
const RUNS = Math.min(Number(process.env['RUNS'] ?? 6), 1_000);
const PLANNED_VISITORS = 5_000;
const START_MS = Date.UTC(2026, 0, 5);

test.each<[string, Partial<ShopOptions>]>([
  ['as it is', {}],
  ['where 30 % of clicks are of bots and 5 % of events late', { botShare: 0.3, lateShare: 0.05 }],
])(
  'in shops %s the true lift of every channel lies inside the interval',
  (_name, options) => {
    let inside = 0;
    let intervals = 0;
    for (let seed = 1; seed <= RUNS; seed += 1) {
      for (const { trueLift, arms } of measured(seed, options)) {
        const interval = compare(arms, 'converted', PLANNED_VISITORS)?.relative;
        intervals += 1;
        // Without an interval nothing is excluded, but nothing is learnt: counted as a miss.
        if (interval !== undefined && interval.low <= trueLift && trueLift <= interval.high)
          inside += 1;
      }
    }
    expect(intervals).toBe(RUNS * 3);
    expect(inside / intervals).toBeGreaterThanOrEqual(0.95);
  },
  5 * MINUTE_MS,
);

/** What the operator has counted of one shop, per channel with a holdout. */
function measured(
  seed: number,
  options: Partial<ShopOptions>,
): readonly { readonly trueLift: number; readonly arms: Arms }[] {
  const shop = new Shop({
    seed,
    startMs: START_MS,
    durationMs: 10 * MINUTE_MS,
    eventsPerSecond: 80,
    ...options,
  });
  const holdouts = shop.options.clickChannels.flatMap(({ name, holdout }) =>
    holdout === undefined ? [] : [{ channel: name, ...holdout }],
  );
  const tests = holdouts.map(({ channel, salt, share }) =>
    liftTest({ id: channel, channel, salt, share, startMs: START_MS, horizonMs: DAY_MS }),
  );
  const run = new Run(createLift({ ...CONFIG, tests }).operators);
  for (const event of [...shop.next(Number.MAX_SAFE_INTEGER), ...shop.finish()]) {
    if (event.type !== 'click' && event.type !== 'order') continue;
    // The shop writes whole events; its raw ids stand for tokens, and its holdouts hash them.
    run.apply(erase<LawEvent>({ topic: TOPIC_OF_EVENT[event.type], event: event.toObject() }));
  }
  const rows = [...(run.output.sums.get(LIFT_COHORTS.name) ?? [])];
  return holdouts.map(({ channel, trueLift }) => ({
    trueLift,
    arms: {
      treated: armOf(rows, `|${channel}|${channel}|treated|`),
      holdout: armOf(rows, `|${channel}|${channel}|holdout|`),
    },
  }));
}

function armOf(rows: readonly (readonly [string, readonly number[]])[], part: string): ArmSums {
  const arm: Record<(typeof ARM_SUMS)[number], number> = { ...NOBODY };
  for (const [key, sums] of rows) {
    if (!key.includes(part)) continue;
    for (const name of ARM_SUMS) {
      const column = LIFT_COHORTS.sums.findIndex((sum) => sum === name);
      arm[name] += sums[column] ?? 0;
    }
  }
  return arm;
}
