import avro from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type SplitBatch, readAvroBatch, splitJson } from './batch.ts';
import { parseEvent } from './parse.ts';

const LIMITS = { eventBytesMax: 1_000, eventsMax: 100, bodyBytesMax: 1_000_000 };

function split(text: string | Buffer): SplitBatch {
  return splitJson(Buffer.from(text), LIMITS);
}

/** The batch with codes instead of messages, for comparing. */
function outcome({ values, rejected }: SplitBatch): unknown {
  return {
    values: values.map(({ index, value }) => [index, value]),
    rejected: rejected.map(({ index, code }) => [index, code]),
  };
}

const good = (values: unknown[]): unknown => ({
  values: values.map((value, index) => [index, value]),
  rejected: [],
});

test.each([
  ['a list', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
  ['a list with space around everything', ' [ {"a":1} ,\n {"a":2} ] \n', [{ a: 1 }, { a: 2 }]],
  [
    'brackets and quotes inside text',
    '[{"a":"],[\\"{"},{"b":"\\\\"}]',
    [{ a: '],["{' }, { b: '\\' }],
  ],
  ['an empty list', '[ ]', []],
  ['lines', '{"a":1}\n{"a":2}', [{ a: 1 }, { a: 2 }]],
  [
    'lines that end as on Windows, and blank ones',
    '{"a":1}\r\n\r\n  \n{"a":2}\r\n',
    [{ a: 1 }, { a: 2 }],
  ],
  ['one object over several lines', '{\n  "a": 1\n}\n', [{ a: 1 }]],
  ['a byte order mark', '\ufeff{"a":1}', [{ a: 1 }]],
  ['text beyond ASCII', '{"a":"ț🌷"}', [{ a: 'ț🌷' }]],
  ['nothing', '', []],
  ['nothing but space', ' \n\t\r\n', []],
])('%s becomes its events', (_, text, values) => {
  expect(outcome(split(text))).toEqual(good(values));
});

test('a malformed line rejects itself only', () => {
  expect(outcome(split('{"a":1}\n{"a":\n{"a":3}\nnonsense'))).toEqual({
    values: [
      [0, { a: 1 }],
      [2, { a: 3 }],
    ],
    rejected: [
      [1, 'EVENT_JSON_MALFORMED'],
      [3, 'EVENT_JSON_MALFORMED'],
    ],
  });
});

test('a malformed element of a list rejects itself only', () => {
  expect(outcome(split('[{"a":1},{"a":NaN},{"a":3},]'))).toEqual({
    values: [
      [0, { a: 1 }],
      [2, { a: 3 }],
    ],
    rejected: [
      [1, 'EVENT_JSON_MALFORMED'],
      [3, 'EVENT_JSON_MALFORMED'],
    ],
  });
});

test('a list that is cut off keeps what came before the cut', () => {
  expect(outcome(split('[{"a":1},{"a":2'))).toEqual({
    values: [[0, { a: 1 }]],
    rejected: [[1, 'EVENT_JSON_MALFORMED']],
  });
});

test('text after a list is a rejection of its own', () => {
  expect(outcome(split('[{"a":1}] {"a":2}'))).toEqual({
    values: [[0, { a: 1 }]],
    rejected: [[1, 'EVENT_JSON_MALFORMED']],
  });
});

test('bytes that are no UTF-8 reject their line only', () => {
  const body = Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}\n{"a":2}'),
  ]);
  expect(outcome(split(body))).toEqual({
    values: [[1, { a: 2 }]],
    rejected: [[0, 'EVENT_JSON_MALFORMED']],
  });
});

test('an event of 2 MB is refused and its neighbours are not', () => {
  const large = JSON.stringify({ a: 'x'.repeat(2_000_000) });
  const expected = {
    values: [
      [0, { a: 1 }],
      [2, { a: 3 }],
    ],
    rejected: [[1, 'EVENT_TOO_LARGE']],
  };
  expect(outcome(split(`{"a":1}\n${large}\n{"a":3}`))).toEqual(expected);
  expect(outcome(split(`[{"a":1},${large},{"a":3}]`))).toEqual(expected);
});

