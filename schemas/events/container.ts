import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';

import type avro from 'avsc';

import { type EventRejection, quote, reject } from './rejection.ts';
import { compileWriterSchema } from './writer-schema.ts';

export type ContainerRejection = EventRejection;

/** The events of one block of a container file. */
export interface ContainerBlock {
  readonly values: readonly unknown[];
  /** What stands for the events of the block, or of the file, that could not be read. */
  readonly rejection: EventRejection | undefined;
}

const MAGIC = Buffer.from('Obj\x01', 'latin1');
const SYNC_BYTES = 16;

/** Largest header: a schema of a few hundred fields with their documentation. */
const HEADER_BYTES_MAX = 1_024 * 1_024;

/** Largest block, packed or unpacked; writers make blocks of 16 KiB to 1 MiB. */
const BLOCK_BYTES_MAX = 16 * 1_024 * 1_024;

interface Header {
  readonly type: avro.Type;
  readonly name: string;
  readonly unpack: (block: Buffer) => Buffer;
  readonly sync: Buffer;
}

/** Reads Avro's variable-length numbers; `at` is −1 once the bytes ran out. */
interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/**
 * Reads an Avro object container file as its bytes arrive. Codecs: null, deflate, and zstandard where
 * Node has it. After damage it takes no more: what stood before stays, one rejection stands for the rest.
 *
 * @see Apache Avro 1.11 specification, "Object Container Files"
 */
export class ContainerReader {
  #rest: Buffer = Buffer.alloc(0);
  #header: Header | undefined;
  #isDamaged = false;
  /** Bytes that blocks may still unpack to. */
  #unpackedBytesLeft: number;

  /** @param unpackedBytesMax what all blocks together may unpack to; what lies beyond is not read */
  constructor(unpackedBytesMax = Infinity) {
    this.#unpackedBytesLeft = unpackedBytesMax;
  }

  /** Name of the record in the file's schema, without namespace; undefined until the header is read. */
  get schemaName(): string | undefined {
    return this.#header?.name;
  }

  /**
   * The blocks that `chunk` completes, one by one, so that whoever has enough can stop. Values are plain
   * objects in the writer's fields.
   */
  *push(chunk: Uint8Array): Generator<ContainerBlock, undefined> {
    if (this.#isDamaged) return;
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    if (this.#header === undefined) {
      const rejection = this.#readHeader();
      if (rejection !== undefined) yield this.#damage(rejection);
    }
    while (this.#header !== undefined && !this.#isDamaged) {
      const block = this.#readBlock(this.#header);
      if (block === undefined) break;
      yield block;
    }
  }

  /** Says that no more bytes come; the rejection stands for what was cut off. */
  end(): EventRejection | undefined {
    if (this.#isDamaged || (this.#header !== undefined && this.#rest.length === 0))
      return undefined;
    this.#isDamaged = true;
    return reject('EVENT_AVRO_TRUNCATED', {
      expected: 'a whole container file',
      got: `one that is cut off in its ${this.#header === undefined ? 'header' : 'last block'}`,
      path: 'the file',
    });
  }

  #damage(rejection: EventRejection): ContainerBlock {
    this.#isDamaged = true;
    this.#rest = Buffer.alloc(0);
    return { values: [], rejection };
  }

  #readHeader(): EventRejection | undefined {
    const bytes = this.#rest;
    const known = Math.min(bytes.length, MAGIC.length);
    if (!bytes.subarray(0, known).equals(MAGIC.subarray(0, known))) {
      return malformed('a file that starts with Obj and 1', 'other bytes');
    }
    const cursor: Cursor = { bytes, at: MAGIC.length };
    const entries = readMetadata(cursor);
    if (entries === undefined || cursor.at + SYNC_BYTES > bytes.length) {
      return bytes.length > HEADER_BYTES_MAX
        ? malformed(`a header of at most ${HEADER_BYTES_MAX} bytes`, 'more')
        : undefined;
    }
    const codec = entries.get('avro.codec') ?? 'null';
    const unpack = unpackerOf(codec);
    if (unpack === undefined) {
      return reject('EVENT_AVRO_CODEC_UNKNOWN', {
        expected: 'the codec null, deflate or zstandard',
        got: quote(codec),
        path: 'the file',
      });
    }
    const schema = compileWriterSchema(entries.get('avro.schema') ?? '', {
      path: "the file's schema",
      names: 'ours',
    });
    if (schema.kind === 'rejected') return schema;
    const end = cursor.at + SYNC_BYTES;
    this.#header = {
      type: schema.type,
      name: schema.name,
      unpack,
      sync: Buffer.from(bytes.subarray(cursor.at, end)),
    };
    this.#rest = bytes.subarray(end);
    return undefined;
  }

  #readBlock(header: Header): ContainerBlock | undefined {
    const bytes = this.#rest;
    const cursor: Cursor = { bytes, at: 0 };
    const count = readLong(cursor);
    const size = readLong(cursor);
    if (cursor.at < 0) return undefined;
    if (count < 0 || size < 0 || size > BLOCK_BYTES_MAX) {
      return this.#damage(malformed(`a block of at most ${BLOCK_BYTES_MAX} bytes`, `${size}`));
    }
    const start = cursor.at;
    const end = start + size;
    if (end + SYNC_BYTES > bytes.length) return undefined;
    if (!bytes.subarray(end, end + SYNC_BYTES).equals(header.sync)) {
      return this.#damage(malformed("the file's sync marker after the block", 'other bytes'));
    }
    this.#rest = bytes.subarray(end + SYNC_BYTES);
    const unpacked = unpackedBlock(header, bytes.subarray(start, end));
    this.#unpackedBytesLeft -= unpacked.length;
    if (this.#unpackedBytesLeft < 0)
      return this.#damage(malformed('fewer bytes, once they are unpacked', 'more'));
    return decodeBlock(header, unpacked, count);
  }
}

