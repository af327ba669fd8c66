import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { isbot } from 'isbot';
import { RE2JS } from 're2js';

import { erase } from '../schemas/brand.ts';
import { EngineError } from '../schemas/errors.ts';
import type { ClientLists, RuledClient } from './bots/config.ts';
import { GenerationMap } from './door/generations.ts';
import { type CrawlerList, type RangesList, readListFile } from './list-files.ts';
import { NetworkRanges } from './network-ranges.ts';

/** Forms of user agents, and networks, of which the answer is kept: a shop sees some hundred forms. */
const CACHE_SIZE_MAX = 50_000;
/** What every browser's user agent begins with since 1994. */
const BROWSER = /^(?:Mozilla|Opera)\//i;

const require = createRequire(import.meta.url);

/** A rule of the configuration, such as `agent ^Acme` or `network 203.0.113.0/24`. */
export interface ClientRule {
  readonly matches: (client: RuledClient) => boolean;
}

/** What the configuration says about lists and rules. */
export interface ListSettings {
  /** Files that take the place of the lists that Weir brings along. */
  readonly rangesFile: string | undefined;
  readonly crawlersFile: string | undefined;
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
 * configuration. Each distinct user agent and network is looked up once.
 *
 * @throws {EngineError} CONFIG_INVALID when a file is not the list that it should be
 */
export function createClientLists(settings: ListSettings): ClientLists {
  const { version, networks } = rangesIn(settings.rangesFile);
  const crawlers = crawlersIn(settings.crawlersFile);
  const allow = rulesOf(settings.allow);
  const deny = rulesOf(settings.deny);
  const agents = new GenerationMap<ReturnType<ClientLists['agent']> | null>(CACHE_SIZE_MAX);
  const owners = new GenerationMap<ReturnType<ClientLists['network']> | null>(CACHE_SIZE_MAX);
  return {
    version: `isbot ${versionOf('isbot')}, crawler-user-agents ${crawlers.version}, ranges ${version}`,
    agent: (form) => {
      let known = agents.get(form);
      if (known === undefined) {
        known = agentReason(form, crawlers) ?? null;
        agents.set(form, known);
      }
      return known ?? undefined;
    },
    network: (network) => {
      let owner = owners.get(network);
      if (owner === undefined) {
        owner = networks.find(network) ?? null;
        owners.set(network, owner);
      }
      return owner ?? undefined;
    },
    rule: (client) => {
      if (allow.some(({ matches }) => matches(client))) return 'allow';
      if (deny.some(({ matches }) => matches(client))) return 'deny';
      return undefined;
    },
  };
}

function agentReason(
  form: string,
  crawlers: Pick<CrawlerList, 'names'>,
): ReturnType<ClientLists['agent']> {
  if (isbot(form)) return 'agent_isbot';
  if (crawlers.names(form)) return 'agent_crawlers';
  return BROWSER.test(form) ? undefined : 'not_a_browser';
}

function rangesIn(file: string | undefined): RangesList {
  const list = readListFile(file ?? new URL('client-ranges.json', import.meta.url));
  if (list.kind === 'ranges') return list;
  throw otherList(file, 'networks');
}

/** The list that Weir brings along is trusted, so that the language's own patterns do: they are faster. */
function crawlersIn(file: string | undefined): Pick<CrawlerList, 'version' | 'names'> {
  if (file === undefined) {
    const entries = erase<readonly { readonly pattern: string }[]>(require('crawler-user-agents'));
    const any = new RegExp(entries.map(({ pattern }) => pattern).join('|'));
    return { version: versionOf('crawler-user-agents'), names: (form) => any.test(form) };
  }
  const list = readListFile(file);
  if (list.kind === 'crawlers') return list;
  throw otherList(file, 'crawlers');
}

function otherList(file: string | undefined, expected: string): EngineError {
  return new EngineError({
    code: 'CONFIG_INVALID',
    kind: 'fatal',
    message: `Expected a list of ${expected} in ${String(file)}, got another list`,
  });
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
