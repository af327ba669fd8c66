import { createServer as createTcpServer } from 'node:net';

import { pino } from 'pino';
import { expect, test } from 'vitest';

import { MemoryEngine } from '../test/doubles/memory-engine.ts';
import { type ApiConfig, startApi } from './main.ts';

const MIB = 1_024 * 1_024;

function configOn(port: number): ApiConfig {
  return {
    http: { host: '127.0.0.1', port, max_body_bytes: 8 * MIB },
    ingest: { batch_events_max: 1_000, event_bytes_max: MIB },
    live: { clients_max: 10, buffered_bytes_max: MIB },
    attribution: { lookback: 2_592_000_000 },
    sessions: { gap: 1_800_000 },
  };
}

const logger = pino({ level: 'silent' });

test('the api listens where the configuration says, on the loopback address only', async () => {
  const engine = new MemoryEngine();
  const api = await startApi({
    config: configOn(0),
    engine,
    panels: [],
    pageDir: undefined,
    logger,
  });
  expect(api.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  await api.close();
  await expect(fetch(`${api.url}/healthz`)).rejects.toThrow('fetch failed');
  expect(engine.listenerCount).toBe(0);
});

test('a port in use is named, with the setting to change', async () => {
  const other = createTcpServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const engine = new MemoryEngine();
  const started = startApi({
    config: configOn(port),
    engine,
    panels: [],
    pageDir: undefined,
    logger,
  });
  await expect(started).rejects.toMatchObject({
    code: 'HTTP_PORT_IN_USE',
    kind: 'fatal',
    message: expect.stringMatching(new RegExp(`Port ${port} .*http\\.port`)),
  });
  expect(engine.listenerCount).toBe(0);
  other.close();
});

test('closing lets a request in progress finish', async () => {
  const engine = new MemoryEngine();
  const api = await startApi({
    config: configOn(0),
    engine,
    panels: [],
    pageDir: undefined,
    logger,
  });
  const held = Promise.withResolvers<void>();
  engine.holding = held.promise;
  const answer = fetch(`${api.url}/v1/events/click`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"event_id":"1"}',
  });
  await expect.poll(() => engine.ingestCount).toBe(1);
  const closed = api.close();
  held.resolve();
  expect((await answer).status).toBe(202);
  await closed;
});

test('closing does not wait for a request that hangs', async () => {
  const engine = new MemoryEngine();
  const api = await startApi({
    config: configOn(0),
    engine,
    panels: [],
    pageDir: undefined,
    logger,
  });
  const hanging = fetch(`${api.url}/v1/events/click`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    duplex: 'half',
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('['));
      },
    }),
  }).catch((error: unknown) => error);
  await expect.poll(() => engine.arrivedCount).toBe(1);
  const started = performance.now();
  await api.close();
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await hanging).toBeInstanceOf(Error);
});
