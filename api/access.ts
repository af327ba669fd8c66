import { isIP } from 'node:net';

import type { ProblemCode } from './problem.ts';

/** Which names a request may use for this server. */
export interface Access {
  /**
   * Host names, without port, that are allowed beside `localhost` and IP addresses. `'any'` where
   * requests need a key: a page under another name has none to send.
   */
  readonly hostNames: readonly string[] | 'any';
}

export interface AccessRefusal {
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
}

/**
 * Keeps the pages of other sites out, which a browser would send along with what it knows: a page whose name was
 * pointed at this machine has that name in `Host`, and any other page has its own in `Origin`.
 *
 * @see OWASP cheat sheets on WebSocket security and cross-site request forgery
 */
export function accessRefusal(
  access: Access,
  headers: { readonly host: string | undefined; readonly origin: string | undefined },
): AccessRefusal | undefined {
  const { host, origin } = headers;
  // HTTP/1.0 clients such as health checks send no Host; browsers always do.
  if (host !== undefined) {
    const name = hostNameOf(host);
    if (name === undefined || !isAllowed(access, name)) {
      return {
        status: 421,
        code: 'HOST_UNKNOWN',
        detail: 'Expected localhost or an IP address as the host of the address',
      };
    }
  }
  if (origin === undefined) return undefined;
  const originHost = URL.canParse(origin) ? new URL(origin).host : '';
  if (host === undefined || originHost !== host.toLowerCase()) {
    return {
      status: 403,
      code: 'ORIGIN_REFUSED',
      detail: 'Expected a request from a page of this server, or from no page at all',
    };
  }
  return undefined;
}

function hostNameOf(host: string): string | undefined {
  const address = `http://${host}`;
  if (!URL.canParse(address)) return undefined;
  return new URL(address).hostname.replace(/^\[|\]$/g, '');
}

function isAllowed(access: Access, name: string): boolean {
  if (access.hostNames === 'any') return true;
  return (
    isIP(name) !== 0 ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    access.hostNames.includes(name)
  );
}
