import type { IncomingHttpHeaders } from 'node:http';

import type { Guard } from './guard.ts';

/** Who has acted when neither a key nor the request says. */
const ACTOR_DEFAULT = 'anonymous';

/**
 * Who acts by a request, as it is written down. The key has the word: a name that the request gives
 * stands beside it, never in its place.
 *
 * @param guard undefined where requests need no key
 */
export function actorOf(
  { headers, named }: { readonly headers: IncomingHttpHeaders; readonly named: string | undefined },
  guard: Guard | undefined,
): string {
  const keyId = guard?.keyIdOf(headers);
  if (keyId === undefined) return named ?? ACTOR_DEFAULT;
  return named === undefined ? `key ${keyId}` : `${named}, key ${keyId}`;
}
