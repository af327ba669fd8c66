import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';

import { messageOf } from '../../../schemas/errors.ts';
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

/**
 * The records of a batch, unpacked. What Weir writes is not compressed.
 *
 * @param compression the protocol's number of it, not 0
 * @throws {Error} which says what is wrong with them
 */
export async function unpackRecords(compression: number, packed: Buffer): Promise<Buffer> {
  const [name, unpack] = UNPACK.get(compression) ?? [];
  if (unpack === undefined) throw new Error(`compression ${compression}, which is none of Kafka's`);
  try {
    return await unpack(packed);
  } catch (error) {
    throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
  }
}
