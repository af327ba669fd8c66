import type { AddressInfo } from 'node:net';

import { EngineError, messageOf } from '../schemas/errors.ts';

/**
 * Why a server could not listen, in words that say what to change; an error of another kind as it is.
 *
 * @param place `remedy` completes "Stop that program, or …"
 */
export function listenError(
  error: unknown,
  place: { readonly host: string; readonly port: number; readonly remedy: string },
): unknown {
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
