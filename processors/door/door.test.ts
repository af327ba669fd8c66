import { expect, test } from 'vitest';

import { decodeEvent } from '../../schemas/events/wire.ts';
import { murmur2, partitionOf } from '../../schemas/ids.ts';
import { TOPIC_OF_EVENT } from '../../schemas/topics.ts';
import type { AppendBatch } from '../engine/log/log.ts';
import { type Door, createDoor } from './door.ts';
import { createTokeniser } from './tokeniser.ts';

const NOW_MS = Date.UTC(2025, 5, 1, 12);
const TOKENISER = createTokeniser(Buffer.alloc(32, 7));
const PARTITION_COUNTS = { visitor: 4, sku: 3 };

/** A log that keeps what it is given, and refuses while `isFull`. */
class KeptLog {
  readonly calls: (readonly AppendBatch[])[] = [];
  isFull = false;

  append(batches: readonly AppendBatch[]): Promise<void> {
    if (this.isFull) return Promise.reject(new Error('full'));
    this.calls.push(batches);
    return Promise.resolve();
  }

  get batches(): AppendBatch[] {
    return this.calls.flat();
  }

  get events(): unknown[] {
    return this.batches.flatMap(({ topic, values }) =>
      values.map((value) => decodedEvent(topic, value)),
    );
  }
}

function decodedEvent(topic: AppendBatch['topic'], value: Uint8Array): unknown {
  const result = decodeEvent(topic, Buffer.from(value));
  return result.kind === 'ok' ? result.event : result.code;
}

function doorTo(log: KeptLog): Door {
  return createDoor({
    tokeniser: TOKENISER,
    partitionCounts: PARTITION_COUNTS,
    clockSkewMs: 300_000,
    clock: () => NOW_MS,
    append: (batches) => log.append(batches),
  });
}

function click(id: string, fields: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    event_id: id,
    occurred_at: NOW_MS,
    source: 'test',
    visitor_id: 'alice',
    kind: 'click',
    channel: 'dtc',
    ...fields,
  };
}

// Apache Kafka, UtilsTest.testMurmur2.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of %s is what Kafka computes', (text, expected) => {
  expect(murmur2(Buffer.from(text))).toBe(expected);
});

test('personal fields reach the log as tokens only', async () => {
  const log = new KeptLog();
  const personal = {
    visitor_id: 'alice',
    session_id: 'session-9',
    ip: '192.0.2.7',
    user_agent: 'Browser/1',
  };
  await doorTo(log).ingest('click', [click('c-1', personal)]);
  expect(log.events).toMatchObject([
    {
      event_id: 'c-1',
      visitor_id: TOKENISER.token('visitor', 'alice'),
      session_id: TOKENISER.token('session', 'session-9'),
      ip: TOKENISER.client('ip', '192.0.2.7').token,
      user_agent: TOKENISER.client('user_agent', 'Browser/1').token,
    },
  ]);
  const bytes = Buffer.concat(log.batches.flatMap(({ values }) => [...values])).toString('latin1');
  for (const value of Object.values(personal)) expect(bytes).not.toContain(value);
});

test('a click does not wait for the large body before it', async () => {
  const log = new KeptLog();
  const door = doorTo(log);
  const body = Array.from({ length: 1_000 }, (_, index) => click(`many-${index}`));
  const taken = [door.ingest('click', body), door.ingest('click', [click('one')])];
  await Promise.all(taken);
  expect(log.events).toHaveLength(1_001);
  expect(log.events[0]).toMatchObject({ event_id: 'one' });
});

test('an empty address is no address', async () => {
  const log = new KeptLog();
  await doorTo(log).ingest('click', [click('c-1', { ip: '', user_agent: ' ' })]);
  expect(log.events).toMatchObject([{ ip: null, user_agent: null }]);
});

test('a customer and a visitor of one name have different tokens', async () => {
  const log = new KeptLog();
  await doorTo(log).ingest('order', [
    {
      event_id: 'o-1',
      occurred_at: NOW_MS,
      source: 'test',
      order_id: '1',
      status: 'cancelled',
      visitor_id: 'alice',
      customer_id: 'alice',
      sales_channel: 'dtc',
      currency: 'EUR',
    },
  ]);
  expect(log.events).toMatchObject([
    {
      visitor_id: TOKENISER.token('visitor', 'alice'),
      customer_id: TOKENISER.token('customer', 'alice'),
    },
  ]);
});

test('a fact about a visitor names the visitor by token, in its subject too', async () => {
  const log = new KeptLog();
  const common = { occurred_at: NOW_MS, source: 'test' };
  await doorTo(log).ingest('reference', [
    { ...common, event_id: 'r-1', subject: 'alice', kind: 'erasure', visitor_id: 'alice' },
    {
      ...common,
      event_id: 'r-2',
      subject: 'alice',
      kind: 'identity',
      visitor_id: 'alice',
      into: 'bob',
    },
    {
      ...common,
      event_id: 'r-3',
      subject: 'EUR/RON',
      kind: 'fx',
      base: 'EUR',
      quote: 'RON',
      rate: 4.97,
    },
  ]);
  const alice = TOKENISER.token('visitor', 'alice');
  expect(log.events).toMatchObject([
    { visitor_id: alice, subject: alice },
    { visitor_id: alice, subject: alice, into: TOKENISER.token('visitor', 'bob') },
    { subject: 'EUR/RON' },
  ]);
  expect(log.batches.map(({ partition }) => partition)).toEqual([0]);
});