test('events beyond the most a batch may have are one rejection at the first of them', () => {
  for (const text of [`[${'1,'.repeat(149)}1]`, '1\n'.repeat(150)]) {
    const batch = split(text);
    expect(batch.values.length).toBe(100);
    expect(outcome({ values: [], rejected: batch.rejected })).toEqual({
      values: [],
      rejected: [[100, 'EVENT_BATCH_TOO_MANY']],
    });
  }
});

test('brackets nested a million deep are refused without harm', () => {
  const deep = '['.repeat(1_000_000);
  const limits = { ...LIMITS, eventBytesMax: 4_000_000 };
  const body = Buffer.from(`[${deep}${deep.replaceAll('[', ']')},{"a":2}]`);
  const { values } = splitJson(body, limits);
  expect(values.at(-1)).toEqual({ index: 1, value: { a: 2 } });
});

test('a poisoned name stays a field that the check refuses, and no prototype changes', () => {
  const [entry] = split('[{"__proto__":{"polluted":true}}]').values;
  expect(parseEvent('click', entry?.value, { nowMs: 0, clockSkewMs: 0 })).toMatchObject({
    code: 'EVENT_FIELD_FORBIDDEN',
  });
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

test('any JSON values come out of a list and out of lines as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 20 }), (values) => {
      const limits = { eventBytesMax: 100_000, eventsMax: 100 };
      const plain: unknown[] = values.map((value): unknown => JSON.parse(JSON.stringify(value)));
      expect(outcome(splitJson(Buffer.from(JSON.stringify(values)), limits))).toEqual(good(plain));
      // A first line that is a list would make the whole body one.
      const lines = [{ first: true }, ...values].map((value) => JSON.stringify(value)).join('\n');
      expect(outcome(splitJson(Buffer.from(lines), limits))).toEqual(
        good([{ first: true }, ...plain]),
      );
    }),
    { numRuns: 200 },
  );
});

/** What decides how text is split, and a little besides. */
const SYNTAX = ['[', ']', '{', '}', '"', ',', ':', '\\', '1', 'a', ' ', '\n'];

test('any bytes at all give an answer that counts every event once, in rising order', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...SYNTAX), maxLength: 60 }), (text) => {
      const { values, rejected } = split(text);
      const indexes = [...values, ...rejected].map(({ index }) => index).toSorted((a, b) => a - b);
      expect(indexes).toEqual(indexes.map((_, position) => position));
    }),
    { numRuns: 2_000 },
  );
});

const SCHEMA: avro.Schema = {
  type: 'record',
  name: 'Click',
  namespace: 'other.shop',
  doc: 'fewer fields than ours, and in another order',
  fields: [
    { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['click', 'page_view'] } },
    { name: 'event_id', type: 'string' },
    { name: 'occurred_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'source', type: 'string', default: 'nobody' },
    { name: 'visitor_id', type: 'string' },
    { name: 'channel', type: ['null', 'string'], default: null },
  ],
};

function clicks(count: number): { readonly [name: string]: unknown }[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: index % 2 === 0 ? 'click' : 'page_view',
    event_id: `e-${index}`,
    occurred_at: 1_700_000_000_000 + index,
    source: 'file',
    visitor_id: `visitor-${index}`,
    channel: 'dtc',
  }));
}

/** A container file as avsc itself writes it. */
async function containerOf(
  events: readonly unknown[],
  options: {
    readonly codec?: 'null' | 'deflate';
    readonly schema?: avro.Schema;
    readonly blockSize?: number;
  } = {},
): Promise<Buffer> {
  const encoder = new avro.streams.BlockEncoder(options.schema ?? SCHEMA, {
    codec: options.codec ?? 'null',
    blockSize: options.blockSize ?? 200,
  });
  const chunks: Buffer[] = [];
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  encoder.on('end', resolve);
  for (const event of events) encoder.write(event);
  encoder.end();
  await promise;
  return Buffer.concat(chunks);
}

