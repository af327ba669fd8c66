import { createHash } from 'node:crypto';

import { EngineError } from '../../schemas/errors.ts';
import type { ClickKind } from '../../schemas/events/click.ts';
import { isAsset, pathOf } from '../../schemas/page-url.ts';
import { BatchGatherer, type ImportBatch } from './batch.ts';
import { type LineChunk, readLines, rejectionOfLost } from './lines.ts';
import { type LogLine, parseLogLine } from './log-line.ts';
import { campaignOf, channelOf, hostOf } from './traffic-source.ts';

export interface AccessLogOptions {
  /** Who sent the events; default access-log. */
  readonly source?: string;
  /** The site's own host names, whose pages are no referrers; absent means to find them in the file. */
  readonly siteHosts?: readonly string[];
}

/**
 * Lines remembered to number identical ones, twice over. Identical lines carry the same second, so in
 * a log in its order, or reversed, they stand close together.
 */
const REPEAT_LINES = 250_000;

/** Paths that only programs ask for. */
const MACHINE_PATHS: ReadonlySet<string> = new Set(['/robots.txt', '/sitemap.xml', '/favicon.ico']);

/**
 * The requests of a web server's access log (combined format of Apache and nginx) as clicks, one for
 * every line. The rules, each with a count:
 *
 * - **page_views**: GET answered with 2xx or 304, of anything that is not one of the next; kind `page_view`.
 * - **other_methods** (HEAD, POST, …), **errors** (4xx, 5xx), **redirects** (3xx but 304: the browser
 *   asks again), **machine_files** (robots.txt, sitemap.xml, favicon.ico), **assets** (by file
 *   extension), the first that fits: nobody saw a page, so the kind is `beacon`, which counts as no
 *   click. The events stay because they tell people and programs apart.
 * - The visitor is a hash of address and user agent: the file knows nothing better.
 * - The channel follows from campaign parameters, else from the referrer; see `channelOf`.
 * - **repeated_lines**: identical lines are requests of their own. An event's id is the hash of its
 *   line and, for repeats, their number, so the same file gives the same ids whatever the order of
 *   its lines, as long as identical ones stand at most 250,000 lines apart. Beyond that the repeat
 *   is taken for a duplicate.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE, IMPORT_FILE_DAMAGED, the latter after all that could be read
 */
export async function* readAccessLog(
  file: string,
  options: AccessLogOptions = {},
): AsyncGenerator<ImportBatch> {
  const siteHosts = new Set(options.siteHosts ?? (await findSiteHosts(file)));
  const requests = new Requests(options.source ?? 'access-log', siteHosts);
  const gatherer = new BatchGatherer();
  let bytesRead = 0;
  try {
    for await (const chunk of readLines(file)) {
      bytesRead = chunk.bytesRead;
      for (let index = 0; index < chunk.starts.length; index += 1) {
        requests.gather(textAt(chunk, index), chunk.firstLine + index, gatherer);
      }
      if (chunk.lost !== undefined) gatherer.reject(rejectionOfLost(chunk.lost));
      if (gatherer.isFull) yield* gatherer.take(bytesRead, 'click');
    }
  } catch (error) {
    yield* gatherer.take(bytesRead, 'click');
    throw error;
  }
  yield* gatherer.take(bytesRead, 'click');
}

/** Share of the asset requests with a referrer that a host must have sent to be the site itself. */
const SITE_HOST_SHARE = 0.1;

/** Hosts counted while looking for the site's own. */
const SITE_HOST_CANDIDATES_MAX = 10_000;

/**
 * The site's own host names: pages load their style sheets and pictures from their own site, so a
 * host that refers a tenth or more of these requests is the site. Reads the whole file.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE; damage only ends the search, the reading proper reports it
 */