test('a visitor lives in the partition where Kafka puts the raw id, in clicks and orders alike', async () => {
  const log = new KeptLog();
  const visitors = Array.from({ length: 50 }, (_, index) => `visitor-${index}`);
  await doorTo(log).ingest(
    'click',
    visitors.map((visitor_id, index) => click(`c-${index}`, { visitor_id })),
  );
  const placed = log.batches.flatMap(({ topic, partition, values }) =>
    values.map((value) => [JSON.stringify(decodedEvent(topic, value)), partition] as const),
  );
  expect(placed.length).toBe(50);
  for (const visitor of visitors) {
    const token = TOKENISER.token('visitor', visitor);
    const partitions = placed
      .filter(([event]) => event.includes(token))
      .map(([, partition]) => partition);
    expect(partitions).toEqual([partitionOf(visitor, PARTITION_COUNTS.visitor)]);
  }
});

test('two ways to write one id lead to one token in one partition', async () => {
  const log = new KeptLog();
  await doorTo(log).ingest('click', [
    click('c-1', { visitor_id: 'alice' }),
    click('c-2', { visitor_id: ' alice ' }),
  ]);
  expect(log.batches.length).toBe(1);
});

test('one ingest is one append, with a batch for each partition in the order of the events', async () => {
  const log = new KeptLog();
  const values = Array.from({ length: 20 }, (_, index) => ({
    event_id: `i-${index}`,
    occurred_at: NOW_MS,
    source: 'test',
    sku: `sku-${index % 5}`,
    kind: 'count',
    on_hand: index,
  }));
  await doorTo(log).ingest('inventory', values, { importName: 'history' });
  expect(log.calls.length).toBe(1);
  expect(
    log.batches.every(
      ({ topic, importName }) => topic === TOPIC_OF_EVENT.inventory && importName === 'history',
    ),
  ).toBe(true);
  const partitions = log.batches.map(({ partition }) => partition);
  expect(new Set(partitions).size).toBe(partitions.length);
  expect(log.events.length).toBe(20);
  for (let sku = 0; sku < 5; sku += 1) {
    const counts = log.events
      .map((event) => JSON.stringify(event))
      .filter((text) => text.includes(`"sku-${sku}"`))
      .map((text) => Number(/"on_hand":(\d+)/.exec(text)?.[1]));
    expect(counts).toEqual([sku, sku + 5, sku + 10, sku + 15]);
  }
});

test('the good events of a batch are taken although others are refused', async () => {
  const log = new KeptLog();
  const answer = await doorTo(log).ingest('click', [
    click('c-1'),
    { event_id: 'c-2' },
    click('c-3'),
    null,
  ]);
  expect(answer).toMatchObject({
    accepted: 2,
    duplicates: 0,
    rejected: [
      { index: 1, code: 'EVENT_FIELD_MISSING' },
      { index: 3, code: 'EVENT_NOT_AN_OBJECT' },
    ],
  });
  expect(log.events).toMatchObject([{ event_id: 'c-1' }, { event_id: 'c-3' }]);
});

test('a repeat is counted as duplicate and appended all the same', async () => {
  const log = new KeptLog();
  const door = doorTo(log);
  expect(await door.ingest('click', [click('c-1'), click('c-1'), click('c-2')])).toMatchObject({
    accepted: 2,
    duplicates: 1,
  });
  expect(await door.ingest('click', [click('c-2'), click('c-3')])).toMatchObject({
    accepted: 1,
    duplicates: 1,
  });
  expect(log.events.length).toBe(5);
});

test('the same id in another event type is no duplicate', async () => {
  const door = doorTo(new KeptLog());
  await door.ingest('click', [click('e-1')]);
  const count = {
    event_id: 'e-1',
    occurred_at: NOW_MS,
    source: 'test',
    sku: 'A',
    kind: 'count',
    on_hand: 1,
  };
  expect(await door.ingest('inventory', [count])).toMatchObject({ accepted: 1, duplicates: 0 });
});

test('events that the log refused are no duplicates when they come again', async () => {
  const log = new KeptLog();
  const door = doorTo(log);
  log.isFull = true;
  await expect(door.ingest('click', [click('c-1')])).rejects.toThrow('full');
  log.isFull = false;
  expect(await door.ingest('click', [click('c-1')])).toMatchObject({ accepted: 1, duplicates: 0 });
});

test('a batch without a good event appends nothing', async () => {
  const log = new KeptLog();
  expect(await doorTo(log).ingest('click', [7])).toMatchObject({ accepted: 0, duplicates: 0 });
  expect(await doorTo(log).ingest('click', [])).toEqual({
    accepted: 0,
    duplicates: 0,
    rejected: [],
  });
  expect(log.calls).toEqual([]);
});
