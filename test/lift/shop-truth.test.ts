import { expect, test } from 'vitest';

import type { ShopOptions } from '../../bench/shop/options.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { type Arms, compare, ratioAlarm } from '../../statistics/lift-result.ts';
import { buildVerdict, createScriptedJudge } from '../doubles/scripted-judge.ts';
import { MeasuredShop } from './measured-shop.ts';

/** Shops, each with a seed of its own; `RUNS=200` is the number that the promise is made for. */
const RUNS = Math.min(Number(process.env['RUNS'] ?? 5), 1_000);
const PLANNED_VISITORS = 5_000;

test.each<[string, Partial<ShopOptions>]>([
  ['as it is', {}],
  ['where 30 % of clicks are of bots and 5 % of events late', { botShare: 0.3, lateShare: 0.05 }],
])(
  'in shops %s the true lift of every channel lies inside the interval',
  (_name, options) => {
    let inside = 0;
    let intervals = 0;
    let voided = 0;
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const shop = new MeasuredShop({ seed, ...options });
      shop.play();
      for (const { trueLift, arms, share } of shop.channels()) {
        const interval = compare(arms, 'converted', PLANNED_VISITORS)?.relative;
        intervals += 1;
        // Without an interval nothing is excluded, but nothing is learnt: counted as a miss.
        if (interval !== undefined && interval.low <= trueLift && trueLift <= interval.high)
          inside += 1;
        if (ratioAlarm(filteredOf(arms), share).isAlarming) voided += 1;
      }
    }
    expect(intervals).toBe(RUNS * 3);
    expect(inside / intervals).toBeGreaterThanOrEqual(0.95);
    // The filter is blind to the arms, so hardly ever does chance alone void a test: p < .001.
    expect(voided / intervals).toBeLessThanOrEqual(0.01);
  },
  30 * MINUTE_MS,
);

test('a bot filter that looks at the tested channel is found out, and only that channel is void', () => {
  const shop = new MeasuredShop({ seed: 1 }, createScriptedJudge());
  const clicked = new Set<string>();
  shop.play(({ topic, event }) => {
    if (topic === 'weir.clicks' && event.channel === 'search' && event.kind === 'click')
      clicked.add(event.visitor_id);
  });
  // One in five of those who clicked on the channel's advertisements is taken for a machine.
  for (const [index, visitor] of [...clicked].entries()) {
    if (index % 5 !== 0) continue;
    const about = Date.UTC(2026, 0, 5);
    const event = buildVerdict({ event_id: `v${index}`, visitor_id: visitorToken(visitor), about });
    shop.apply({ topic: 'weir.internal.visitor', event });
  }
  const alarms = shop
    .channels()
    .map(({ channel, arms, share }) => [
      channel,
      ratioAlarm(filteredOf(arms), share).isAlarming,
      ratioAlarm(visitorsOf(arms), share).isAlarming,
    ]);
  expect(alarms).toEqual([
    ['search', true, false],
    ['social', false, false],
    ['email', false, false],
  ]);
});

function filteredOf({ treated, holdout }: Arms): { treated: number; holdout: number } {
  return { treated: treated.filtered, holdout: holdout.filtered };
}

function visitorsOf({ treated, holdout }: Arms): { treated: number; holdout: number } {
  return { treated: treated.visitors, holdout: holdout.visitors };
}
