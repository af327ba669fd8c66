import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import SwaggerParser from '@apidevtools/swagger-parser';
import { expect, test } from 'vitest';

import { openServer } from '../test/doubles/api-server.ts';
import { PROBLEMS } from './problem.ts';

/** Sends bytes as they are and returns everything that comes back. */
async function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString());
    });
    socket.on('error', reject);
  });
}

async function listen(app: ReturnType<typeof openServer>['app']): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('the process is alive while it is not ready, and says what is wrong', async () => {
  const { app, engine } = openServer();
  expect((await app.inject('/readyz')).json()).toEqual({ status: 'ready' });
  engine.setStatus({ ready: false, problems: ['ClickHouse does not answer'] });
  const ready = await app.inject('/readyz');
  expect([ready.statusCode, ready.json()]).toMatchObject([
    503,
    { code: 'NOT_READY', problems: ['ClickHouse does not answer'] },
  ]);
  const alive = await app.inject('/healthz');
  expect([alive.statusCode, alive.json()]).toEqual([200, { status: 'alive' }]);
});

test('metrics hold those of the engine and of the api', async () => {
  const { app } = openServer();
  await app.inject('/healthz');
  const answer = await app.inject('/metrics');
  expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4');
  expect(answer.body).toContain('engine_events_received_total 0');
  expect(answer.body).toContain('api_responses_total{result="2xx"} 1');
});

test('the status of the pipeline is told with its freshness', async () => {
  const { app, engine } = openServer();
  engine.setStatus({ watermark: 1_772_000_000_000 });
  const answer = (await app.inject('/v1/pipeline')).json<Record<string, unknown>>();
  expect(answer).toMatchObject({
    mode: 'embedded',
    ready: true,
    watermark: 1_772_000_000_000,
    complete: true,
  });
  expect(answer['as_of']).toBeTypeOf('number');
});

test('an address that leads nowhere is 404, one that takes another method 405', async () => {
  const { app } = openServer();
  const missing = await app.inject('/v1/nothing?visitor_id=secret');
  expect([missing.statusCode, missing.json()]).toMatchObject([
    404,
    { code: 'NOT_FOUND', instance: '/v1/nothing', type: 'urn:weir:problem:not-found' },
  ]);
  const wrong = await app.inject({ method: 'DELETE', url: '/v1/events/click' });
  expect([wrong.statusCode, wrong.json()]).toMatchObject([405, { code: 'METHOD_NOT_ALLOWED' }]);
  expect(wrong.headers['allow']).toBe('POST');
  const read = await app.inject({ method: 'POST', url: '/healthz' });
  expect([read.statusCode, read.headers['allow']]).toEqual([405, 'GET, HEAD']);
  const options = await app.inject({ method: 'OPTIONS', url: '/v1/pipeline' });
  expect([options.statusCode, options.headers['allow']]).toEqual([204, 'GET, HEAD']);
  const head = await app.inject({ method: 'HEAD', url: '/v1/pipeline' });
  expect([head.statusCode, head.body]).toEqual([200, '']);
});

test('each answer has a request id: the usable one of the caller, else a new one', async () => {
  const { app, logged } = openServer();
  const id = async (header: string): Promise<unknown> =>
    (await app.inject({ url: '/v1/nothing', headers: { 'x-request-id': header } })).headers[
      'x-request-id'
    ];
  expect(await id('shop-42.7')).toBe('shop-42.7');
  expect(await id('a b\tc')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await id('x'.repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
  expect(logged.some((line) => line.includes('"requestId":"shop-42.7"'))).toBe(true);
});

test('log lines hold neither payloads nor queries', async () => {
  const { app, logged } = openServer();
  await app.inject('/v1/nothing?visitor_id=visitor-secret');
  await app.inject({
    method: 'POST',
    url: '/v1/events/click?token=visitor-secret',
    headers: { 'content-type': 'application/json' },
    payload: '{"event_id":"visitor-secret"}',
  });
  expect(logged.length).toBeGreaterThan(0);
  expect(logged.join('')).not.toContain('visitor-secret');
});

test('an unexpected failure is 500 without its details', async () => {
  const { app, engine, logged } = openServer();
  engine.failing = new TypeError('broken inside');
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/events/click',
    headers: { 'content-type': 'application/json' },
    payload: '{"event_id":"1"}',
  });
  expect([answer.statusCode, answer.json()]).toMatchObject([500, { code: 'INTERNAL' }]);
  expect(answer.body).not.toContain('broken inside');
  expect(logged.some((line) => line.includes('broken inside'))).toBe(true);
});

