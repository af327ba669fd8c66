import type { IncomingHttpHeaders } from 'node:http';

const BEARER = /^bearer +(\S+)$/i;
const BASIC = /^basic +([A-Za-z0-9+/=]+)$/i;
/** Pages cannot set headers of a WebSocket; the subprotocol is the one place they can write to. */
const SUBPROTOCOL_PREFIX = 'bearer.';

/**
 * The key that a request carries, unchecked: as `Authorization: Bearer`; as the password of
 * `Authorization: Basic`, which browsers and ClickHouse clients send; in `X-ClickHouse-Key`; or as a
 * WebSocket's subprotocol `bearer.<key>`. Never in the address, which ends up in logs.
 */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) {
    const bearer = BEARER.exec(authorization)?.[1];
    if (bearer !== undefined) return bearer;
    const basic = BASIC.exec(authorization)?.[1];
    if (basic === undefined) return undefined;
    const login = Buffer.from(basic, 'base64').toString('utf8');
    return login.slice(login.indexOf(':') + 1);
  }
  const clickHouse = headers['x-clickhouse-key'];
  if (typeof clickHouse === 'string') return clickHouse;
  return headers['sec-websocket-protocol']
    ?.split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(SUBPROTOCOL_PREFIX))
    ?.slice(SUBPROTOCOL_PREFIX.length);
}
