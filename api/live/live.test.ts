import { once } from 'node:events';
import { connect } from 'node:net';

import { expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { assert } from '../../schemas/errors.ts';
import type { Panel, Update } from '../../schemas/panel.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { openServer } from '../../test/doubles/api-server.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import type { LiveMessage } from '../../test/doubles/memory-viewer.ts';
import { BEHIND_MS_MAX } from './hub.ts';

const T0 = Date.UTC(2026, 2, 1, 10);

const STOCK: Panel = {
  topic: 'stock',
  path: 'stock',
  needs: [],
  live: {
    table: 'stock_rows',
    key: ['sku'],
    sums: [],
    retentionMs: undefined,
    rowsMax: 1_000,
    windowMs: undefined,
  },
  query: {
    views: { all: 'stock' },
    columns: ['sku', 'available', 'note'],
    filters: ['sku'],
    timeColumn: undefined,
    orderBy: ['sku'],
  },
};

function stocked(sku: string, available: number, note = ''): Update {
  return { table: 'stock_rows', task: 'sku-0', version: available, row: { sku, available, note } };
}

async function openLive(
  options: Parameters<typeof openServer>[0] = {},
): Promise<ReturnType<typeof openServer> & { readonly port: number; readonly clock: ManualClock }> {
  const clock = new ManualClock(T0);
  const server = openServer({ panels: [STOCK], clock, ...options });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const address = server.app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { ...server, port, clock };
}

/** A real client that keeps what it reads. */
class Client {
  readonly socket: WebSocket;
  readonly messages: LiveMessage[] = [];

  constructor(port: number, protocols: readonly string[] = ['weir.v1'], headers = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/v1/live`, [...protocols], { headers });
    this.socket.on('message', (data: Buffer) => {
      const message: LiveMessage = JSON.parse(data.toString());
      this.messages.push(message);
    });
  }

  async opened(): Promise<this> {
    await once(this.socket, 'open');
    return this;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async next(count = 1): Promise<readonly LiveMessage[]> {
    while (this.messages.length < count) await once(this.socket, 'message');
    return this.messages.splice(0);
  }

  async closeCode(): Promise<number> {
    const [code]: readonly unknown[] = await once(this.socket, 'close');
    return Number(code);
  }
}

test('a socket gets snapshot, updates and pong, in the subprotocol weir.v1', async () => {
  const { app, engine, port } = await openLive();
  engine.publish([stocked('A', 1)]);
  const client = await new Client(port).opened();
  expect(client.socket.protocol).toBe('weir.v1');
  client.send({ type: 'subscribe', id: 'a', topic: 'stock', filter: { sku: ['A', 'Ä'] } });
  expect(await client.next()).toMatchObject([
    { type: 'snapshot', id: 'a', rows: [{ sku: 'A', available: 1 }] },
  ]);
  engine.publish([stocked('A', 2), stocked('B', 1)], { newestAppendedMs: T0 - 30 });
  engine.publish([stocked('Ä', 7, 'größer')]);
  expect(await client.next(2)).toMatchObject([
    { type: 'update', rows: [{ sku: 'A', available: 2 }], pipeline_ms: 30 },
    { type: 'update', rows: [{ sku: 'Ä', note: 'größer' }] },
  ]);
  client.send({ type: 'ping' });
  expect(await client.next()).toEqual([{ type: 'pong' }]);
  client.send({ type: 'unsubscribe', id: 'a' });
  client.send({ type: 'ping' });
  await client.next();
  engine.publish([stocked('A', 3)]);
  client.send({ type: 'ping' });
  expect(await client.next()).toEqual([{ type: 'pong' }]);
  await app.close();
  expect(client.socket.readyState).toBeGreaterThanOrEqual(WebSocket.CLOSING);
});

test('messages of every length arrive whole', async () => {
  const { app, engine, port } = await openLive();
  const client = await new Client(port).opened();
  client.send({ type: 'subscribe', id: 'a', topic: 'stock' });
  await client.next();
  const notes = [0, 1, 125, 126, 65_300, 65_536, 200_000].map((length) => 'ü'.repeat(length));
  for (const [index, note] of notes.entries()) {
    engine.publish([stocked('A', index + 1, note)]);
    expect((await client.next())[0]?.rows?.[0]?.['note']).toBe(note);
  }
  await app.close();
});

test('a client is told what was wrong with its message and stays connected', async () => {
  const { app, port } = await openLive();
  const client = await new Client(port).opened();
  for (const message of [
    'no json',
    '[]',
    'null',
    '{"type":"dance"}',
    '{"type":"subscribe"}',
    '{"type":"unsubscribe"}',
    '{"type":"subscribe","id":"a","topic":"stock","resume_from":"x"}',
    '{"type":"ping","__proto__":{"x":1}}',
  ]) {
    client.send(message);
    expect(await client.next()).toMatchObject([{ type: 'error', code: 'LIVE_MESSAGE_INVALID' }]);
  }
  client.send({ type: 'subscribe', id: 'a', topic: 'weather' });
  expect(await client.next()).toMatchObject([{ code: 'LIVE_TOPIC_UNKNOWN', id: 'a' }]);
  client.send({ type: 'unsubscribe', id: 'a' });
  expect(await client.next()).toMatchObject([{ code: 'LIVE_SUBSCRIPTION_UNKNOWN', id: 'a' }]);
  client.send({ type: 'ping' });
  expect(await client.next()).toEqual([{ type: 'pong' }]);
  await app.close();
});

test('a message over 64 KiB, binary data or a flood of messages ends the connection', async () => {
  const { app, port } = await openLive();
  const large = await new Client(port).opened();
  large.send('x'.repeat(65 * 1_024));
  expect(await large.closeCode()).toBe(1009);
  const binary = await new Client(port).opened();
  binary.socket.send(Buffer.from([1]));
  expect(await binary.closeCode()).toBe(1003);
  const flood = await new Client(port).opened();
  for (let count = 0; count <= 200; count += 1) flood.send({ type: 'ping' });
  expect(await flood.closeCode()).toBe(1008);
  await app.close();
});

test('handshakes of other sites, other protocols and other paths are refused', async () => {
  const { app, port } = await openLive();
  const handshake = async (path: string, headers: readonly string[]): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        [
          `GET ${path} HTTP/1.1`,
          'connection: upgrade',
          'upgrade: websocket',
          'sec-websocket-version: 13',
          'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
          '\r\n',
        ].join('\r\n'),
      );
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(chunk.toString());
      });
    });
  const own = `host: localhost:${port}`;
  expect(await handshake('/v1/live', [own])).toMatch(/^HTTP\/1\.1 101 /);
  expect(await handshake('/v1/live?x=1', [own, `origin: http://localhost:${port}`])).toMatch(
    /^HTTP\/1\.1 101 /,
  );
  expect(await handshake('/v1/live', [own, 'origin: http://shop.example'])).toMatch(
    /^HTTP\/1\.1 403 [^]*"ORIGIN_REFUSED"/,
  );
  expect(await handshake('/v1/live', ['host: rebound.example'])).toMatch(
    /^HTTP\/1\.1 421 [^]*"HOST_UNKNOWN"/,
  );
  expect(await handshake('/v1/other', [own])).toMatch(/^HTTP\/1\.1 404 [^]*x-request-id: /);
  expect(await handshake('/v1/live', [own, 'sec-websocket-protocol: weir.v9'])).toMatch(
    /^HTTP\/1\.1 400 [^]*"SUBPROTOCOL_UNKNOWN"/,
  );
  await app.close();
});

