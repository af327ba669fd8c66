import { once } from 'node:events';

import { expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { parseKey, revokeKey } from '../../processors/key-file.ts';
import { PANELS } from '../../processors/panels.ts';
import { ROLES, type Role } from '../../schemas/access.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { openTestKeys, type TestKeys } from '../../test/doubles/api-keys.ts';
import { openServer } from '../../test/doubles/api-server.ts';
import { createSqlServer } from '../sql/server.ts';

/** The methods of our routes. */
const METHODS: ReadonlyMap<string, 'HEAD' | 'POST'> = new Map([
  ['HEAD', 'HEAD'],
  ['POST', 'POST'],
]);

/** Longer than until lapsed keys are looked for. */
const A_WHILE_MS = 10 * SECOND_MS;

function guarded({ guard, clock }: TestKeys): ReturnType<typeof openServer> {
  return openServer({ guard, clock, panels: PANELS, access: { hostNames: 'any' } });
}

function bearer(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` };
}

/** What each role may do, by the words of the contract and by nothing that the product computes. */
function mayReach(role: Role, method: string, route: string): boolean {
  if (role === 'admin') return true;
  if (method === 'POST' && route === '/v1/events/:type') return role === 'ingest';
  if (method === 'POST' && route.endsWith('/acknowledge')) return role === 'ops';
  if (method === 'POST' && route.startsWith('/v1/bots/')) return role === 'ops';
  if (route === '/v1/audit-log') return false;
  if (method === 'GET' || method === 'HEAD') return role === 'read' || role === 'ops';
  return false;
}

test('every route lets in the roles that may use it, and nobody without a key', async () => {
  const keys = openTestKeys();
  const { app } = guarded(keys);
  const routes: { readonly method: string; readonly route: string }[] = [
    { method: 'GET', route: '/' },
  ];
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, route: url });
  });
  await app.ready();
  const names = routes.map(({ method, route }) => `${method} ${route}`);
  expect(names).toEqual(
    expect.arrayContaining([
      'GET /v1/channels',
      'GET /v1/pipeline',
      'GET /v1/live/events',
      'GET /metrics',
      'GET /docs',
      'GET /openapi.json',
      'POST /v1/events/:type',
      'POST /v1/alerts/:id/acknowledge',
      'POST /v1/bots/:visitor/clear',
      'POST /v1/bots/:visitor/confirm',
    ]),
  );
  for (const { method, route } of routes) {
    // An open stream would never answer; it has a test of its own.
    if (route === '/v1/live/events') continue;
    const url = route
      .replace(':type', 'click')
      .replace(/:id|:visitor/, 'a')
      .replace('*', 'x');
    const statusFor = async (headers: Readonly<Record<string, string>>): Promise<number> => {
      const answer = await app.inject({ method: METHODS.get(method) ?? 'GET', url, headers });
      return answer.statusCode;
    };
    const isPublic = route === '/healthz' || route === '/readyz';
    expect(await statusFor({}), `${method} ${route}`).toBe(isPublic ? 200 : 401);
    keys.clock.advance(MINUTE_MS);
    for (const role of ROLES) {
      const status = await statusFor(bearer(keys.keys[role]));
      const isLetIn = status !== 401 && status !== 403;
      const expected = isPublic || mayReach(role, method, route);
      expect([role, method, route, isLetIn]).toEqual([role, method, route, expected]);
    }
  }
});

test('what is refused says how to be let in, and nothing is done', async () => {
  const { keys, ...rest } = openTestKeys();
  const { app, engine } = guarded({ keys, ...rest });
  const event = [
    {
      event_id: 'a',
      occurred_at: Date.UTC(2026, 2, 1, 9),
      source: 's',
      visitor_id: 'v',
      kind: 'click',
      channel: 'dtc',
    },
  ];
  const anonymous = await app.inject({ method: 'POST', url: '/v1/events/click', payload: event });
  expect([anonymous.statusCode, anonymous.json()]).toMatchObject([401, { code: 'KEY_NEEDED' }]);
  expect(anonymous.headers['www-authenticate']).toBe('Basic realm="Weir", charset="UTF-8"');
  const reader = await app.inject({
    method: 'POST',
    url: '/v1/events/click',
    payload: event,
    headers: bearer(keys.read),
  });
  expect([reader.statusCode, reader.json()]).toMatchObject([403, { code: 'ROLE_MISSING' }]);
  expect(engine.events.size).toBe(0);
  const sender = await app.inject({
    method: 'POST',
    url: '/v1/events/click',
    payload: event,
    headers: bearer(keys.ingest),
  });
  expect(sender.statusCode).toBe(202);
});

test('the key may be the password of a login, and stands in no log', async () => {
  const { keys, ...rest } = openTestKeys();
  const { app, logged } = guarded({ keys, ...rest });
  const login = Buffer.from(`anyone:${keys.read}`).toString('base64');
  const answer = await app.inject({
    url: '/v1/pipeline',
    headers: { authorization: `Basic ${login}` },
  });
  expect(answer.statusCode).toBe(200);
  for (const wrong of ['Basic !', 'Basic ', 'Bearer', `Digest ${keys.read}`, keys.read]) {
    const refused = await app.inject({ url: '/v1/pipeline', headers: { authorization: wrong } });
    expect(refused.statusCode, wrong).toBe(401);
  }
  expect(logged.join('')).not.toContain(keys.read);
  expect(logged.join('')).not.toContain(login);
});

test('an address that leads nowhere is told only to who has a key', async () => {
  const { keys, ...rest } = openTestKeys();
  const { app } = guarded({ keys, ...rest });
  expect((await app.inject('/v1/secret')).statusCode).toBe(401);
  const answer = await app.inject({ url: '/v1/secret', headers: bearer(keys.ingest) });
  expect(answer.statusCode).toBe(404);
});

test('a key that asks too often waits, others and its other budget do not', async () => {
  const { keys, clock, ...rest } = openTestKeys({
    ingest_requests_per_minute: 60,
    requests_per_minute: 3,
  });
  const { app } = guarded({ keys, clock, ...rest });
  const read = async (key: string): Promise<number> =>
    (await app.inject({ url: '/v1/pipeline', headers: bearer(key) })).statusCode;
  expect([await read(keys.admin), await read(keys.admin), await read(keys.admin)]).toEqual([
    200, 200, 200,
  ]);
  const refused = await app.inject({ url: '/v1/pipeline', headers: bearer(keys.admin) });
  expect([refused.statusCode, refused.json(), refused.headers['retry-after']]).toMatchObject([
    429,
    { code: 'RATE_LIMITED' },
    '20',
  ]);
  expect(await read(keys.ops)).toBe(200);
  const send = await app.inject({
    method: 'POST',
    url: '/v1/events/click',
    payload: [],
    headers: bearer(keys.admin),
  });
  expect(send.statusCode).not.toBe(429);
  clock.advance(20 * SECOND_MS);
  expect(await read(keys.admin)).toBe(200);
  expect(await read(keys.admin)).toBe(429);
});

test('an address that guesses is slowed down, and its good keys still work', async () => {
  const { keys, ...rest } = openTestKeys();
  const { app } = guarded({ keys, ...rest });
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const guess = `weir_${'0'.repeat(12)}.${String(attempt).padStart(43, 'A')}`;
    const { statusCode } = await app.inject({ url: '/v1/pipeline', headers: bearer(guess) });
    statuses.push(statusCode);
  }
  expect(statuses.filter((status) => status === 401)).toHaveLength(60);
  expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  const good = await app.inject({ url: '/v1/pipeline', headers: bearer(keys.read) });
  expect(good.statusCode).toBe(200);
});

async function listening(keys: TestKeys): Promise<number> {
  const { app } = guarded(keys);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Status of a refused handshake, or `open`. */
async function handshake(
  port: number,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<number | WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/live`, [...protocols], { headers });
  const { promise, resolve } = Promise.withResolvers<number | WebSocket>();
  socket.on('open', () => resolve(socket));
  socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
  socket.on('error', () => undefined);
  return promise;
}

