import { expect, test } from 'vitest';

import type { EventOfTopic, Topic } from '../topics.ts';
import { AVRO_SCHEMAS, type AvroRecord } from './avro-schemas.ts';
import { compileSchema } from './bounded-array.ts';
import { createConfluentReader, schemaIdOf } from './confluent.ts';
import type { DecodeResult } from './wire.ts';

const ID = 70_000;
const CLICK = {
  event_id: 'c-1',
  occurred_at: Date.UTC(2026, 0, 1),
  source: 'shop',
  visitor_id: 'somebody',
  kind: 'page_view',
  channel: 'dtc',
};

/** A record in Confluent's wire format. */
function encode(schema: AvroRecord, event: object): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(ID, 1);
  return Buffer.concat([header, compileSchema(schema).toBuffer(event)]);
}

function read(
  topic: Topic,
  schema: AvroRecord | object,
  bytes: Buffer,
): DecodeResult<EventOfTopic[Topic]> {
  const reader = createConfluentReader(topic, {
    id: ID,
    type: 'AVRO',
    schema: JSON.stringify(schema),
  });
  return reader.kind === 'ok' ? reader.read(bytes) : reader;
}

/** A producer's own schema of a click: fewer fields, other ones, another namespace and order. */
const SHOP_CLICK: AvroRecord = {
  type: 'record',
  name: 'Click',
  namespace: 'com.example.shop',
  fields: [
    { name: 'basket', type: { type: 'array', items: 'string' } },
    {
      name: 'kind',
      type: { type: 'enum', name: 'ClickKind', symbols: ['page_view', 'add_to_cart'] },
    },
    { name: 'channel', type: 'string' },
    { name: 'event_id', type: 'string' },
    { name: 'occurred_at', type: 'long' },
    { name: 'seq', type: 'int' },
    { name: 'source', type: 'string' },
    { name: 'visitor_id', type: 'string' },
  ],
};

test('a record begins with a zero and the id of its schema', () => {
  expect(schemaIdOf(encode(AVRO_SCHEMAS['weir.clicks'], CLICK))).toBe(ID);
  expect(schemaIdOf(Buffer.from('{"a":1}'))).toBeUndefined();
  expect(schemaIdOf(Buffer.from([0, 0, 0, 1]))).toBeUndefined();
});

test('a record of today’s schema is the event that was written', () => {
  const schema = AVRO_SCHEMAS['weir.clicks'];
  expect(read('weir.clicks', schema, encode(schema, CLICK))).toMatchObject({
    kind: 'ok',
    event: { ...CLICK, campaign: null },
  });
});

test('a producer with fewer and other fields is read by their names', () => {
  const bytes = encode(SHOP_CLICK, { ...CLICK, basket: ['A', 'B'], seq: 3 });
  expect(read('weir.clicks', SHOP_CLICK, bytes)).toMatchObject({
    kind: 'ok',
    event: { ...CLICK, seq: 3, consent: null },
  });
});

test.each([
  ['the schema of another topic', AVRO_SCHEMAS['weir.orders']],
  [
    'a required field less',
    { ...SHOP_CLICK, fields: SHOP_CLICK.fields.filter(({ name }) => name !== 'visitor_id') },
  ],
  [
    'a field of another type',
    {
      ...SHOP_CLICK,
      fields: [...SHOP_CLICK.fields.slice(0, -1), { name: 'visitor_id', type: 'long' }],
    },
  ],
  [
    'a value that we do not know',
    {
      ...SHOP_CLICK,
      fields: SHOP_CLICK.fields.map((field) =>
        field.name === 'kind'
          ? { name: 'kind', type: { type: 'enum', name: 'ClickKind', symbols: ['stare'] } }
          : field,
      ),
    },
  ],
])('%s is incompatible', (_, schema) => {
  expect(read('weir.clicks', schema, Buffer.alloc(20))).toMatchObject({
    kind: 'dead-letter',
    code: 'CONFLUENT_SCHEMA_INCOMPATIBLE',
  });
});

test.each([
  ['no record', { type: 'string' }],
  ['a map', { ...SHOP_CLICK, fields: [{ name: 'a', type: { type: 'map', values: 'string' } }] }],
  ['a reference to another subject', { ...SHOP_CLICK, fields: [{ name: 'a', type: 'x.Other' }] }],
])('%s is refused', (_, schema) => {
  expect(read('weir.clicks', schema, Buffer.alloc(20))).toMatchObject({
    code: 'CONFLUENT_SCHEMA_REFUSED',
  });
});

test('a schema in another language is refused', () => {
  const schema = { id: ID, type: 'PROTOBUF', schema: 'syntax = "proto3";' };
  expect(createConfluentReader('weir.clicks', schema)).toMatchObject({
    code: 'CONFLUENT_SCHEMA_REFUSED',
  });
});

test('a body that is cut off anywhere, or goes on behind its end, is damaged', () => {
  const bytes = encode(SHOP_CLICK, { ...CLICK, basket: ['A', 'B'], seq: 3 });
  for (let end = 5; end < bytes.length; end += 1) {
    expect(read('weir.clicks', SHOP_CLICK, bytes.subarray(0, end))).toMatchObject({
      code: 'WIRE_BODY_DAMAGED',
    });
  }
  expect(read('weir.clicks', SHOP_CLICK, Buffer.concat([bytes, Buffer.from([0])]))).toMatchObject({
    code: 'WIRE_BODY_DAMAGED',
  });
});