export async function findSiteHosts(file: string): Promise<string[]> {
  const requestsOfHost = new Map<string, number>();
  let total = 0;
  try {
    for await (const chunk of readLines(file)) {
      for (let index = 0; index < chunk.starts.length; index += 1) {
        const host = assetReferrer(textAt(chunk, index));
        if (host === undefined) continue;
        total += 1;
        if (requestsOfHost.size >= SITE_HOST_CANDIDATES_MAX && !requestsOfHost.has(host)) continue;
        requestsOfHost.set(host, (requestsOfHost.get(host) ?? 0) + 1);
      }
    }
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'IMPORT_FILE_DAMAGED') throw error;
  }
  return [...requestsOfHost]
    .filter(([, count]) => count >= total * SITE_HOST_SHARE)
    .map(([host]) => host);
}

function assetReferrer(text: string): string | undefined {
  const result = parseLogLine(text);
  if (result.kind !== 'ok' || result.line.referrer === undefined) return undefined;
  return isAsset(pathOf(result.line.target)) ? hostOf(result.line.referrer) : undefined;
}

/** Bytes that are no UTF-8 become replacement characters; servers write them escaped. */
function textAt({ bytes, starts, ends }: LineChunk, index: number): string {
  return bytes.toString('utf8', starts[index], ends[index]);
}

class Requests {
  readonly #source: string;
  readonly #siteHosts: ReadonlySet<string>;
  #repeats = new Map<string, number>();
  #olderRepeats = new Map<string, number>();

  constructor(source: string, siteHosts: ReadonlySet<string>) {
    this.#source = source;
    this.#siteHosts = siteHosts;
  }

  gather(text: string, line: number, gatherer: BatchGatherer): void {
    if (text.trim() === '') {
      gatherer.skipLine();
      return;
    }
    const result = parseLogLine(text);
    if (result.kind === 'rejected') {
      // The line itself is full of personal data, so the message shows none of it.
      gatherer.reject({
        line,
        code: result.code,
        message: `Expected ${result.expected}, got another text`,
      });
      return;
    }
    const request = result.line;
    const hash = hashOf(text);
    const repeat = this.#numberOf(hash);
    if (repeat > 1) gatherer.count('repeated_lines');
    const rule = ruleOf(request);
    gatherer.count(rule);
    gatherer.add(
      'click',
      this.#click(request, KIND_OF_RULE[rule], repeat > 1 ? `${hash}:${repeat}` : hash),
      line,
    );
  }

  #click(request: LogLine, kind: ClickKind, id: string): unknown {
    const { address, referrer, target, timeMs, userAgent } = request;
    const campaign = campaignOf(target);
    return {
      event_id: `log:${id}`,
      occurred_at: timeMs,
      source: this.#source,
      visitor_id: hashOf(`${address}\0${userAgent ?? ''}`),
      kind,
      channel: channelOf({ target, referrer, siteHosts: this.#siteHosts }),
      ...(campaign === undefined ? {} : { campaign }),
      url: target,
      ...(referrer === undefined ? {} : { referrer }),
      ip: address,
      ...(userAgent === undefined ? {} : { user_agent: userAgent }),
    };
  }

  /** How many times this line has come, this one included. */
  #numberOf(hash: string): number {
    const number = (this.#repeats.get(hash) ?? this.#olderRepeats.get(hash) ?? 0) + 1;
    if (this.#repeats.size >= REPEAT_LINES) {
      this.#olderRepeats = this.#repeats;
      this.#repeats = new Map();
    }
    this.#repeats.set(hash, number);
    return number;
  }
}

type Rule = 'page_views' | 'other_methods' | 'errors' | 'redirects' | 'machine_files' | 'assets';

const KIND_OF_RULE = {
  page_views: 'page_view',
  other_methods: 'beacon',
  errors: 'beacon',
  redirects: 'beacon',
  machine_files: 'beacon',
  assets: 'beacon',
} as const satisfies Record<Rule, ClickKind>;

function ruleOf({ method, status, target }: LogLine): Rule {
  if (method !== 'GET') return 'other_methods';
  if (status >= 400) return 'errors';
  if (status >= 300 && status !== 304) return 'redirects';
  const path = pathOf(target);
  if (MACHINE_PATHS.has(path)) return 'machine_files';
  return isAsset(path) ? 'assets' : 'page_views';
}

/** 128 bits as 22 characters: short enough for an id, and no address can be read from it. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest().toString('base64url', 0, 16);
}
