import type { IHeaders, Message } from 'kafkajs';

import { crc32c } from './crc32c.ts';

/** Records on their way, as the client hands them over when it sends. */
export interface ProduceInput extends Sender {
  readonly acks: number;
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly SentRecords[];
  }[];
}

/** Who sends them. */
interface Sender {
  /** Missing or null outside of a transaction. */
  readonly transactionalId?: string | null;
  /** A whole number of 64 bits, −1 without one. */
  readonly producerId: { toString(): string };
  readonly producerEpoch: number;
}

interface SentRecords {
  readonly partition: number;
  /** Number of the first one among the records that this producer has sent to the partition. */
  readonly firstSequence: number;
  readonly messages: readonly Pick<Message, 'key' | 'value' | 'headers'>[];
}

const MAGIC = 2;
const IN_TRANSACTION = 0x10;
/** Where a batch has its checksum, and what that covers. */
const CRC_AT = 17;
const CRC_END = 21;
const HEADER_BYTES = 61;
/** The length of a text or field that there is not. */
const NOTHING = -1;
/** Bytes at the front of a batch that its length leaves out. */
const UNCOUNTED_BYTES = 12;

/**
 * Encodes a request to append records: version 7 of Kafka's protocol, without compression. All of them
 * get the present, in UTC milliseconds, as their time.
 */
export function encodeProduce(input: ProduceInput, nowMs: number): Buffer {
  const pieces: Buffer[] = [
    typeof input.transactionalId === 'string' ? text(input.transactionalId) : int16(NOTHING),
    int16(input.acks),
    int32(input.timeout),
    int32(input.topicData.length),
  ];
  for (const { topic, partitions } of input.topicData) {
    pieces.push(text(topic), int32(partitions.length));
    for (const each of partitions) {
      const batch = encodeBatch(each, input, nowMs);
      pieces.push(int32(each.partition), int32(batch.length), batch);
    }
  }
  return Buffer.concat(pieces);
}

function encodeBatch(sent: SentRecords, sender: Sender, nowMs: number): Buffer {
  const { messages, firstSequence } = sent;
  const headers = new EncodedHeaders();
  const bodyBytes = new Int32Array(messages.length);
  let size = HEADER_BYTES;
  for (const [index, { key, value, headers: some }] of messages.entries()) {
    // Attributes and the time after the first take a byte each.
    const body =
      1 + 1 + varintBytes(index) + fieldBytes(key) + fieldBytes(value) + headers.of(some).length;
    bodyBytes[index] = body;
    size += varintBytes(body) + body;
  }
  const bytes = Buffer.allocUnsafe(size);
  bytes.writeBigInt64BE(0n, 0); // the first offset: the broker puts it there
  bytes.writeInt32BE(size - UNCOUNTED_BYTES, 8);
  bytes.writeInt32BE(0, 12); // and the epoch of its leader
  bytes.writeInt8(MAGIC, 16);
  bytes.writeInt16BE(typeof sender.transactionalId === 'string' ? IN_TRANSACTION : 0, 21);
  bytes.writeInt32BE(messages.length - 1, 23);
  bytes.writeBigInt64BE(BigInt(nowMs), 27);
  bytes.writeBigInt64BE(BigInt(nowMs), 35);
  bytes.writeBigInt64BE(BigInt(String(sender.producerId)), 43);
  bytes.writeInt16BE(sender.producerEpoch, 51);
  bytes.writeInt32BE(firstSequence, 53);
  bytes.writeInt32BE(messages.length, 57);
  let at = HEADER_BYTES;
  for (const [index, { key, value, headers: some }] of messages.entries()) {
    at = writeVarint(bytes, at, bodyBytes[index] ?? 0);
    bytes.writeInt16BE(0, at); // attributes and time
    at = writeVarint(bytes, at + 2, index);
    at = writeField(bytes, at, key);
    at = writeField(bytes, at, value);
    const encoded = headers.of(some);
    bytes.set(encoded, at);
    at += encoded.length;
  }
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_END)), CRC_AT);
  return bytes;
}

/** Headers as a record has them. Those of many records are one object, which is encoded once. */
class EncodedHeaders {
  readonly #encoded = new Map<IHeaders | undefined, Buffer>();

  of(headers: IHeaders | undefined): Buffer {
    let bytes = this.#encoded.get(headers);
    if (bytes === undefined) {
      bytes = encodeHeaders(headers ?? {});
      this.#encoded.set(headers, bytes);
    }
    return bytes;
  }
}

function encodeHeaders(headers: IHeaders): Buffer {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((each) => [name, each] as const) : [[name, value] as const],
  );
  let size = varintBytes(entries.length);
  for (const [name, value] of entries) size += fieldBytes(name) + fieldBytes(value);
  const bytes = Buffer.allocUnsafe(size);
  let at = writeVarint(bytes, 0, entries.length);
  for (const [name, value] of entries) at = writeField(bytes, writeField(bytes, at, name), value);
  return bytes;
}

type Field = Buffer | string | null | undefined;

function isMissing(field: Field): field is null | undefined {
  return field === null || field === undefined;
}

function fieldBytes(field: Field): number {
  if (isMissing(field)) return varintBytes(NOTHING);
  const length = Buffer.byteLength(field);
  return varintBytes(length) + length;
}

/** Each `write` gives where the next one begins. */
function writeField(bytes: Buffer, at: number, field: Field): number {
  if (isMissing(field)) return writeVarint(bytes, at, NOTHING);
  const length = Buffer.byteLength(field);
  const start = writeVarint(bytes, at, length);
  if (typeof field === 'string') bytes.write(field, start);
  else bytes.set(field, start);
  return start + length;
}

/** A whole number in Kafka's variable length: the sign in the lowest bit, seven bits to a byte. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let next = at;
  for (; rest >= 0x80; rest >>>= 7) bytes[next++] = (rest & 0x7f) | 0x80;
  bytes[next++] = rest;
  return next;
}

function varintBytes(value: number): number {
  const bits = 32 - Math.clz32((value << 1) ^ (value >> 31));
  return Math.max(1, Math.ceil(bits / 7));
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}
