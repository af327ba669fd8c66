/** Where a request came from, as the log shows it. */
export interface TrafficSource {
  /** Path and query as requested. */
  readonly target: string;
  readonly referrer: string | undefined;
  /** The site's own hosts, as `hostOf` gives them. */
  readonly siteHosts: ReadonlySet<string>;
}

/** Names of search engines as they stand in their host names, whatever the country after them. */
const SEARCH_ENGINES: ReadonlySet<string> = new Set(
  'google bing duckduckgo yahoo yandex baidu ecosia startpage qwant naver seznam ask aol sogou'.split(
    ' ',
  ),
);

/** Parts that may stand before a search engine's name; others (mail, docs, groups) are no searches. */
const SEARCH_PREFIXES: ReadonlySet<string> = new Set([
  'r',
  'm',
  'search',
  'images',
  'cse',
  'encrypted',
  'de',
  'fr',
  'uk',
]);

/** `utm_medium` values in use and the channel they mean. A closed list: a URL must not invent channels. */
const CHANNEL_OF_MEDIUM: ReadonlyMap<string, string> = new Map(
  Object.entries({
    affiliate: 'affiliate',
    banner: 'display',
    cpc: 'paid_search',
    cpm: 'display',
    display: 'display',
    email: 'email',
    feed: 'feed',
    messaging: 'messaging',
    newsletter: 'email',
    organic: 'organic',
    paid: 'paid_search',
    ppc: 'paid_search',
    referral: 'referral',
    rss: 'feed',
    sms: 'messaging',
    social: 'social',
    whatsapp: 'messaging',
  }),
);

/** Longest campaign name that is taken over. */
const CAMPAIGN_LENGTH_MAX = 64;

/**
 * The channel of a request: `utm_medium` by a closed list, `other` for media not on it; else by the
 * referrer: `organic` for search engines, `direct` for none and for the site's own pages (within a
 * visit the first click decides), `referral` for the rest.
 */
export function channelOf({ target, referrer, siteHosts }: TrafficSource): string {
  const medium = parameterOf(target, 'utm_medium');
  if (medium !== undefined) return CHANNEL_OF_MEDIUM.get(medium.toLowerCase()) ?? 'other';
  const host = referrer === undefined ? undefined : hostOf(referrer);
  if (host === undefined || siteHosts.has(host)) return 'direct';
  return isSearchEngine(host) ? 'organic' : 'referral';
}

/** The campaign that the request names, when it is short enough for a name. */
export function campaignOf(target: string): string | undefined {
  const campaign = parameterOf(target, 'utm_campaign');
  return campaign === undefined || campaign.length > CAMPAIGN_LENGTH_MAX ? undefined : campaign;
}

/** The host of an http(s) address in lower case without `www.` and port; undefined when it has none. */
export function hostOf(address: string): string | undefined {
  const start = address.indexOf('://');
  if (start < 0 || !address.toLowerCase().startsWith('http')) return undefined;
  const rest = address.slice(start + 3);
  const end = rest.search(/[/?#:]/);
  const host = (end < 0 ? rest : rest.slice(0, end)).toLowerCase();
  const name = host.startsWith('www.') ? host.slice(4) : host;
  return name === '' ? undefined : name;
}

function isSearchEngine(host: string): boolean {
  const parts = host.split('.');
  const at = parts.findIndex((part) => SEARCH_ENGINES.has(part));
  const ending = parts.slice(at + 1);
  // What follows is `com`, `de`, `co.uk`, …: anything longer is somebody else's host.
  const isCountry =
    ending.length >= 1 && ending.length <= 2 && ending.every((part) => part.length <= 3);
  return at >= 0 && isCountry && parts.slice(0, at).every((part) => SEARCH_PREFIXES.has(part));
}

function parameterOf(target: string, name: string): string | undefined {
  const query = target.indexOf('?');
  if (query < 0) return undefined;
  for (const pair of target.slice(query + 1).split('&')) {
    if (!pair.startsWith(`${name}=`)) continue;
    const value = decoded(pair.slice(name.length + 1)).trim();
    return value === '' ? undefined : value;
  }
  return undefined;
}

/** The decoded text, or the text as it is when its escapes are broken. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
