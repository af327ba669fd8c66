import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { RE2JS } from 're2js';

import { erase } from '../schemas/brand.ts';
import { EngineError, messageOf } from '../schemas/errors.ts';
import type { NetworkOwner } from './bots/config.ts';
import { NetworkRanges } from './network-ranges.ts';

/** Most networks of a ranges file: the largest clouds publish about 10,000 each. */
const RANGES_MAX = 200_000;
/** Most patterns of a list of crawlers, three times what the largest public one has, and the longest. */
const PATTERNS_MAX = 5_000;
const PATTERN_LENGTH_MAX = 512;
/** Digits of the hash that stands for the version of a list that names none. */
const HASH_DIGITS = 12;

/** Whose networks are whose. */
export interface RangesList {
  readonly kind: 'ranges';
  readonly version: string;
  readonly networks: NetworkRanges<NetworkOwner>;
}

/** Programs that are no browsers. */
export interface CrawlerList {
  readonly kind: 'crawlers';
  readonly version: string;
  readonly count: number;
  /** Whether the list names a user agent. */
  readonly names: (userAgent: string) => boolean;
}

/**
 * Reads a list that somebody brings: networks as docs/bots.md says, or crawlers as crawler-user-agents
 * publishes them.
 *
 * @throws {EngineError} CONFIG_INVALID when it is neither, or holds something that cannot be used
 */
export function readListFile(file: string | URL): RangesList | CrawlerList {
  let text: string;
  let content: unknown;
  try {
    text = readFileSync(file, 'utf8');
    content = JSON.parse(text);
  } catch (error) {
    throw notAList(file, messageOf(error));
  }
  if (Array.isArray(content)) {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
    return crawlersOf(file, `sha256:${hash}`, content);
  }
  const { version, patterns, data_centres, crawlers } = erase<Readonly<Record<string, unknown>>>(
    typeof content === 'object' ? (content ?? {}) : {},
  );
  if (typeof version !== 'string') throw notAList(file, 'no version');
  if (patterns !== undefined) return crawlersOf(file, version, patterns);
  return rangesOf(file, version, { data_centres, crawlers });
}

function rangesOf(
  file: string | URL,
  version: string,
  lists: { readonly data_centres: unknown; readonly crawlers: unknown },
): RangesList {
  const { data_centres: dataCentres = [], crawlers = {} } = lists;
  if (typeof crawlers !== 'object' || crawlers === null) throw notAList(file, 'other crawlers');
  const networks = new NetworkRanges<NetworkOwner>();
  const add = (texts: unknown, owner: NetworkOwner): void => {
    if (!Array.isArray(texts)) throw notAList(file, 'something else than lists of networks');
    for (const text of texts) {
      if (typeof text === 'string' && networks.add(text, owner)) continue;
      throw notAList(file, `${String(text)}, which is no network of at most 24 bits (IPv6: 48)`);
    }
  };
  add(dataCentres, { kind: 'data_centre' });
  // After the data centres: a crawler's network often is one.
  for (const [name, texts] of Object.entries(crawlers)) add(texts, { kind: 'crawler', name });
  if (networks.size > RANGES_MAX) throw notAList(file, `${networks.size} networks`);
  return { kind: 'ranges', version, networks };
}

function crawlersOf(file: string | URL, version: string, entries: unknown): CrawlerList {
  if (!Array.isArray(entries) || entries.length === 0) throw notAList(file, 'no patterns');
  if (entries.length > PATTERNS_MAX) throw notAList(file, `${entries.length} patterns`);
  const patterns = entries.map((entry: unknown) => {
    const pattern =
      typeof entry === 'object' && entry !== null && 'pattern' in entry ? entry.pattern : entry;
    if (typeof pattern === 'string' && pattern !== '' && pattern.length <= PATTERN_LENGTH_MAX) {
      return pattern;
    }
    throw notAList(file, `${JSON.stringify(entry)}, which has no pattern`);
  });
  return { kind: 'crawlers', version, count: patterns.length, names: matcherOf(file, patterns) };
}

/**
 * Finds any of the patterns, in linear time whatever they are. Nearly all are plain words, which the
 * engine of the language finds twenty times faster than RE2 does, and without going back.
 */
function matcherOf(
  file: string | URL,
  patterns: readonly string[],
): (userAgent: string) => boolean {
  for (const pattern of patterns) {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      throw notAList(file, `the pattern ${pattern}: ${messageOf(error)}`);
    }
  }
  const words = patterns.filter((pattern) => isPlain(pattern));
  const others = patterns.filter((pattern) => !isPlain(pattern));
  const anyWord = words.length === 0 ? undefined : new RegExp(words.join('|'));
  const anyOther =
    others.length === 0 ? undefined : RE2JS.compile(others.map((each) => `(?:${each})`).join('|'));
  return (userAgent) =>
    anyWord?.test(userAgent) === true || anyOther?.matcher(userAgent).find() === true;
}

/** Whether a pattern means itself: nothing in it but characters, and signs with a backslash before them. */
function isPlain(pattern: string): boolean {
  return !/[\\^$.*+?()[\]{}|]/.test(pattern.replaceAll(/\\[^\w\s]/g, ''));
}

function notAList(file: string | URL, got: string): EngineError {
  return new EngineError({
    code: 'CONFIG_INVALID',
    kind: 'fatal',
    message:
      `Expected version, data_centres and crawlers (at most ${RANGES_MAX} networks), or patterns of ` +
      `crawlers (at most ${PATTERNS_MAX}), in ${String(file)}, got ${got}`,
  });
}
