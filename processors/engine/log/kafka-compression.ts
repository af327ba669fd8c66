import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';

import { erase } from '../../../schemas/brand.ts';
import { messageOf } from '../../../schemas/errors.ts';
import { HEADER } from './kafka-batch.ts';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';

/**
 * Most bytes that one batch of records may unpack to: many times what a producer puts into one, and
 * little enough that a batch made to fill the memory does not.
 */
const UNPACKED_BYTES_MAX = 64 * 1_024 * 1_024;

type Unpack = (packed: Buffer) => Buffer | Promise<Buffer>;

const LIMIT = { maxOutputLength: UNPACKED_BYTES_MAX };
const gunzipped = promisify(gunzip);
const zstdDecompressed = promisify(zstdDecompress);

/** How to unpack a batch, by the number that Kafka's protocol has for its compression. */
const UNPACK: ReadonlyMap<number, readonly [name: string, unpack: Unpack]> = new Map([
  [1, ['gzip', (packed) => gunzipped(packed, LIMIT)]],
  [2, ['snappy', (packed) => unpackSnappy(packed, UNPACKED_BYTES_MAX)]],
  [3, ['lz4', (packed) => unpackLz4(packed, UNPACKED_BYTES_MAX)]],
  [4, ['zstd', (packed) => zstdDecompressed(packed, LIMIT)]],
]);

/** What kafkajs 2.2.4 asks to read batches, by number; it names it where no ES module can import it. */
type Codecs = Record<number, () => { readonly decompress: (packed: Buffer) => Promise<Buffer> }>;

let isInstalled = false;

/** Lets the client read records in every compression that Kafka knows. What Weir writes is not compressed. */
export function installCompression(): void {
  if (isInstalled) return;
  isInstalled = true;
  const load = createRequire(import.meta.url);
  const { CompressionCodecs } = erase<{ readonly CompressionCodecs: Codecs }>(load('kafkajs'));
  for (const [number, [name, unpack]] of UNPACK)
    CompressionCodecs[number] = () => ({
      decompress: (packed) => unpackBatch(name, packed, unpack),
    });
}

/**
 * The records of a batch, unpacked. An error here would end the consumer, and again when it comes
 * back to this batch, so that what cannot be unpacked becomes records that say so.
 */
export async function unpackBatch(name: string, packed: Buffer, unpack: Unpack): Promise<Buffer> {
  try {
    return await unpack(packed);
  } catch (error) {
    return unreadableRecords(countBefore(packed), `${name}: ${messageOf(error)}`);
  }
}

/** The client cuts the packed bytes out of the batch, where the number of records stands before them. */
function countBefore(packed: Buffer): number {
  return Buffer.from(packed.buffer, packed.byteOffset - 4, 4).readInt32BE(0);
}

/** Records without key and value that have a header with the reason, as a batch has them unpacked. */
function unreadableRecords(count: number, reason: string): Buffer {
  const header = [...text(HEADER.unreadable), ...text(reason)];
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      // Attributes, time after the first, offset after the first, no key, no value, one header.
      const record = [
        0,
        0,
        ...zigzag(index),
        ...zigzag(-1),
        ...zigzag(-1),
        ...zigzag(1),
        ...header,
      ];
      return Buffer.from([...zigzag(record.length), ...record]);
    }),
  );
}

function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [...zigzag(bytes.length), ...bytes];
}

/** A whole number in Kafka's variable length: the sign in the lowest bit, seven bits to a byte. */
function zigzag(value: number): number[] {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  const bytes = [];
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
