import { type Brand, brandAs } from './brand.ts';

/** A visitor id after the door: a keyed hash. The raw id is never kept. */
export type VisitorToken = Brand<string, 'VisitorToken'>;

/** Longest id that an event may carry, in UTF-16 units. */
export const ID_LENGTH_MAX = 64;

/** Marks text that came out of the tokeniser, or out of a record that only the tokeniser writes. */
export function visitorToken(text: string): VisitorToken {
  return brandAs(text);
}

/**
 * The partition of a key: Kafka's default partitioner for keyed records, so that the embedded log
 * and Kafka place a key alike.
 *
 * @see Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` (seed 0x9747b28c)
 */
export function partitionOf(key: string, partitionCount: number): number {
  // A UTF-16 unit takes at most three bytes.
  const bytes =
    key.length * 3 <= SHORT_KEY.length
      ? SHORT_KEY.subarray(0, SHORT_KEY.write(key, 'utf8'))
      : Buffer.from(key, 'utf8');
  return (murmur2(bytes) & 0x7fffffff) % partitionCount;
}

/** For the bytes of a key in hand: every event has one, and a buffer of its own costs more than its hash. */
const SHORT_KEY = Buffer.alloc(ID_LENGTH_MAX * 3);

/** MurmurHash2 of `data` as Kafka computes it: a signed 32-bit integer. */
export function murmur2(data: Uint8Array): number {
  const multiplier = 0x5bd1e995;
  const length = data.length;
  let hash = 0x9747b28c ^ length;
  const blockCount = length >> 2;
  for (let block = 0; block < blockCount; block += 1) {
    const at = block << 2;
    let word =
      (data[at] ?? 0) |
      ((data[at + 1] ?? 0) << 8) |
      ((data[at + 2] ?? 0) << 16) |
      ((data[at + 3] ?? 0) << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    word = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const tail = blockCount << 2;
  const rest = length - tail;
  if (rest >= 3) hash ^= (data[tail + 2] ?? 0) << 16;
  if (rest >= 2) hash ^= (data[tail + 1] ?? 0) << 8;
  if (rest >= 1) {
    hash ^= data[tail] ?? 0;
    hash = Math.imul(hash, multiplier);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  hash ^= hash >>> 15;
  return hash;
}