test.each(['null', 'deflate'] as const)(
  'the events of a container with codec %s come out',
  async (codec) => {
    const events = clicks(50);
    const batch = readAvroBatch(await containerOf(events, { codec }), LIMITS);
    expect(outcome(batch)).toEqual(good(events));
    const [first] = batch.values;
    expect(
      parseEvent('click', first?.value, { nowMs: 1_800_000_000_000, clockSkewMs: 0 }).kind,
    ).toBe('ok');
  },
);

test('a container cut off anywhere gives the events of its whole blocks and one rejection for the rest', async () => {
  const events = clicks(12);
  const file = await containerOf(events);
  const whole: number[] = [];
  const rejections: unknown[] = [];
  for (let end = 0; end < file.length; end += 1) {
    const { values, rejected } = readAvroBatch(file.subarray(0, end), LIMITS);
    expect(values.map(({ value }) => value)).toEqual(events.slice(0, values.length));
    // Cut right behind a block, the file is simply a shorter file.
    if (rejected.length === 0) whole.push(values.length);
    rejections.push(...rejected.map(({ index, code }) => [index - values.length, code]));
  }
  expect(new Set(rejections.map(String))).toEqual(new Set(['0,EVENT_AVRO_TRUNCATED']));
  expect(rejections.length + whole.length).toBe(file.length);
  expect(whole.every((count, index) => index === 0 || count > (whole[index - 1] ?? 0))).toBe(true);
});

test('of a container that unpacks to more than a body may have, the rest is not read', async () => {
  const file = await containerOf(clicks(100), { codec: 'deflate' });
  const all = readAvroBatch(file, LIMITS);
  expect(all).toMatchObject({ rejected: [] });
  const { values, rejected } = readAvroBatch(file, { ...LIMITS, bodyBytesMax: 2_000 });
  expect(values.length).toBeGreaterThan(0);
  expect(values.length).toBeLessThan(all.values.length);
  expect(rejected).toMatchObject([{ index: values.length, code: 'EVENT_AVRO_MALFORMED' }]);
});

test('a damaged block ends the file, and what came before it stays', async () => {
  const events = clicks(12);
  const file = await containerOf(events);
  file[file.length - 5] = (file.at(-5) ?? 0) ^ 0xff;
  const { values, rejected } = readAvroBatch(file, LIMITS);
  expect(values.length).toBeGreaterThan(0);
  expect(values.length).toBeLessThan(12);
  expect(rejected).toMatchObject([{ index: values.length, code: 'EVENT_AVRO_MALFORMED' }]);
});

test('any change of one byte of a container gives an answer, never an exception', async () => {
  const file = await containerOf(clicks(5), { codec: 'deflate' });
  for (let at = 0; at < file.length; at += 1) {
    const damaged = Buffer.from(file);
    damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    expect(() => readAvroBatch(damaged, LIMITS)).not.toThrow();
  }
});

test.each([
  ['text', 'not avro at all', 'EVENT_AVRO_MALFORMED'],
  ['an empty body', '', 'EVENT_AVRO_TRUNCATED'],
])('%s in place of a container is refused', (_, body, code) => {
  expect(readAvroBatch(Buffer.from(body), LIMITS).rejected).toMatchObject([{ index: 0, code }]);
});

test('a block that unpacks to more than a block may have is refused', async () => {
  const bomb = [{ ...clicks(1)[0], source: 'x'.repeat(40_000_000) }];
  const { values, rejected } = readAvroBatch(await containerOf(bomb, { codec: 'deflate' }), LIMITS);
  expect(values).toEqual([]);
  expect(rejected).toMatchObject([{ index: 0, code: 'EVENT_AVRO_MALFORMED' }]);
});
