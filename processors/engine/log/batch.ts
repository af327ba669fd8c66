import { crc32 } from 'node:zlib';

import { EngineError } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import type { AppendBatch, RecordBatch } from './log.ts';

/*
 * Stored form of a batch, little endian:
 *   0  u8   format, 1
 *   1  u8   flags: 1 = the named import ends here
 *   2  u16  length of the import's name in bytes, 0 = no import
 *   4  u32  record count
 *   8  f64  appended at, UTC milliseconds
 *  16  u32  CRC-32 of everything before and after this field
 *  20  import name, then per record: u32 length, bytes
 */
const FORMAT = 1;
const FLAG_ENDS_IMPORT = 1;
const CHECKSUM_AT = 16;
const HEADER_BYTES = 20;

export interface BatchPlace {
  readonly topic: Topic;
  readonly partition: number;
  readonly firstOffset: number;
}

/** How many offsets a batch occupies: its records, or one for a marker. */
export function offsetsOf(batch: AppendBatch): number {
  return batch.endsImport === true ? 1 : batch.values.length;
}

/** How long the stored form of a batch is. */
export function storedBytesOf({ importName = '', values }: AppendBatch): number {
  let bytes = HEADER_BYTES + Buffer.byteLength(importName, 'utf8');
  for (const value of values) bytes += 4 + value.length;
  return bytes;
}

/**
 * The stored form of a batch that was appended at `appendedAtMs`.
 *
 * @param stored where it goes, `storedBytesOf(batch)` long
 */
export function encodeBatch(
  batch: AppendBatch,
  appendedAtMs: number,
  stored: Buffer = Buffer.allocUnsafe(storedBytesOf(batch)),
): Buffer {
  const name = Buffer.from(batch.importName ?? '', 'utf8');
  stored.writeUInt8(FORMAT, 0);
  stored.writeUInt8(batch.endsImport === true ? FLAG_ENDS_IMPORT : 0, 1);
  stored.writeUInt16LE(name.length, 2);
  stored.writeUInt32LE(batch.values.length, 4);
  stored.writeDoubleLE(appendedAtMs, 8);
  name.copy(stored, HEADER_BYTES);
  let at = HEADER_BYTES + name.length;
  for (const value of batch.values) {
    stored.writeUInt32LE(value.length, at);
    stored.set(value, at + 4);
    at += 4 + value.length;
  }
  stored.writeUInt32LE(checksumOf(stored), CHECKSUM_AT);
  return stored;
}

/**
 * How many offsets the stored batch occupies, from its header alone.
 *
 * @throws {EngineError} LOG_FORMAT_UNKNOWN
 */
export function storedOffsets(stored: Buffer): number {
  checkFormat(stored);
  return (stored.readUInt8(1) & FLAG_ENDS_IMPORT) === 0 ? stored.readUInt32LE(4) : 1;
}

/**
 * When the stored batch was appended, from its header alone.
 *
 * @throws {EngineError} LOG_FORMAT_UNKNOWN
 */
export function storedAppendedAtMs(stored: Buffer): number {
  checkFormat(stored);
  return stored.readDoubleLE(8);
}

/**
 * @throws {EngineError} LOG_FORMAT_UNKNOWN when another version may have written the bytes
 * @throws {EngineError} LOG_BATCH_DAMAGED when they are not what was written
 */
export function decodeBatch(stored: Buffer, place: BatchPlace): RecordBatch {
  if (stored.length < HEADER_BYTES) throw batchDamaged(place, 'header is cut off');
  checkFormat(stored);
  if (stored.readUInt32LE(CHECKSUM_AT) !== checksumOf(stored))
    throw batchDamaged(place, 'checksum differs');
  const nameBytes = stored.readUInt16LE(2);
  const count = stored.readUInt32LE(4);
  const starts = new Uint32Array(count);
  const ends = new Uint32Array(count);
  let at = HEADER_BYTES + nameBytes;
  for (let index = 0; index < count; index += 1) {
    const length = stored.readUInt32LE(at);
    starts[index] = at + 4;
    at += 4 + length;
    ends[index] = at;
  }
  const endsImport = (stored.readUInt8(1) & FLAG_ENDS_IMPORT) !== 0;
  return {
    ...place,
    count,
    nextOffset: place.firstOffset + (endsImport ? 1 : count),
    appendedAtMs: stored.readDoubleLE(8),
    importName:
      nameBytes === 0 ? undefined : stored.toString('utf8', HEADER_BYTES, HEADER_BYTES + nameBytes),
    endsImport,
    bytes: stored,
    starts,
    ends,
  };
}

function checkFormat(stored: Buffer): void {
  const format = stored.readUInt8(0);
  if (format === FORMAT) return;
  throw new EngineError({
    code: 'LOG_FORMAT_UNKNOWN',
    kind: 'fatal',
    message:
      `Expected batches of format ${FORMAT} in the log, got one of format ${format}. ` +
      'Run the version that wrote it; if none did, the disk has damaged it: restore the data directory from a backup',
  });
}

function checksumOf(stored: Buffer): number {
  return crc32(stored.subarray(HEADER_BYTES), crc32(stored.subarray(0, CHECKSUM_AT)));
}

/** The error that says what of a stored batch is not as it was written. */
export function batchDamaged(place: BatchPlace, what: string): EngineError {
  return new EngineError({
    code: 'LOG_BATCH_DAMAGED',
    kind: 'fatal',
    message:
      `Expected a whole batch in the log at ${place.topic}/${place.partition} offset ${place.firstOffset}, ` +
      `but its ${what}`,
    details: { topic: place.topic, partition: place.partition, offset: place.firstOffset },
  });
}