test('pages of other sites can neither read nor write', async () => {
  const { app } = openServer({ access: { hostNames: ['weir.example'] } });
  const post = async (headers: Readonly<Record<string, string>>): Promise<unknown> =>
    (
      await app.inject({
        method: 'POST',
        url: '/v1/events/click',
        headers: { 'content-type': 'application/json', ...headers },
        payload: '{"event_id":"1"}',
      })
    ).statusCode;
  expect(await post({ host: 'localhost:8080', origin: 'http://localhost:8080' })).toBe(202);
  expect(await post({ host: '[::1]:8080' })).toBe(202);
  expect(await post({ host: 'weir.example', origin: 'https://weir.example' })).toBe(202);
  expect(await post({ host: 'localhost:8080', origin: 'http://shop.example' })).toBe(403);
  expect(await post({ host: 'localhost:8080', origin: 'http://localhost:9999' })).toBe(403);
  expect(await post({ host: 'localhost:8080', origin: 'null' })).toBe(403);
  // A name of the attacker that was pointed at this machine.
  expect(await post({ host: 'rebound.example:8080', origin: 'http://rebound.example:8080' })).toBe(
    421,
  );
});

test('what is no HTTP gets a problem document and its connection closed', async () => {
  const { app } = openServer();
  const port = await listen(app);
  const garbage = await exchange(port, 'this is no request\r\n\r\n');
  expect(garbage).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"REQUEST_INVALID"/);
  const large = await exchange(
    port,
    `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
  );
  expect(large).toMatch(/^HTTP\/1\.1 431 /);
  const path = await exchange(
    port,
    'GET /v1/%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
  );
  expect(path).toMatch(/^HTTP\/1\.1 400 [^]*x-request-id[^]*"REQUEST_INVALID"/);
  const socket = await exchange(
    port,
    'GET /v1/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
  );
  expect(socket).toMatch(/^HTTP\/1\.1 426 [^]*"UPGRADE_REQUIRED"/);
  await app.close();
});

test('the page is served with a policy that lets it load its own files only', async () => {
  const pageDir = mkdtempSync(join(tmpdir(), 'weir-api-page-'));
  writeFileSync(join(pageDir, 'index.html'), '<!doctype html><title>Weir</title>');
  writeFileSync(join(pageDir, 'app.js'), 'export {};');
  const { app } = openServer({ pageDir });
  const page = await app.inject('/');
  expect([page.statusCode, page.headers['content-type']]).toEqual([
    200,
    'text/html; charset=utf-8',
  ]);
  expect(page.headers['content-security-policy']).toContain("script-src 'self'");
  expect((await app.inject('/app.js')).headers['content-type']).toContain('/javascript');
  for (const path of ['/missing.js', '/../server.ts', '/%2e%2e/%2e%2e/etc/passwd', '/.env']) {
    expect((await app.inject(path)).statusCode).toBeGreaterThanOrEqual(400);
  }
  expect((await app.inject({ method: 'POST', url: '/app.js' })).statusCode).toBe(404);
  await app.close();
  rmSync(pageDir, { recursive: true });
});

test('without a built page the address says how to build it', async () => {
  const { app } = openServer();
  const answer = await app.inject('/');
  expect(answer.statusCode).toBe(404);
  expect(answer.json<{ detail: string }>().detail).toContain('build:page');
});

test('the interface is documented as valid OpenAPI 3.1, with a page to read it', async () => {
  const { app } = openServer();
  const answer = await app.inject('/openapi.json');
  const document = answer.json<{ openapi: string; paths: Record<string, unknown> }>();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).toSorted()).toEqual([
    '/healthz',
    '/metrics',
    '/readyz',
    '/v1/alerts/{id}/acknowledge',
    '/v1/assignments',
    '/v1/attribution/paths',
    '/v1/audit-log',
    '/v1/bots',
    '/v1/bots/{visitor}/clear',
    '/v1/bots/{visitor}/confirm',
    '/v1/economics',
    '/v1/economics/carts',
    '/v1/economics/segments',
    '/v1/events/{type}',
    '/v1/lift',
    '/v1/live/events',
    '/v1/pipeline',
  ]);
  await SwaggerParser.validate(answer.json());
  const page = await app.inject('/docs/');
  expect(page.body).toContain('swagger-ui');
  // The policy allows no inline script, so there must be none.
  expect(page.body).not.toMatch(/<script(?![^>]* src=)/);
});

test('the live messages are documented as AsyncAPI', async () => {
  const { app } = openServer();
  const answer = (await app.inject('/asyncapi.json')).json<{
    channels: { live: { messages: object } };
  }>();
  expect(Object.keys(answer.channels.live.messages)).toEqual([
    'subscribe',
    'unsubscribe',
    'ping',
    'snapshot',
    'update',
    'alert',
    'pong',
    'error',
  ]);
});

test('every problem code has a status that HTTP knows', () => {
  for (const status of Object.values(PROBLEMS)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  }
});