test('a WebSocket needs a key that may read, and ends when the key does', async () => {
  const keys = openTestKeys();
  const port = await listening(keys);
  expect(await handshake(port, ['weir.v1'])).toBe(401);
  expect(await handshake(port, ['weir.v1'], bearer(keys.keys.ingest))).toBe(403);
  expect(await handshake(port, ['weir.v1', `bearer.${keys.keys.sql}`])).toBe(403);

  const byHeader = await handshake(port, ['weir.v1'], bearer(keys.keys.read));
  const byProtocol = await handshake(port, ['weir.v1', `bearer.${keys.keys.ops}`]);
  if (typeof byHeader === 'number' || typeof byProtocol === 'number') {
    throw new TypeError('expected two connections');
  }
  // The key does not come back in the answer.
  expect(byProtocol.protocol).toBe('weir.v1');
  revokeKey(keys.path, parseKey(keys.keys.read)?.id ?? '', keys.clock.nowMs());
  const closed = once(byHeader, 'close');
  keys.clock.advance(A_WHILE_MS);
  const [code]: readonly unknown[] = await closed;
  expect(code).toBe(4401);
  expect(byProtocol.readyState).toBe(WebSocket.OPEN);
  byProtocol.terminate();
});

test('WebSocket handshakes count against the budget of their key', async () => {
  const keys = openTestKeys({ requests_per_minute: 1 });
  const port = await listening(keys);
  const first = await handshake(port, ['weir.v1'], bearer(keys.keys.read));
  expect(typeof first).toBe('object');
  expect(await handshake(port, ['weir.v1'], bearer(keys.keys.read))).toBe(429);
  if (typeof first !== 'number') first.terminate();
});

