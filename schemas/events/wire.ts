import type avro from 'avsc';

import { erase } from '../brand.ts';
import type { EventOfTopic, Topic } from '../topics.ts';
import { AVRO_SCHEMAS, releasedSchemas } from './avro-schemas.ts';
import { compileSchema } from './bounded-array.ts';
import { earlierReaders, fingerprintOfType } from './earlier-schemas.ts';
import { parseRecord } from './parse.ts';
import type { EventCode } from './rejection.ts';

/** Why the bytes of a record are no event. Never renamed or reused. */
export const WIRE_CODES = [
  'CONFLUENT_NEEDS_REGISTRY',
  'CONFLUENT_SCHEMA_INCOMPATIBLE',
  'CONFLUENT_SCHEMA_REFUSED',
  'CONFLUENT_SCHEMA_UNKNOWN',
  'WIRE_BATCH_UNREADABLE',
  'WIRE_BODY_DAMAGED',
  'WIRE_EMPTY',
  'WIRE_FORMAT_UNKNOWN',
  'WIRE_JSON_MALFORMED',
  'WIRE_SCHEMA_UNKNOWN',
  'WIRE_TOPIC_INTERNAL',
] as const;
export type WireCode = (typeof WIRE_CODES)[number];

/** Bytes that cannot be used: an expected outcome, so a value. The message holds no payload. */
export interface DeadLetter {
  readonly kind: 'dead-letter';
  readonly code: WireCode | EventCode;
  readonly message: string;
}

export type DecodeResult<Event> = { readonly kind: 'ok'; readonly event: Event } | DeadLetter;

/** Two marker bytes and eight of the schema's fingerprint. */
const HEADER_BYTES = 10;
const SINGLE_OBJECT_FIRST = 0xc3;
const SINGLE_OBJECT_SECOND = 0x01;
const CONFLUENT_FIRST = 0x00;
const JSON_FIRST = 0x7b;

/** Encoded events share slabs of this size, so that an event costs no allocation of its own. */
const SLAB_BYTES = 256 * 1_024;

interface TopicCodec {
  readonly type: avro.Type;
  readonly header: Buffer;
  /** The fingerprint as two 32-bit numbers: cheaper to compare than bytes. */
  readonly fingerprintLow: number;
  readonly fingerprintHigh: number;
  /** How to read what was written with an earlier schema, by its fingerprint. */
  readonly earlier: ReadonlyMap<string, avro.Resolver>;
}

const CODECS: Readonly<Record<Topic, TopicCodec>> = {
  'weir.clicks': createCodec('weir.clicks'),
  'weir.orders': createCodec('weir.orders'),
  'weir.inventory': createCodec('weir.inventory'),
  'weir.reference': createCodec('weir.reference'),
  'weir.internal.sku': createCodec('weir.internal.sku'),
  'weir.internal.visitor': createCodec('weir.internal.visitor'),
  'weir.internal.address': createCodec('weir.internal.address'),
  'weir.internal.identity': createCodec('weir.internal.identity'),
};

function createCodec(topic: Topic): TopicCodec {
  const type = compileSchema(AVRO_SCHEMAS[topic]);
  const fingerprint = fingerprintOfType(type);
  return {
    type,
    header: Buffer.concat([Buffer.from([SINGLE_OBJECT_FIRST, SINGLE_OBJECT_SECOND]), fingerprint]),
    fingerprintLow: fingerprint.readInt32LE(0),
    fingerprintHigh: fingerprint.readInt32LE(4),
    earlier: earlierReaders(type, releasedSchemas(topic)),
  };
}

let slab = Buffer.allocUnsafe(SLAB_BYTES);
let slabUsed = 0;

/**
 * An event as an Avro single object: marker, fingerprint, body. The event must have passed
 * `parseEvent` or come from our own code. The result is a view of a shared slab; it stays unchanged.
 */
export function encodeEvent<T extends Topic>(topic: T, event: EventOfTopic[T]): Buffer {
  const codec = CODECS[topic];
  if (slab.length - slabUsed < HEADER_BYTES) takeSlab(SLAB_BYTES);
  let end = codec.type.encode(event, slab, slabUsed + HEADER_BYTES);
  if (end < 0) {
    // avsc answers with how many bytes were missing, as a negative number.
    takeSlab(Math.max(SLAB_BYTES, slab.length - slabUsed - end));
    end = codec.type.encode(event, slab, HEADER_BYTES);
  }
  const start = slabUsed;
  codec.header.copy(slab, start);
  slabUsed = end;
  return slab.subarray(start, end);
}

