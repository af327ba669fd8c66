import type { VerdictTier } from '../engine/operator/standing.ts';

/**
 * Why somebody is taken for a machine, in the order in which reasons outrank each other. The place of a
 * reason is stored: new ones go to the end of their tier with a new state version.
 */
export const REASONS = [
  'deny_rule',
  'verified_crawler',
  'agent_isbot',
  'agent_crawlers',
  'data_centre',
  'not_a_browser',
  'prefetch',
  'person',
  'address',
  'behaviour',
] as const;
export type Reason = (typeof REASONS)[number];

/** The tier of each reason: what lists and rules say is general, what has to be found out is sophisticated. */
export const TIER_OF_REASON: Readonly<Record<Reason, Exclude<VerdictTier, 0>>> = {
  deny_rule: 1,
  verified_crawler: 1,
  agent_isbot: 1,
  agent_crawlers: 1,
  data_centre: 1,
  not_a_browser: 1,
  prefetch: 1,
  person: 2,
  address: 2,
  behaviour: 2,
};

/** The reason at a stored place. */
export function reasonAt(place: number): Reason {
  return REASONS[place] ?? 'behaviour';
}

/** The place of a reason: the lower, the more it counts. */
export function placeOf(reason: Reason): number {
  return REASONS.indexOf(reason);
}
