import { type AddressInfo, createServer } from 'node:net';

import { EngineError, messageOf } from '../schemas/errors.ts';

/** Where a server is to listen; `remedy` completes "Stop that program, or …". */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly remedy: string;
}

/**
 * Checks that a server could listen, before anything is opened that takes its time. Another program may
 * still be faster: then listening tells the same.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE; CONFIG_INVALID when the address cannot be listened on
 */
export async function requireFree(place: Place): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen({ host: place.host, port: place.port }, resolve);
  }).catch((error: unknown) => {
    throw listenError(error, place);
  });
  await new Promise((resolve) => {
    probe.close(resolve);
  });
}

/** Why a server could not listen, in words that say what to change; an error of another kind as it is. */
export function listenError(error: unknown, place: Place): unknown {
  const { host, port, remedy } = place;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new EngineError({
      code: 'HTTP_PORT_IN_USE',
      kind: 'fatal',
      message: `Port ${port} of ${host} is in use by another program. Stop that program, or ${remedy}`,
      details: { port },
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message: `Expected to listen on port ${port} of ${host}: ${messageOf(error)}. Set http.host to another, or ${remedy}`,
      details: { port },
      cause: error,
    });
  }
  return error;
}

/** The address of a server that listens. */
export function urlOf(address: string | AddressInfo | null, host: string): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${typeof address === 'object' && address !== null ? address.port : ''}`;
}