test('a connection that answers no ping is ended', async () => {
  const { app, port, clock } = await openLive();
  const alive = await new Client(port).opened();
  const dead = new WebSocket(`ws://127.0.0.1:${port}/v1/live`, 'weir.v1', { autoPong: false });
  await once(dead, 'open');
  const pinged = Promise.all([once(alive.socket, 'ping'), once(dead, 'ping')]);
  clock.advance(30 * SECOND_MS);
  await pinged;
  alive.send({ type: 'ping' });
  await alive.next();
  const closed = once(dead, 'close');
  clock.advance(30 * SECOND_MS);
  const [code]: readonly unknown[] = await closed;
  expect(code).toBe(1006);
  expect(alive.socket.readyState).toBe(WebSocket.OPEN);
  await app.close();
});

test('connections beyond the limit are told to try again later', async () => {
  const { app, port } = await openLive({ live: { viewersMax: 1, bufferedBytesMax: 1_000 } });
  await new Client(port).opened();
  expect(await new Client(port).closeCode()).toBe(1013);
  const stream = await fetch(`http://127.0.0.1:${port}/v1/live/events?topic=stock`);
  expect([stream.status, stream.headers.get('retry-after')]).toEqual([503, '30']);
  await app.close();
});

test('a socket that stops reading holds a bounded buffer, and ends up with the newest rows', async () => {
  const { app, engine, port } = await openLive();
  const client = await new Client(port).opened();
  client.send({ type: 'subscribe', id: 'a', topic: 'stock' });
  await client.next();
  client.socket.pause();
  const note = 'x'.repeat(1_000);
  const before = process.memoryUsage().arrayBuffers;
  // 40 MB of updates for one row, far more than the kernel's buffers take.
  for (let count = 1; count <= 40_000; count += 1) {
    engine.publish([stocked('A', count, note)]);
    if (count % 1_000 === 0) await new Promise(setImmediate);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
  client.socket.resume();
  await expect
    .poll(() => client.messages.at(-1)?.rows?.[0]?.['available'], { timeout: 10_000 })
    .toBe(40_000);
  expect(client.messages.length).toBeLessThan(20_000);
  await app.close();
});

test('a socket that never reads again is closed with 4008', async () => {
  const { app, engine, port, clock } = await openLive();
  const client = await new Client(port).opened();
  client.send({ type: 'subscribe', id: 'a', topic: 'stock' });
  await client.next();
  client.socket.pause();
  const note = 'x'.repeat(10_000);
  for (let count = 1; count <= 2_000; count += 1) {
    engine.publish([stocked('A', count, note)]);
    if (count % 100 === 0) await new Promise(setImmediate);
  }
  clock.advance(BEHIND_MS_MAX + 2 * SECOND_MS);
  const code = client.closeCode();
  client.socket.resume();
  expect(await code).toBe(4008);
  await app.close();
});

/** The events of a stream until there are `count`. */
async function readEvents(
  response: Response,
  count: number,
): Promise<readonly { readonly id: string | undefined; readonly message: LiveMessage }[]> {
  let text = '';
  const events: { readonly id: string | undefined; readonly message: LiveMessage }[] = [];
  assert(response.body !== null, 'an event stream has a body');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  while (events.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const message: LiveMessage = JSON.parse(data);
      events.push({ id: /^id: (.*)$/m.exec(block)?.[1], message });
    }
  }
  await reader.cancel();
  return events;
}

