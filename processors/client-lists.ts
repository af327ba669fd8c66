import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { isbot } from 'isbot';
import { RE2JS } from 're2js';

import { erase } from '../schemas/brand.ts';
import { EngineError, messageOf } from '../schemas/errors.ts';
import type { ClientLists, NetworkOwner, RuledClient } from './bots/config.ts';
import { GenerationMap } from './door/generations.ts';
import { NetworkRanges } from './network-ranges.ts';

/** Forms of which the answer is kept: a shop sees some hundred. */
const CACHE_SIZE_MAX = 50_000;
/** Most networks of a ranges file: the largest clouds publish about 10,000 each. */
const RANGES_MAX = 200_000;
/** What every browser's user agent begins with since 1994. */
const BROWSER = /^(?:Mozilla|Opera)\//i;

const require = createRequire(import.meta.url);

/** A rule of the configuration, such as `agent ^Acme` or `network 203.0.113.0/24`. */
export interface ClientRule {
  readonly matches: (client: RuledClient) => boolean;
}

/** What the configuration says about lists and rules. */
export interface ListSettings {
  readonly rangesFile: string | undefined;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/**
 * The rule that a text says, undefined when it says none: `agent` and a pattern, `network` and a network
 * of at most 24 bits (IPv6: 48), or `source` and a name. Patterns are matched in linear time.
 */
export function parseRule(text: string): ClientRule | undefined {
  const [, field = '', value = ''] = /^(agent|network|source)\s+(\S.*)$/.exec(text.trim()) ?? [];
  switch (field) {
    case 'agent': {
      const pattern = compiled(value);
      return pattern && { matches: ({ agent }) => agent !== null && pattern.matcher(agent).find() };
    }
    case 'network': {
      const ranges = new NetworkRanges<true>();
      if (!ranges.add(value, true)) return undefined;
      return { matches: ({ network }) => network !== null && ranges.find(network) === true };
    }
    case 'source':
      return { matches: ({ source }) => source === value };
    default:
      return undefined;
  }
}

function compiled(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  } catch {
    return undefined;
  }
}

/**
 * The lists of user agents that Weir brings along, the ranges of networks, and the rules of the
 * configuration. Each distinct user agent is looked up once.
 *
 * @throws {EngineError} CONFIG_INVALID when the file of ranges is none
 */
export function createClientLists(settings: ListSettings): ClientLists {
  const { version, networks } = readRanges(settings.rangesFile);
  const crawlers = crawlerPatterns();
  const allow = rulesOf(settings.allow);
  const deny = rulesOf(settings.deny);
  const agents = new GenerationMap<ReturnType<ClientLists['agent']> | null>(CACHE_SIZE_MAX);
  return {
    version: `isbot ${versionOf('isbot')}, crawler-user-agents ${versionOf('crawler-user-agents')}, ranges ${version}`,
    agent: (form) => {
      let known = agents.get(form);
      if (known === undefined) {
        known = agentReason(form, crawlers) ?? null;
        agents.set(form, known);
      }
      return known ?? undefined;
    },
    network: (network) => networks.find(network),
    rule: (client) => {
      if (allow.some(({ matches }) => matches(client))) return 'allow';
      if (deny.some(({ matches }) => matches(client))) return 'deny';
      return undefined;
    },
  };
}

function agentReason(form: string, crawlers: RegExp): ReturnType<ClientLists['agent']> {
  if (isbot(form)) return 'agent_isbot';
  if (crawlers.test(form)) return 'agent_crawlers';
  return BROWSER.test(form) ? undefined : 'not_a_browser';
}

/** Every pattern of the list as one; a number in a pattern means any number, as in forms. */
function crawlerPatterns(): RegExp {
  const entries = erase<readonly { readonly pattern: string }[]>(require('crawler-user-agents'));
  return new RegExp(entries.map(({ pattern }) => pattern).join('|'));
}

/** Packages that do not export their package.json have it beside or above their main file. */
function versionOf(packageName: string): string {
  let directory = dirname(require.resolve(packageName));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  const text = readFileSync(join(directory, 'package.json'), 'utf8');
  return erase<{ readonly version: string }>(JSON.parse(text)).version;
}

function rulesOf(texts: readonly string[]): readonly ClientRule[] {
  return texts.flatMap((text) => parseRule(text) ?? []);
}

interface RangesFile {
  readonly version: string;
  readonly data_centres: readonly string[];
  readonly crawlers: Readonly<Record<string, readonly string[]>>;
}

function readRanges(file: string | undefined): {
  readonly version: string;
  readonly networks: NetworkRanges<NetworkOwner>;
} {
  const source = file ?? new URL('client-ranges.json', import.meta.url);
  const { version, data_centres: dataCentres, crawlers } = parseRangesFile(source);
  const networks = new NetworkRanges<NetworkOwner>();
  const add = (texts: readonly string[], owner: NetworkOwner): void => {
    for (const text of texts) {
      if (!networks.add(text, owner)) throw notRanges(source, `${text}, which is no network`);
    }
  };
  add(dataCentres, { kind: 'data_centre' });
  // After the data centres: a crawler's network often is one.
  for (const [name, texts] of Object.entries(crawlers)) add(texts, { kind: 'crawler', name });
  if (networks.size > RANGES_MAX) throw notRanges(source, `${networks.size} networks`);
  return { version, networks };
}

function parseRangesFile(source: string | URL): RangesFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(source, 'utf8'));
  } catch (error) {
    throw notRanges(source, messageOf(error));
  }
  const {
    version,
    data_centres: dataCentres = [],
    crawlers = {},
  } = erase<Partial<RangesFile>>(parsed ?? {});
  const lists: readonly unknown[] = [dataCentres, ...Object.values(crawlers)];
  if (typeof version !== 'string' || !lists.every(isTexts)) throw notRanges(source, 'other fields');
  return { version, data_centres: dataCentres, crawlers };
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function notRanges(source: string | URL, got: string): EngineError {
  return new EngineError({
    code: 'CONFIG_INVALID',
    kind: 'fatal',
    message: `Expected version, data_centres and crawlers, at most ${RANGES_MAX} networks, in ${String(source)}, got ${got}`,
  });
}
