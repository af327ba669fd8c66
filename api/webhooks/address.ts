import { lookup } from 'node:dns/promises';

import ipaddr from 'ipaddr.js';

/** Why a webhook may not be sent there. */
export type AddressRefusal = 'not_found' | 'private';

/** An address to connect to, so that the name is not looked up a second time and found elsewhere. */
export interface CheckedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * Looks `host` up and checks every address it has: all must be public, because a webhook could
 * otherwise be made to reach what only this machine can reach. Allowed private addresses pass.
 */
export async function checkedAddress(
  host: string,
  isPrivateAllowed: boolean,
): Promise<CheckedAddress | AddressRefusal> {
  const name = host.startsWith('[') ? host.slice(1, -1) : host;
  const found = await lookup(name, { all: true }).catch(() => []);
  const [first] = found;
  if (first === undefined) return 'not_found';
  if (!isPrivateAllowed && !found.every(({ address }) => isPublic(address))) return 'private';
  return { address: first.address, family: first.family === 6 ? 6 : 4 };
}

/** Whether an address belongs to no reserved range: not loopback, private, link-local, multicast … */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}
