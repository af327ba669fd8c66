import { createHash } from 'node:crypto';

import { DAY_MS } from '../schemas/time.ts';
import type { BotsConfig } from './bots/config.ts';
import type { Weights } from './bots/score.ts';
import { createClientLists } from './client-lists.ts';
import type { Config } from './config.ts';
import { listFilesOf } from './kept-lists.ts';

/** Of 32 bits: enough to see that something changed. */
const HASH_DIGITS = 8;

/** What the configuration says about judging, with the lists that it names. */
export function botsConfigOf(config: Config): BotsConfig {
  const {
    filter: isFiltering,
    reach,
    held,
    app_sources: appSources,
    log_sources: logSources,
    bot_score: botScore,
    suspect_score: suspectScore,
    address_visitors: addressVisitors,
    allow,
    deny,
  } = config.bots;
  const lists = createClientLists({
    ...listFilesOf(config),
    allow: allow ?? [],
    deny: deny ?? [],
  });
  return {
    version: `${lists.version}, settings ${settingsHash(config)}`,
    isFiltering,
    allowedLatenessMs: config.lateness.allowed,
    reachMs: wholeDays(reach),
    heldMs: wholeDays(held),
    sessionGapMs: config.sessions.gap,
    weights: weightsOf(config),
    botScore,
    suspectScore,
    addressVisitors,
    logSources: logSources ?? ['access-log'],
    appSources: appSources ?? [],
    lists,
  };
}

/** Tells rules, weights and bounds apart from others; which files the lists are in says their version. */
function settingsHash({ bots, sessions, lateness }: Config): string {
  const { crawlers: _crawlers, ranges: _ranges, ...said } = bots;
  const settings = { ...said, gap: sessions.gap, allowed: lateness.allowed };
  const text = JSON.stringify(Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
}

/** Verdicts go by whole UTC days; a part of one counts as one. */
export function wholeDays(duration: number): number {
  return Math.ceil(duration / DAY_MS) * DAY_MS;
}

function weightsOf({ bots }: Config): Weights {
  return {
    base: bots.weight_base,
    data_centre: bots.weight_data_centre,
    no_beacon: bots.weight_no_beacon,
    regular: bots.weight_regular,
    metronome: bots.weight_metronome,
    fast: bots.weight_fast,
    robots: bots.weight_robots,
    no_assets: bots.weight_no_assets,
    one_hit: bots.weight_one_hit,
    signed_in: bots.weight_signed_in,
    pointer: bots.weight_pointer,
    delivered: bots.weight_delivered,
  };
}
