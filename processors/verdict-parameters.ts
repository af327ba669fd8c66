import type { EnginePort, QueryParameter } from '../schemas/ports.ts';
import { botsConfigOf } from './bots-config.ts';
import type { NetworkOwner } from './bots/config.ts';
import type { Config } from './config.ts';

/** Forms or networks that are read at a time: a read answers with 200,000 rows at most. */
const VALUES_PER_QUERY = 100_000;

/** What stands for a data centre where a crawler's owner is named; no user agent contains it in lower case. */
const DATA_CENTRE = 'data centre';

/**
 * What `bots/audit.sql` takes as given: the settings, and what lists say of every form of a user agent
 * and every network that clicks have come with. Only those of which they say something.
 */
export async function verdictParameters(
  query: EnginePort['query'],
  config: Config,
): Promise<Readonly<Record<string, QueryParameter>>> {
  const bots = botsConfigOf(config);
  const { lists } = bots;
  const agents = await answersOf(query, 'agent', (form) => lists.agent(form));
  const networks = await answersOf(query, 'network', (network) =>
    ownerName(lists.network(network)),
  );
  return {
    is_filtering: bots.isFiltering,
    version: bots.version,
    gap_ms: bots.sessionGapMs,
    reach_ms: bots.reachMs,
    held_ms: bots.heldMs,
    bot_score: bots.botScore,
    suspect_score: bots.suspectScore,
    address_visitors: bots.addressVisitors,
    log_sources: bots.logSources,
    app_sources: bots.appSources,
    allow: config.bots.allow ?? [],
    deny: config.bots.deny ?? [],
    agent_forms: agents.map(([form]) => form),
    agent_reasons: agents.map(([, reason]) => reason),
    networks: networks.map(([network]) => network),
    network_owners: networks.map(([, owner]) => owner),
    weight_names: Object.keys(bots.weights),
    weights: Object.values(bots.weights).map(String),
  };
}

/** What is said of each value of a column of clicks, of those of which something is. */
async function answersOf(
  query: EnginePort['query'],
  column: 'agent' | 'network',
  answer: (value: string) => string | undefined,
): Promise<readonly (readonly [string, string])[]> {
  const answers: (readonly [string, string])[] = [];
  for (let after = ''; ;) {
    const rows = await query(
      `SELECT DISTINCT toString(${column}) AS value FROM weir.clicks
       WHERE ${column} > {after:String} ORDER BY value LIMIT ${VALUES_PER_QUERY}`,
      { after },
    );
    for (const { value } of rows) {
      after = String(value);
      const said = answer(after);
      if (said !== undefined) answers.push([after, said]);
    }
    if (rows.length < VALUES_PER_QUERY) return answers;
  }
}

function ownerName(owner: NetworkOwner | undefined): string | undefined {
  return owner?.kind === 'crawler' ? owner.name : owner && DATA_CENTRE;
}
