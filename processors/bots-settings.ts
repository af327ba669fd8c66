import { parseRule } from './client-lists.ts';
import { duration, flag, optionalText, optionalTexts } from './setting.ts';

/** What a rule about clients may say. */
const RULE =
  'a list of rules: agent and a pattern, network and a network (10.0.0.0/8), or source and a name';

/** The keys under `bots`. */
export const BOTS_SETTINGS = {
  filter: flag(true),
  reach: duration('7d', { min: '0ms', max: '90d' }),
  held: duration('30d', { min: '1d', max: '365d' }),
  allow: optionalTexts(RULE, (value) => parseRule(value) !== undefined),
  deny: optionalTexts(RULE, (value) => parseRule(value) !== undefined),
  app_sources: optionalTexts('a list of names of sources', (value) => value !== ''),
  ranges: optionalText('a JSON file, see docs/bots.md', (value) => value !== ''),
} as const;