test('the same messages come as server-sent events, and resume by Last-Event-ID', async () => {
  const { app, engine, port } = await openLive();
  engine.publish([stocked('A', 1)]);
  const url = `http://127.0.0.1:${port}/v1/live/events?topic=stock&topic=pipeline&sku=A&sku=B`;
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('x-request-id')).not.toBeNull();
  engine.publish([stocked('C', 1), stocked('B', 2)]);
  const events = await readEvents(response, 3);
  expect(events.map(({ message }) => message)).toMatchObject([
    { type: 'snapshot', id: 'stock', rows: [{ sku: 'A' }] },
    { type: 'snapshot', id: 'pipeline' },
    { type: 'update', id: 'stock', rows: [{ sku: 'B' }] },
  ]);
  const lastId = events.at(-1)?.id ?? '';
  expect(lastId).toBe(`stock:${events.at(-1)?.message.seq}`);

  engine.publish([stocked('A', 9)]);
  const again = await fetch(url, { headers: { 'last-event-id': lastId } });
  expect((await readEvents(again, 2)).map(({ message }) => message)).toMatchObject([
    { type: 'update', rows: [{ sku: 'A', available: 9 }] },
    { type: 'snapshot', id: 'pipeline' },
  ]);
  await app.close();
});

test('a stream of an unknown topic or column is refused', async () => {
  const { app } = await openLive();
  for (const query of ['', '?topic=weather', '?topic=lift', '?topic=stock&price=1']) {
    const answer = await app.inject(`/v1/live/events${query}`);
    expect([answer.statusCode, answer.json()]).toMatchObject([400, { code: 'QUERY_INVALID' }]);
  }
  await app.close();
});

test('closing the server ends sockets and streams, and nothing keeps it open', async () => {
  const { app, engine, port, clock } = await openLive();
  const client = await new Client(port).opened();
  const stream = await fetch(`http://127.0.0.1:${port}/v1/live/events?topic=stock`);
  const code = client.closeCode();
  await app.close();
  expect(await code).toBe(1001);
  expect(await stream.text()).toContain('"snapshot"');
  expect([engine.listenerCount, clock.timerCount]).toEqual([0, 0]);
});
