import { WeightedChoice, mix32 } from './random.ts';

/** Browsers of people, and of the bots that pretend to be people. */
export const BROWSERS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0',
  'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
  'Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36',
] as const;

const REGIONS = ['RO-B', 'RO-CJ', 'RO-TM', 'RO-IS', 'DE-BE', 'DE-BY', 'FR-IDF', 'IT-25'] as const;

export const ZONES = ['urban', 'suburban', 'rural'] as const;
export type Zone = (typeof ZONES)[number];
const ZONE_CHOICE = new WeightedChoice([50, 30, 20]);

/** Shares of people who sign in once they have ordered, and who order without a customer account. */
const SIGNS_IN_SHARE = 0.8;
const GUEST_SHARE = 0.3;

/** Share of people on the newer address family. */
const IPV6_SHARE = 0.15;

/** What a person has for life, from the visitor's number alone. */
export interface Person {
  readonly ip: string;
  readonly userAgent: string;
  readonly region: string;
  readonly zone: Zone;
  /** Index of the node that serves the person. */
  readonly node: number;
  readonly signsIn: boolean;
  readonly isGuest: boolean;
  /** Between 0 and 1: those below the shop's share of logins are told of when they sign in. */
  readonly loginRank: number;
}

export function personOf(visitorNumber: number, nodeCount: number): Person {
  const first = mix32(visitorNumber * 2 + 1);
  const second = mix32(first ^ 0x9e3779b9);
  const third = mix32(second ^ visitorNumber);
  return {
    ip: addressOf(first, second),
    userAgent: textAt(BROWSERS, (second >>> 4) % BROWSERS.length),
    region: textAt(REGIONS, (second >>> 12) % REGIONS.length),
    zone: ZONES[ZONE_CHOICE.pick((first >>> 8) / 2 ** 24)] ?? 'urban',
    node: (third >>> 8) % nodeCount,
    signsIn: (third & 0xff) / 256 < SIGNS_IN_SHARE,
    isGuest: (second & 0xff) / 256 < GUEST_SHARE,
    loginRank: ((first >>> 8) & 0xff) / 256,
  };
}

/**
 * An address of a household: in the shared address space of carriers, 100.64.0.0/10 (RFC 6598), or
 * in the documentation range 2001:db8::/32 (RFC 3849); so it is never a real person's.
 */
export function addressOf(first: number, second: number): string {
  if ((first & 0xff) / 256 < IPV6_SHARE) {
    return `2001:db8:${(first >>> 16).toString(16)}:${(second >>> 16).toString(16)}::1`;
  }
  return `100.${64 + ((first >>> 8) & 63)}.${(first >>> 16) & 255}.${1 + ((first >>> 24) % 254)}`;
}

function textAt(texts: readonly string[], index: number): string {
  return texts[index] ?? '';
}
