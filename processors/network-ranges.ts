import ipaddr from 'ipaddr.js';

/** Bits of an address that are kept, of IPv4 and of IPv6; see `client-forms.ts`. */
const IPV4_BITS = 24;
const IPV6_BITS = 48;
/** 16-bit groups that are kept of an IPv6 address. */
const IPV6_GROUPS = 3;

/** Networks of one family by length of prefix, longest first, and in each by the bits of the prefix. */
type ByLength<Owner> = { readonly length: number; readonly owners: Map<number, Owner> }[];

/**
 * Whose network one is: of those added, the longest that contains it decides. Every click asks, so
 * kept networks are read as numbers (24 or 48 bits) without a library: 0.2 µs instead of 30.
 */
export class NetworkRanges<Owner> {
  readonly #ipv4: ByLength<Owner> = [];
  readonly #ipv6: ByLength<Owner> = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a network in CIDR notation; of the same one the latest owner holds.
   *
   * @returns false when the text is none, or when it is smaller than what is kept of an address, as
   *   it then cannot be told from its neighbours
   */
  add(text: string, owner: Owner): boolean {
    if (!ipaddr.isValidCIDR(text)) return false;
    const [address, length] = ipaddr.parseCIDR(text);
    const isIpv4 = address instanceof ipaddr.IPv4;
    const bits = isIpv4 ? IPV4_BITS : IPV6_BITS;
    if (length > bits) return false;
    let prefix = 0;
    for (const byte of address.toByteArray().slice(0, bits / 8)) prefix = prefix * 256 + byte;
    const lengths = isIpv4 ? this.#ipv4 : this.#ipv6;
    let entry = lengths.find((each) => each.length === length);
    if (entry === undefined) {
      entry = { length, owners: new Map() };
      lengths.push(entry);
      lengths.sort((a, b) => b.length - a.length);
    }
    entry.owners.set(Math.floor(prefix / 2 ** (bits - length)), owner);
    this.#size += 1;
    return true;
  }

  /** Whose the kept network is, such as `203.0.113.0/24` or `2001:db8:7::/48`. */
  find(network: string): Owner | undefined {
    const isIpv6 = network.includes(':');
    const value = isIpv6 ? ipv6Number(network) : ipv4Number(network);
    if (value === undefined) return undefined;
    const bits = isIpv6 ? IPV6_BITS : IPV4_BITS;
    for (const { length, owners } of isIpv6 ? this.#ipv6 : this.#ipv4) {
      const owner = owners.get(Math.floor(value / 2 ** (bits - length)));
      if (owner !== undefined) return owner;
    }
    return undefined;
  }
}

const ZERO = 48;
const NINE = 57;
const DOT = 46;
const COLON = 58;
const LOWER_A = 97;
const LOWER_F = 102;

/** The first 24 bits of `a.b.c.…`. */
function ipv4Number(text: string): number | undefined {
  let value = 0;
  let octet = 0;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= ZERO && unit <= NINE) octet = octet * 10 + unit - ZERO;
    else if (unit !== DOT || octet > 255) return undefined;
    else {
      value = value * 256 + octet;
      octet = 0;
      dots += 1;
      if (dots === IPV4_BITS / 8) return value;
    }
  }
  return undefined;
}

/** The first 48 bits of `a:b:c::…`. */
function ipv6Number(text: string): number | undefined {
  let value = 0;
  let group = 0;
  let colons = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= ZERO && unit <= NINE) group = group * 16 + unit - ZERO;
    else if (unit >= LOWER_A && unit <= LOWER_F) group = group * 16 + unit - LOWER_A + 10;
    else if (unit !== COLON || group > 0xffff) return undefined;
    else {
      value = value * 0x10000 + group;
      group = 0;
      colons += 1;
      if (colons === IPV6_GROUPS) return value;
    }
  }
  return undefined;
}
