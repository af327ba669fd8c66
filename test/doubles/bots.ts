import type { BotsConfig } from '../../processors/bots/config.ts';
import { DAY_MS } from '../../schemas/time.ts';

/** A user agent's form that the lists of `buildBotsConfig` name. */
export const CRAWLER_AGENT = 'Crawler/0';

/** Judging by one list of one crawler, with a short reach; give what the test is about. */
export function buildBotsConfig(fields: Partial<BotsConfig> = {}): BotsConfig {
  return {
    isFiltering: true,
    allowedLatenessMs: DAY_MS,
    reachMs: 0,
    heldMs: DAY_MS,
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
