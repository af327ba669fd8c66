import { expect, test } from 'vitest';

import { visitorToken } from '../../schemas/ids.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { type Arms, ratioAlarm } from '../../statistics/lift-result.ts';
import { buildVerdict, createScriptedJudge } from '../doubles/scripted-judge.ts';
import { MeasuredShop } from './measured-shop.ts';
import { SHOPS, filteredOf, measureLifts } from './true-lift.ts';

/** Shops, each with a seed of its own. `npm run bench -- lift-truth --runs 200` plays the number that the promise is made for. */
const RUNS = Math.min(Number(process.env['RUNS'] ?? 5), 1_000);
const SEEDS = Array.from({ length: RUNS }, (_, index) => index + 1);

test.each(SHOPS)(
  'in shops $name the true lift of every channel lies inside the interval',
  ({ options }) => {
    const lifts = measureLifts(SEEDS, options);
    expect(lifts.length).toBe(RUNS * 3);
    const shareOf = (are: typeof lifts): number => are.length / lifts.length;
    expect(shareOf(lifts.filter(({ isInside }) => isInside))).toBeGreaterThanOrEqual(0.95);
    // The filter is blind to the arms, so hardly ever does chance alone void a test: p < .001.
    expect(shareOf(lifts.filter(({ isVoided }) => isVoided))).toBeLessThanOrEqual(0.01);
  },
  30 * MINUTE_MS,
);

test('a bot filter that looks at the tested channel is found out, and only that channel is void', () => {
  const shop = new MeasuredShop({ seed: 1, eventsPerSecond: 80 }, createScriptedJudge());
  const clicked = new Set<string>();
  shop.play(({ topic, event }) => {
    if (topic === 'weir.clicks' && event.channel === 'search' && event.kind === 'click')
      clicked.add(event.visitor_id);
  });
  // One in four of those who clicked on the channel's advertisements is taken for a machine.
  for (const [index, visitor] of [...clicked].entries()) {
    if (index % 4 !== 0) continue;
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

function visitorsOf({ treated, holdout }: Arms): { treated: number; holdout: number } {
  return { treated: treated.visitors, holdout: holdout.visitors };
}
