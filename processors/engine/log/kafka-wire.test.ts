import { createRequire } from 'node:module';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import { crc32c } from './crc32c.ts';
import { decodeFetch } from './kafka-fetch.ts';
import { encodeProduce } from './kafka-produce.ts';

/*
 * What kafkajs by itself makes of the same bytes and of the same messages is the oracle.
 */
const load = createRequire(import.meta.url);
const PROTOCOL = 'kafkajs/src/protocol';

interface Encoded {
  readonly buffer: Buffer;
}
interface Message {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}
type Answer = Readonly<Record<'responses', readonly { readonly partitions: readonly object[] }[]>>;

const encodeRecord: (record: object) => Encoded = erase(load(`${PROTOCOL}/recordBatch/record/v0`));
const { RecordBatch: encodeBatch } = erase<{ RecordBatch: (batch: object) => Promise<Encoded> }>(
  load(`${PROTOCOL}/recordBatch/v0`),
);
const produceRequest: (input: object) => { readonly encode: () => Promise<Encoded> } = erase(
  load(`${PROTOCOL}/requests/produce/v7/request`),
);
const fetchResponse: { readonly decode: (raw: Buffer) => Promise<Answer> } = erase(
  load(`${PROTOCOL}/requests/fetch/v11/response`),
);
const Batch: new (
  topic: string,
  offset: string,
  partition: unknown,
) => {
  readonly messages: readonly Message[];
} = erase(load('kafkajs/src/consumer/batch'));

const GZIP = 1;
const IS_CONTROL = 0x20;
const ATTRIBUTES_AT = 22;
/** Of an answer that ends in the middle of a batch; kafkajs fails where less than its head is there. */
const CUT_BYTES_MAX = 40;

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
/** kafkajs takes what every object has for a header of the record. */
const headerName = fc.string({ maxLength: 20 }).filter((name) => !(name in {}));
const record = fc.record({
  key: fc.oneof(fc.constant(null), bytes),
  value: fc.oneof(fc.constant(null), bytes),
  headers: fc.dictionary(headerName, bytes, { maxKeys: 3 }),
});
const records = fc.array(record, { minLength: 1, maxLength: 140 });

test('the checksum is that of RFC 3720', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  const rising = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
  expect(crc32c(rising)).toBe(0x46dd794e);
  // Wherever it lies in memory, and whatever remains after whole words.
  for (let offset = 0; offset < 9; offset += 1) {
    const moved = Buffer.concat([Buffer.alloc(offset), rising, Buffer.from('123456789')]);
    expect(crc32c(moved.subarray(offset, offset + 32))).toBe(0x46dd794e);
    expect(crc32c(moved.subarray(offset + 32))).toBe(0xe3069283);
  }
});

test('what is sent is byte for byte what kafkajs would send', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(records, { minLength: 1, maxLength: 4 }),
      fc.option(fc.string({ minLength: 1 }), { nil: null }),
      async (partitions, transactionalId) => {
        const input = {
          acks: -1,
          timeout: 30_000,
          transactionalId,
          producerId: '123456789012',
          producerEpoch: 7,
          topicData: ['one', 'zwölf'].map((topic) => ({
            topic,
            partitions: partitions.map((messages, partition) => ({
              partition,
              firstSequence: 40 * partition,
              // All of one time, as ours are.
              messages: messages.map((message) => ({ ...message, timestamp: 1_700_000_000_000 })),
            })),
          })),
        };
        const expected = (await produceRequest(input).encode()).buffer;
        expect(encodeProduce(input, 1_700_000_000_000).equals(expected)).toBe(true);
      },
    ),
  );
});

