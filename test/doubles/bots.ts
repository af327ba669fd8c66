import type { BotsConfig } from '../../processors/bots/config.ts';
import { DEFAULT_WEIGHTS } from '../../processors/bots/score.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';

/** A user agent's form that the lists of `buildBotsConfig` name. */
export const CRAWLER_AGENT = 'Crawler/0';

/** Judging by one list of one crawler, with a short reach; give what the test is about. */
export function buildBotsConfig(fields: Partial<BotsConfig> = {}): BotsConfig {
  return {
    version: 'test',
    isFiltering: true,
    allowedLatenessMs: DAY_MS,
    reachMs: 0,
    heldMs: DAY_MS,
    sessionGapMs: 30 * MINUTE_MS,
    weights: DEFAULT_WEIGHTS,
    botScore: 90,
    suspectScore: 60,
    addressVisitors: 10,
    logSources: ['access-log'],
    appSources: [],
    lists: {
      version: 'test',
      agent: (form) => (form === CRAWLER_AGENT ? 'agent_isbot' : undefined),
      network: () => undefined,
      rule: () => undefined,
    },
    ...fields,
  };
}