/** The bytes of a block; none when its codec cannot read them. */
function unpackedBlock(header: Header, packed: Buffer): Buffer {
  try {
    return header.unpack(packed);
  } catch {
    return Buffer.alloc(0);
  }
}

function decodeBlock(header: Header, bytes: Buffer, count: number): ContainerBlock {
  const values: unknown[] = [];
  let isWhole = false;
  try {
    let at = 0;
    while (values.length < count && at < bytes.length) {
      const decoded: { value: unknown; offset: number } = header.type.decode(bytes, at);
      if (decoded.offset <= at) break;
      values.push(decoded.value);
      at = decoded.offset;
    }
    isWhole = values.length === count && at === bytes.length;
  } catch {
    // avsc met bytes that it cannot read: the block ends where they stand.
    isWhole = false;
  }
  const rejection = isWhole
    ? undefined
    : malformed(`a block of ${count} events`, `bytes that are none after ${values.length}`);
  return { values, rejection };
}

function unpackerOf(codec: string): ((block: Buffer) => Buffer) | undefined {
  const limit = { maxOutputLength: BLOCK_BYTES_MAX };
  if (codec === 'null') return (block) => block;
  if (codec === 'deflate')
    return (block) => inflateRawSync(block, { finishFlush: constants.Z_FINISH, ...limit });
  // Absent before Node 22.15.
  if (codec === 'zstandard' && typeof zstdDecompressSync === 'function') {
    return (block) => zstdDecompressSync(block, limit);
  }
  return undefined;
}

/** A map of byte strings; undefined when it is cut off. */
function readMetadata(cursor: Cursor): Map<string, string> | undefined {
  const entries = new Map<string, string>();
  for (;;) {
    let count = readLong(cursor);
    if (count < 0) {
      count = -count;
      readLong(cursor);
    }
    if (cursor.at < 0) return undefined;
    if (count === 0) return entries;
    for (let index = 0; index < count; index += 1) {
      const name = readText(cursor);
      const value = readText(cursor);
      if (name === undefined || value === undefined) return undefined;
      entries.set(name, value);
    }
  }
}

function readText(cursor: Cursor): string | undefined {
  const length = readLong(cursor);
  const end = cursor.at + length;
  if (cursor.at < 0 || length < 0 || end > cursor.bytes.length) {
    cursor.at = -1;
    return undefined;
  }
  const text = cursor.bytes.toString('utf8', cursor.at, end);
  cursor.at = end;
  return text;
}

/** A zigzag number of at most seven bytes (2^48), far beyond any size in a file that we read. */
function readLong(cursor: Cursor): number {
  const { bytes } = cursor;
  let value = 0;
  let scale = 1;
  for (let index = 0; index < 7 && cursor.at >= 0; index += 1) {
    const byte = bytes[cursor.at];
    if (byte === undefined) break;
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  cursor.at = -1;
  return 0;
}

function malformed(expected: string, got: string): EventRejection {
  return reject('EVENT_AVRO_MALFORMED', { expected, got, path: 'the file' });
}