/** What a producer does next: writes, in a transaction or not, or ends its transaction. */
const step = fc.record({
  producer: fc.nat(2),
  kind: fc.constantFrom('plain', 'write', 'write', 'commit', 'abort'),
  compression: fc.constantFrom(0, 0, GZIP),
  records,
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** The log of one partition as a broker keeps it, and the transactions that it knows were aborted. */
async function logOf(steps: readonly Step[]): Promise<{
  readonly batches: Buffer;
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[];
  readonly endOffset: number;
}> {
  const batches: Buffer[] = [];
  const open = new Map<number, number>();
  const aborted: { producerId: number; firstOffset: number }[] = [];
  let endOffset = 0;
  for (const { producer, kind, compression, records: some } of steps) {
    const isEnd = kind === 'commit' || kind === 'abort';
    if (isEnd && !open.has(producer)) continue;
    if (kind === 'write' && !open.has(producer)) open.set(producer, endOffset);
    if (kind === 'abort')
      aborted.push({ producerId: producer, firstOffset: open.get(producer) ?? 0 });
    if (isEnd) open.delete(producer);
    const written = isEnd ? [{ key: Buffer.from([0, 0, 0, Number(kind === 'commit')]) }] : some;
    const { buffer } = await encodeBatch({
      compression: isEnd ? 0 : compression,
      firstOffset: endOffset,
      firstTimestamp: 5,
      maxTimestamp: 5,
      lastOffsetDelta: written.length - 1,
      transactional: kind !== 'plain',
      producerId: producer,
      records: written.map((each, offsetDelta) => encodeRecord({ ...each, offsetDelta })),
    });
    if (isEnd) buffer[ATTRIBUTES_AT] = (buffer[ATTRIBUTES_AT] ?? 0) | IS_CONTROL;
    batches.push(Buffer.from(buffer));
    endOffset += written.length;
  }
  return { batches: Buffer.concat(batches), aborted, endOffset };
}

/** A broker's answer with one partition. */
function answerOf(log: Awaited<ReturnType<typeof logOf>>, cutBytes = 0): Buffer {
  const batches = log.batches.subarray(0, log.batches.length - cutBytes);
  const numbers = (...values: readonly (readonly [size: 2 | 4 | 8, value: number])[]): Buffer =>
    Buffer.concat(
      values.map(([size, value]) => {
        const field = Buffer.alloc(size);
        if (size === 2) field.writeInt16BE(value);
        else if (size === 4) field.writeInt32BE(value);
        else field.writeBigInt64BE(BigInt(value));
        return field;
      }),
    );
  return Buffer.concat([
    numbers([4, 0], [2, 0], [4, 0], [4, 1], [2, 5]),
    Buffer.from('topic'),
    numbers([4, 1], [4, 3], [2, 0], [8, log.endOffset], [8, log.endOffset], [8, 0]),
    numbers([4, log.aborted.length]),
    ...log.aborted.map(({ producerId, firstOffset }) => numbers([8, producerId], [8, firstOffset])),
    numbers([4, -1], [4, batches.length]),
    batches,
  ]);
}

async function seenByUs(raw: Buffer): Promise<readonly object[]> {
  const { responses } = await decodeFetch(raw);
  return (responses[0]?.partitions[0]?.messages ?? []).flatMap(
    ({ isControlRecord, records: set }) =>
      isControlRecord
        ? []
        : Array.from({ length: set.count }, (_, index) => ({
            offset: String(set.offsetAt(index)),
            key: set.keyAt(index) ?? null,
            value: set.valueAt(index)?.toString('hex') ?? null,
            headers: Object.fromEntries(set.headersAt(index)),
          })),
  );
}

async function seenByKafkajs(raw: Buffer): Promise<readonly object[]> {
  const { responses } = await fetchResponse.decode(raw);
  const { messages } = new Batch('topic', '0', responses[0]?.partitions[0]);
  return messages.map(({ offset, key, value, headers }) => ({
    offset,
    key: key?.toString() ?? null,
    value: value?.toString('hex') ?? null,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, header]) => [name, String(header)]),
    ),
  }));
}

test('what is fetched is what kafkajs would see, whatever was packed or aborted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 8 }),
      fc.nat(CUT_BYTES_MAX),
      async (steps, cutBytes) => {
        const log = await logOf(steps);
        // kafkajs takes them in order of their first offsets; a broker need not.
        const sorted = log.aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
        const cut = Math.min(cutBytes, log.batches.length);
        expect(await seenByUs(answerOf(log, cut))).toEqual(
          await seenByKafkajs(answerOf({ ...log, aborted: sorted }, cut)),
        );
      },
    ),
  );
});

test('the client goes on after what is for no reader to see', async () => {
  const aborted: readonly Step[] = [
    {
      producer: 0,
      kind: 'write',
      compression: 0,
      records: [{ key: null, value: null, headers: {} }],
    },
    { producer: 0, kind: 'abort', compression: 0, records: [] },
  ];
  const { responses } = await decodeFetch(answerOf(await logOf(aborted)));
  expect(responses[0]?.partitions[0]?.messages).toMatchObject([
    { offset: '0', isControlRecord: true },
    { offset: '1', isControlRecord: true },
  ]);
});

test('a batch that cannot be unpacked is known by its number of records', async () => {
  const log = await logOf([
    {
      producer: 0,
      kind: 'plain',
      compression: GZIP,
      records: Array.from({ length: 3 }, () => ({ key: null, value: null, headers: {} })),
    },
  ]);
  log.batches.fill(7, 70);
  const { responses } = await decodeFetch(answerOf(log));
  const [message] = responses[0]?.partitions[0]?.messages ?? [];
  expect(message?.records).toMatchObject({ firstOffset: 0, nextOffset: 3, count: 3 });
  expect(message?.records.unreadable).toContain('gzip');
  expect(message?.records.valueAt(2)).toBe(undefined);
});
