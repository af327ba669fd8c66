import { DEFAULT_WEIGHTS } from './bots/score.ts';
import { parseRule } from './client-lists.ts';
import { duration, flag, integer, optionalText, optionalTexts, weight } from './setting.ts';

/** What a rule about clients may say. */
const RULE =
  'a list of rules: agent and a pattern, network and a network (10.0.0.0/8), or source and a name';

/** The keys under `bots`. */
export const BOTS_SETTINGS = {
  filter: flag(true),
  bot_score: integer(90, { min: 1, max: 100 }),
  suspect_score: integer(60, { min: 1, max: 100 }),
  address_visitors: integer(10, { min: 3, max: 64 }),
  weight_base: weight(DEFAULT_WEIGHTS.base),
  weight_data_centre: weight(DEFAULT_WEIGHTS.data_centre),
  weight_no_beacon: weight(DEFAULT_WEIGHTS.no_beacon),
  weight_regular: weight(DEFAULT_WEIGHTS.regular),
  weight_metronome: weight(DEFAULT_WEIGHTS.metronome),
  weight_fast: weight(DEFAULT_WEIGHTS.fast),
  weight_robots: weight(DEFAULT_WEIGHTS.robots),
  weight_no_assets: weight(DEFAULT_WEIGHTS.no_assets),
  weight_one_hit: weight(DEFAULT_WEIGHTS.one_hit),
  weight_signed_in: weight(DEFAULT_WEIGHTS.signed_in),
  weight_pointer: weight(DEFAULT_WEIGHTS.pointer),
  weight_delivered: weight(DEFAULT_WEIGHTS.delivered),
  reach: duration('7d', { min: '0ms', max: '90d' }),
  held: duration('30d', { min: '1d', max: '365d' }),
  allow: optionalTexts(RULE, (value) => parseRule(value) !== undefined),
  deny: optionalTexts(RULE, (value) => parseRule(value) !== undefined),
  log_sources: optionalTexts('a list of names of sources', (value) => value !== ''),
  app_sources: optionalTexts('a list of names of sources', (value) => value !== ''),
  ranges: optionalText('a JSON file, see docs/bots.md', (value) => value !== ''),
  crawlers: optionalText('a JSON file, see docs/bots.md', (value) => value !== ''),
} as const;