function takeSlab(bytes: number): void {
  slab = Buffer.allocUnsafe(bytes);
  slabUsed = 0;
}

/**
 * Decodes the record in `bytes` from `start` (inclusive) to `end` (exclusive) without copying it.
 * The first bytes say which format it has: Avro single object, Confluent's, or JSON. JSON is checked
 * like an event at the door, its time aside; a single object is trusted to have passed the door.
 */
export function decodeEvent<T extends Topic>(
  topic: T,
  bytes: Buffer,
  start = 0,
  end = bytes.length,
): DecodeResult<EventOfTopic[T]> {
  const first = bytes[start];
  if (first === undefined || start >= end) {
    return deadLetter('WIRE_EMPTY', 'Expected an event, got an empty record');
  }
  if (first === SINGLE_OBJECT_FIRST && bytes[start + 1] === SINGLE_OBJECT_SECOND) {
    return decodeSingleObject(topic, bytes, start, end);
  }
  if (first === JSON_FIRST) return decodeJson(topic, bytes, start, end);
  if (first === CONFLUENT_FIRST) {
    return deadLetter(
      'CONFLUENT_NEEDS_REGISTRY',
      'Expected an Avro single object or JSON, got Confluent wire format and no schema registry is configured',
    );
  }
  return deadLetter(
    'WIRE_FORMAT_UNKNOWN',
    `Expected an Avro single object, Confluent wire format or JSON, got a record that starts with byte ${first}`,
  );
}

function decodeSingleObject<T extends Topic>(
  topic: T,
  bytes: Buffer,
  start: number,
  end: number,
): DecodeResult<EventOfTopic[T]> {
  const codec = CODECS[topic];
  if (end - start < HEADER_BYTES) {
    return deadLetter(
      'WIRE_BODY_DAMAGED',
      `Expected a header of ${HEADER_BYTES} bytes, got ${end - start}`,
    );
  }
  let earlier: avro.Resolver | undefined;
  if (
    bytes.readInt32LE(start + 2) !== codec.fingerprintLow ||
    bytes.readInt32LE(start + 6) !== codec.fingerprintHigh
  ) {
    const got = bytes.toString('hex', start + 2, start + HEADER_BYTES);
    earlier = codec.earlier.get(got);
    if (earlier === undefined) {
      return deadLetter(
        'WIRE_SCHEMA_UNKNOWN',
        `Expected the schema of ${topic}, got fingerprint ${got}`,
      );
    }
  }
  try {
    const decoded: { value: unknown; offset: number } = codec.type.decode(
      bytes,
      start + HEADER_BYTES,
      earlier,
    );
    const { offset } = decoded;
    if (offset === end) return { kind: 'ok', event: erase(decoded.value) };
    const got = offset < 0 ? 'one that is cut off' : `${offset - start}`;
    return deadLetter(
      'WIRE_BODY_DAMAGED',
      `Expected a body that ends at byte ${end - start}, got ${got}`,
    );
  } catch {
    // avsc throws on an enum index, union branch or long that the schema does not have.
    return deadLetter(
      'WIRE_BODY_DAMAGED',
      `Expected a body in the schema of ${topic}, got other bytes`,
    );
  }
}

function decodeJson<T extends Topic>(
  topic: T,
  bytes: Buffer,
  start: number,
  end: number,
): DecodeResult<EventOfTopic[T]> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    return deadLetter(
      'WIRE_JSON_MALFORMED',
      `Expected JSON of ${end - start} bytes, got text that is none`,
    );
  }
  const result = parseRecord(topic, value, NO_TIME_LIMIT);
  // A record in the log is read as it is: whoever wrote it has put tokens where tokens belong.
  if (result.kind === 'ok') return { kind: 'ok', event: erase(result.event) };
  return { kind: 'dead-letter', code: result.code, message: result.message };
}

/** How late or early a record is, the task decides against its watermark; a replay must not depend on today. */
const NO_TIME_LIMIT = { nowMs: Number.POSITIVE_INFINITY, clockSkewMs: 0 };

/** A record that cannot be used, and why. */
export function deadLetter(code: WireCode, message: string): DeadLetter {
  return { kind: 'dead-letter', code, message };
}
