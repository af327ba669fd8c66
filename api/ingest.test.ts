import { gzipSync } from 'node:zlib';

import avro from 'avsc';
import type { LightMyRequestResponse } from 'fastify';
import { expect, test } from 'vitest';

import { EngineError } from '../schemas/errors.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { ManualClock } from '../test/doubles/manual-clock.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';

interface Sent {
  readonly body: string | Buffer | undefined;
  readonly type?: string;
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(
  server: ReturnType<typeof openServer>,
  { body, type = 'click', contentType = 'application/json', headers = {} }: Sent,
): Promise<LightMyRequestResponse> {
  return server.app.inject({
    method: 'POST',
    url: `/v1/events/${type}`,
    headers: { 'content-type': contentType, ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
}

const lines = (...events: readonly unknown[]): string =>
  events.map((event) => JSON.stringify(event)).join('\n');

test('a JSON array, one object, lines and a container file are all taken', async () => {
  const server = openServer();
  const schema = avro.Type.forSchema({
    type: 'record',
    name: 'Click',
    fields: [{ name: 'event_id', type: 'string' }],
  });
  const file = await new Promise<Buffer>((resolve, reject) => {
    const encoder = new avro.streams.BlockEncoder(schema);
    const chunks: Buffer[] = [];
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
    encoder.on('end', () => {
      resolve(Buffer.concat(chunks));
    });
    encoder.on('error', reject);
    encoder.write({ event_id: 'avro-1' });
    encoder.end();
  });
  const bodies: readonly Sent[] = [
    { body: JSON.stringify([{ event_id: 'list-1' }, { event_id: 'list-2' }]) },
    { body: JSON.stringify({ event_id: 'one-1' }, undefined, 2) },
    {
      body: `${lines({ event_id: 'line-1' }, { event_id: 'line-2' })}\n`,
      contentType: 'application/x-ndjson; charset=utf-8',
    },
    { body: file, contentType: 'application/avro' },
    { body: file, contentType: 'application/octet-stream' },
  ];
  const answers = [];
  for (const sent of bodies) {
    const answer = await send(server, sent);
    expect(answer.statusCode).toBe(202);
    answers.push(answer.json());
  }
  expect(answers).toEqual([
    { accepted: 2, duplicates: 0, rejected: [] },
    { accepted: 1, duplicates: 0, rejected: [] },
    { accepted: 2, duplicates: 0, rejected: [] },
    { accepted: 1, duplicates: 0, rejected: [] },
    { accepted: 0, duplicates: 1, rejected: [] },
  ]);
  expect(server.engine.events.get('click')).toHaveLength(6);
});

test('the good events of a batch are taken, and each bad one is named by its place', async () => {
  const server = openServer();
  const answer = await send(server, {
    body: ['{"event_id":"1"}', '{"event_id":', '{"no_id":1}', '{"event_id":"2"}', 'NaN'].join('\n'),
    contentType: 'application/x-ndjson',
  });
  expect(answer.statusCode).toBe(202);
  expect(answer.json()).toMatchObject({
    accepted: 2,
    duplicates: 0,
    rejected: [
      { index: 1, code: 'EVENT_JSON_MALFORMED' },
      { index: 2, code: 'EVENT_FIELD_MISSING' },
      { index: 4, code: 'EVENT_JSON_MALFORMED' },
    ],
  });
});

test('a gzip body is unpacked', async () => {
  const server = openServer();
  const answer = await send(server, {
    body: gzipSync(lines({ event_id: '1' }, { event_id: '2' })),
    contentType: 'application/x-ndjson',
    headers: { 'content-encoding': 'gzip' },
  });
  expect(answer.json()).toEqual({ accepted: 2, duplicates: 0, rejected: [] });
});

const MIB = 1_024 * 1_024;

/** Text that compresses about as well as events do: numbers in a pseudo-random order. */
function varied(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    bytes[at] = 0x30 + ((state >> 16) % 10);
  }
  return bytes;
}

test.for<[string, number, string, Sent]>([
  ['no body', 422, 'BODY_EMPTY', { body: undefined }],
  ['an empty body', 422, 'BODY_EMPTY', { body: '' }],
  ['only blank lines', 422, 'BODY_EMPTY', { body: ' \n\n', contentType: 'application/x-ndjson' }],
  ['an empty list', 422, 'BODY_EMPTY', { body: '[]' }],
  ['malformed JSON', 422, 'NOTHING_USABLE', { body: '{"event_id":' }],
  ['a list that is cut off', 422, 'NOTHING_USABLE', { body: '[{"event_id"' }],
  [
    'an event of 2 MB',
    422,
    'NOTHING_USABLE',
    { body: JSON.stringify({ event_id: '1', url: 'x'.repeat(2 * MIB) }) },
  ],
  ['something that is no event', 422, 'NOTHING_USABLE', { body: '[1,null,"x"]' }],
  ['no Avro', 422, 'NOTHING_USABLE', { body: 'Obj', contentType: 'avro/binary' }],
  ['a body over the limit', 413, 'BODY_TOO_LARGE', { body: 'x'.repeat(4 * MIB + 1) }],
  [
    'a form',
    415,
    'BODY_TYPE_UNSUPPORTED',
    { body: 'a=1', contentType: 'application/x-www-form-urlencoded' },
  ],
  [
    'plain text',
    415,
    'BODY_TYPE_UNSUPPORTED',
    { body: '{"event_id":"1"}', contentType: 'text/plain' },
  ],
  [
    'an unknown encoding',
    415,
    'BODY_ENCODING_UNSUPPORTED',
    { body: 'x', headers: { 'content-encoding': 'br' } },
  ],
  ['no gzip', 400, 'BODY_ENCODING_DAMAGED', { body: 'x', headers: { 'content-encoding': 'gzip' } }],
  [
    'a truncated gzip',
    400,
    'BODY_ENCODING_DAMAGED',
    { body: gzipSync('{"event_id":"1"}').subarray(0, -6), headers: { 'content-encoding': 'gzip' } },
  ],
  [
    'a gzip bomb',
    413,
    'BODY_EXPANDS_TOO_MUCH',
    { body: gzipSync(Buffer.alloc(32 * MIB)), headers: { 'content-encoding': 'gzip' } },
  ],
  [
    'a gzip past the limit',
    413,
    'BODY_TOO_LARGE',
    {
      body: gzipSync(varied(5 * MIB)),
      headers: { 'content-encoding': 'gzip' },
    },
  ],
  ['an unknown event', 404, 'EVENT_TYPE_UNKNOWN', { body: '{}', type: 'refund' }],
  [
    'an unnamed import',
    400,
    'IMPORT_NAME_INVALID',
    { body: '{"event_id":"1"}', headers: { 'weir-import': '../x' } },
  ],
  [
    'a strange key',
    400,
    'IDEMPOTENCY_KEY_INVALID',
    { body: '{"event_id":"1"}', headers: { 'idempotency-key': 'a b' } },
  ],
])('%s is refused with %i %s', async ([, status, code, sent]) => {
  const server = openServer();
  const answer = await send(server, sent);
  expect([answer.statusCode, answer.json()]).toMatchObject([status, { status, code }]);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(server.engine.events.get('click') ?? []).toEqual([]);
});

test('a __proto__ key stays a field of its event and changes nothing else', async () => {
  const server = openServer();
  const answer = await send(server, { body: '{"event_id":"1","__proto__":{"isAdmin":true}}' });
  expect(answer.statusCode).toBe(202);
  const [event] = server.engine.events.get('click') ?? [];
  expect(JSON.stringify(event)).toBe('{"event_id":"1","__proto__":{"isAdmin":true}}');
  expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
});

test('a thousand levels of nesting neither fail nor slow the split', async () => {
  const server = openServer();
  const deep = `{"event_id":"1","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const answer = await send(server, { body: `[${deep},{"event_id":"2"}]` });
  expect(answer.json()).toMatchObject({ accepted: 2 });
});

test.for([
  [429, 'INGEST_BACKLOG'],
  [503, 'CLICKHOUSE_UNAVAILABLE'],
  [507, 'DISK_FULL'],
] as const)(
  'while the engine refuses, the answer is %i with Retry-After',
  async ([status, code]) => {
    const server = openServer();
    server.engine.refusing = { status, code, message: 'Not now', retryAfterSeconds: 7 };
    const answer = await send(server, { body: '{"event_id":"1"}' });
    expect([answer.statusCode, answer.json()]).toMatchObject([status, { code, detail: 'Not now' }]);
    expect(answer.headers['retry-after']).toBe('7');
    expect(server.engine.ingestCount).toBe(0);
  },
);

test('a disk that fills up during the batch is 507, and the log says why', async () => {
  const server = openServer();
  server.engine.failing = new EngineError({
    code: 'DISK_FULL',
    kind: 'transient',
    message: 'Expected room for 4096 bytes',
  });
  const answer = await send(server, { body: '{"event_id":"1"}' });
  expect([answer.statusCode, answer.json()]).toMatchObject([507, { code: 'DISK_FULL' }]);
  expect(answer.headers['retry-after']).toBeDefined();
  expect(server.logged.some((line) => line.includes('"code":"DISK_FULL"'))).toBe(true);
});

test('the name of an import reaches the engine', async () => {
  const server = openServer();
  await send(server, { body: '{"event_id":"1"}', headers: { 'weir-import': 'orders-2011' } });
  expect(server.engine.imports).toEqual(['orders-2011']);
});

test('a repeat with the same Idempotency-Key gets the first answer without counting again', async () => {
  const server = openServer();
  const sent = { body: '{"event_id":"1"}', headers: { 'idempotency-key': 'k-1' } };
  const [first, second] = await Promise.all([send(server, sent), send(server, sent)]);
  const third = await send(server, {
    ...sent,
    body: gzipSync(sent.body),
    headers: { ...sent.headers, 'content-encoding': 'gzip' },
  });
  expect([first.json(), second.json(), third.json()]).toEqual(
    Array.from({ length: 3 }, () => ({ accepted: 1, duplicates: 0, rejected: [] })),
  );
  expect(server.engine.ingestCount).toBe(1);
  const other = await send(server, { ...sent, body: '{"event_id":"2"}' });
  expect([other.statusCode, other.json()]).toMatchObject([422, { code: 'IDEMPOTENCY_KEY_REUSED' }]);
  const otherType = await send(server, { ...sent, type: 'order' });
  expect(otherType.statusCode).toBe(422);
});

test('a failure is not remembered under its key, and a key is forgotten after a day', async () => {
  const clock = new ManualClock(Date.UTC(2026, 2, 1));
  const server = openServer({ engine: new MemoryEngine(), clock });
  const sent = { body: '{"event_id":"1"}', headers: { 'idempotency-key': 'k-1' } };
  server.engine.failing = new EngineError({
    code: 'DISK_FULL',
    kind: 'transient',
    message: 'Full',
  });
  expect((await send(server, sent)).statusCode).toBe(507);
  server.engine.failing = undefined;
  expect((await send(server, sent)).json()).toMatchObject({ accepted: 1 });
  clock.advance(24 * 3_600_000);
  expect((await send(server, sent)).json()).toMatchObject({ accepted: 0, duplicates: 1 });
});

test('a body counts by its size, and a packed one by what it may unpack to until it is', async () => {
  const server = openServer();
  const plain = lines({ event_id: 'plain' });
  const packed = gzipSync(lines({ event_id: 'packed', text: 'x'.repeat(200_000) }));
  const large = gzipSync(
    lines(...Array.from({ length: 900 }, (_, at) => ({ event_id: `${at}-${Math.random()}` }))),
  );
  const headers = { 'content-encoding': 'gzip' };
  for (const sent of [{ body: plain }, { body: packed, headers }, { body: large, headers }])
    expect((await send(server, sent)).statusCode).toBe(202);
  expect(large.length).toBeGreaterThan(10_486);
  expect(server.engine.bodyBytes).toEqual([plain.length, 2 ** 20, 100 * large.length]);
});

test('no more bodies are taken at once than memory has room for', async () => {
  const server = openServer();
  const headers = { 'content-type': 'application/json', 'content-length': String(4 * MIB) };
  // 32 bodies of the largest size that never end fill the allowance.
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const address = server.app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const aborts = new AbortController();
  const stalled = Array.from({ length: 32 }, () =>
    fetch(`http://127.0.0.1:${port}/v1/events/click`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('['));
        },
      }),
      signal: aborts.signal,
    }).catch(() => undefined),
  );
  await expect
    .poll(
      async () =>
        (await server.app.inject({ method: 'POST', url: '/v1/events/click', headers, payload: '' }))
          .statusCode,
    )
    .toBe(503);
  aborts.abort();
  await Promise.all(stalled);
  await expect
    .poll(async () => (await send(server, { body: '{"event_id":"1"}' })).statusCode)
    .toBe(202);
  await server.app.close();
});
