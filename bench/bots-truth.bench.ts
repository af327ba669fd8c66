import { botsConfigOf } from '../processors/bots-config.ts';
import { loadConfig } from '../processors/config.ts';
import { SECOND_MS } from '../schemas/time.ts';
import { type BotsJudgement, judgeBots } from '../test/bots/judge-shop.ts';
import { percentileOf } from './measure/percentile.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

/** Not the seeds that the weights were looked at with: those are 1 to 20. */
const FIRST_SEED = 31;

/** How right the bot filter is about a simulated shop whose truth is known; a seed is a run. */
export async function bench({ runs }: BenchOptions): Promise<BenchResult> {
  const config = botsConfigOf(loadConfig({ file: undefined, environment: {} }));
  const judged = Array.from({ length: runs }, (_, run) => judgeBots(FIRST_SEED + run, config));
  const percent = (
    name: string,
    { target, better }: { readonly target: number; readonly better: 'higher' | 'lower' },
    of: (judgement: BotsJudgement) => number,
  ): BenchResult['metrics'][number] => ({
    name,
    unit: '%',
    better,
    target,
    samples: judged.map((each) => 100 * of(each)),
  });
  return {
    bench: 'bots-truth',
    about: [
      `${runs} shops of 20 minutes at 100 events a second, seeds ${FIRST_SEED} to ${FIRST_SEED + runs - 1}, through the two operators of the bot filter with the settings as they come.`,
      `Judged: ${judged.map(({ peopleClicks, stealthClicks, delaysMs }) => `${peopleClicks} clicks of people and ${stealthClicks} of ${delaysMs.length} stealth bots`).join(', ')}.`,
    ],
    metrics: [
      percent(
        'stealth_withdrawn',
        { target: 95, better: 'higher' },
        (each) => each.stealthWithdrawn / each.stealthClicks,
      ),
      percent(
        'rotating_withdrawn',
        { target: 95, better: 'higher' },
        (each) => each.rotatingWithdrawn / each.rotatingClicks,
      ),
      percent(
        'people_withdrawn',
        { target: 0.1, better: 'lower' },
        (each) => each.peopleWithdrawn / each.peopleClicks,
      ),
      {
        name: 'delay_median',
        unit: 's',
        better: 'lower',
        target: 30,
        samples: judged.map(({ delaysMs }) => percentileOf(delaysMs, 0.5) / SECOND_MS),
      },
    ],
    notes: [
      'stealth: bots that do not say what they are; rotating: those of them with a new visitor id at every click. Withdrawn: clicks of theirs that count no longer in the end.',
      'delay: event time from the tenth click of a stealth bot until something of it is withdrawn, 0 when that was before.',
    ],
  };
}