test('an event stream needs a key that may read, counts, and ends when the key does', async () => {
  const keys = openTestKeys({ requests_per_minute: 1 });
  const port = await listening(keys);
  const url = `http://127.0.0.1:${port}/v1/live/events?topic=channels`;
  expect((await fetch(url)).status).toBe(401);
  expect((await fetch(url, { headers: bearer(keys.keys.ingest) })).status).toBe(403);
  const stream = await fetch(url, { headers: bearer(keys.keys.read) });
  expect(stream.status).toBe(200);
  expect((await fetch(url, { headers: bearer(keys.keys.read) })).status).toBe(429);
  const text = stream.text();
  revokeKey(keys.path, parseKey(keys.keys.read)?.id ?? '', keys.clock.nowMs());
  keys.clock.advance(A_WHILE_MS);
  // Read to its end, which there would be none of with a good key.
  expect(await text).toMatch(/^retry: \d+/);
});

test('statements of ClickHouse clients need a key for SQL', async () => {
  const keys = openTestKeys();
  const statements: string[] = [];
  const { server, close } = createSqlServer({
    sql: {
      run: async ({ sql }) => {
        statements.push(sql);
        return { kind: 'refused', code: 999, message: 'Got through. (KEEPER_EXCEPTION)' };
      },
    },
    access: { hostNames: 'any' },
    guard: keys.guard,
    logger: openServer().app.log,
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const ask = async (headers: Readonly<Record<string, string>>): Promise<readonly unknown[]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/?query=SELECT%201`, { headers });
    return [answer.status, answer.headers.get('x-clickhouse-exception-code')];
  };
  expect(await ask({})).toEqual([401, '516']);
  expect(await ask(bearer(keys.keys.read))).toEqual([403, '497']);
  expect(await ask({ 'x-clickhouse-user': 'a', 'x-clickhouse-key': keys.keys.ops })).toEqual([
    403,
    '497',
  ]);
  expect(statements).toEqual([]);
  const login = Buffer.from(`default:${keys.keys.sql}`).toString('base64');
  expect(await ask({ authorization: `Basic ${login}` })).toEqual([500, '999']);
  expect(await ask({ 'x-clickhouse-key': keys.keys.admin })).toEqual([500, '999']);
  expect(statements.length).toBeGreaterThan(0);
  await close();
});
