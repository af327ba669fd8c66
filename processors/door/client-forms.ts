import ipaddr from 'ipaddr.js';

import { GenerationMap } from './generations.ts';

/** Forms kept per kind, about 15 MB: user agents and addresses repeat. */
const CACHE_SIZE_MAX = 50_000;
/** Longest user agent that is looked at, and longest form, in UTF-16 units. */
const AGENT_LENGTH_MAX = 512;
const FORM_LENGTH_MAX = 256;
/** A word this long with letters and digits in it is an id of a device or a person; no product is called that. */
const ID_WORD = /[A-Za-z0-9]{16,}/g;
/** What stands before an @ names a person or a contact. */
const MAILBOX = /[^\s();,<>]+@/g;
const DIGITS = /\d+/g;
/** Control characters; no accepted event contains one. */
const UNPRINTABLE = /[^ -~]+/g;

/** What may be kept of a client: enough to tell programs from people, too little to tell people apart. */
export interface ClientForms {
  /** The user agent with every number as 0 and without ids and mailboxes; null for an empty one. */
  agent(userAgent: string): string | null;
  /** The network of an address: the first 24 bits of IPv4, 48 of IPv6; null when it is no address. */
  network(address: string): string | null;
}

/** Makes forms of clients and remembers the latest of them, in memory alone. */
export function createClientForms(): ClientForms {
  const agents = new GenerationMap<string>(CACHE_SIZE_MAX);
  const networks = new GenerationMap<string>(CACHE_SIZE_MAX);
  return {
    agent: (userAgent) => remembered(agents, userAgent, agentFormOf),
    network: (address) => remembered(networks, address, networkOf),
  };
}

/** `''` stands for none. */
function remembered(
  cache: GenerationMap<string>,
  value: string,
  make: (value: string) => string,
): string | null {
  let form = cache.get(value);
  if (form === undefined) {
    form = make(value);
    cache.set(value, form);
  }
  return form === '' ? null : form;
}

/**
 * What is left of a user agent. The 952 browsers of npm user-agents become 68 forms; 2,115 of the 2,118
 * programs of npm crawler-user-agents are still recognised by theirs.
 */
export function agentFormOf(userAgent: string): string {
  return userAgent
    .slice(0, AGENT_LENGTH_MAX)
    .trim()
    .replace(UNPRINTABLE, '~')
    .replace(MAILBOX, '~@')
    .replace(ID_WORD, (word) => (/\d/.test(word) && /[A-Za-z]/.test(word) ? '~' : word))
    .replace(DIGITS, '0')
    .slice(0, FORM_LENGTH_MAX);
}

const IPV4_BITS = 24;
const IPV6_BITS = 48;
const IPV6_PARTS_KEPT = 3;

/** The network of an address as text, such as `203.0.113.0/24` or `2001:db8:7::/48`; empty for anything else. */
export function networkOf(address: string): string {
  const text = address.trim();
  if (!ipaddr.isValid(text)) return '';
  const parsed = ipaddr.process(text);
  if (parsed instanceof ipaddr.IPv4) {
    return `${parsed.octets.slice(0, 3).join('.')}.0/${IPV4_BITS}`;
  }
  const parts = parsed.parts.slice(0, IPV6_PARTS_KEPT).map((part) => part.toString(16));
  return `${parts.join(':')}::/${IPV6_BITS}`;
}
