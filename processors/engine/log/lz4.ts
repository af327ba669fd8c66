import { Unpacking, byteAt } from './unpacking.ts';

const MAGIC = 0x184d2204;
const VERSION = 1;
const HAS_DICTIONARY = 0x01;
const HAS_CONTENT_CHECKSUM = 0x04;
const HAS_CONTENT_SIZE = 0x08;
const HAS_BLOCK_CHECKSUMS = 0x10;
const IS_UNCOMPRESSED = 0x8000_0000;
/** A repetition of fewer bytes would not be worth its three. */
const REPEATED_BYTES_MIN = 4;
/** The length that says that more of it follows. */
const LONG_LENGTH = 15;

/**
 * Unpacks a frame of LZ4. Its checksums are passed over: Kafka's own covers the same bytes.
 *
 * @throws {Error} when it is damaged or larger than `bytesMax`
 * @see LZ4 frame format description 1.6.4; LZ4 block format description
 */
export function unpackLz4(packed: Buffer, bytesMax: number): Buffer {
  if (packed.readUInt32LE(0) !== MAGIC) throw new Error('no frame of LZ4');
  const flags = packed.readUInt8(4);
  if (flags >>> 6 !== VERSION || (flags & HAS_DICTIONARY) !== 0)
    throw new Error('a frame of another kind');
  const unpacking = new Unpacking(bytesMax);
  const blockChecksumBytes = (flags & HAS_BLOCK_CHECKSUMS) === 0 ? 0 : 4;
  // Magic, flags, block size, content size where it is told, header checksum.
  let at = 4 + 1 + 1 + ((flags & HAS_CONTENT_SIZE) === 0 ? 0 : 8) + 1;
  for (;;) {
    const head = packed.readUInt32LE(at);
    at += 4;
    if (head === 0) break;
    const isUncompressed = head >= IS_UNCOMPRESSED;
    const end = at + (isUncompressed ? head - IS_UNCOMPRESSED : head);
    if (isUncompressed) unpacking.append(packed, at, end);
    else if (end > packed.length) throw new Error('a block is cut off');
    else unpackBlock(packed.subarray(at, end), unpacking);
    at = end + blockChecksumBytes;
  }
  at += (flags & HAS_CONTENT_CHECKSUM) === 0 ? 0 : 4;
  if (at !== packed.length) throw new Error('other bytes after its end');
  return unpacking.take();
}

/** Sequences of some bytes and a repetition each; the last one has no repetition. */
function unpackBlock(block: Buffer, unpacking: Unpacking): void {
  let at = 0;
  const lengthOf = (first: number): number => {
    let length = first;
    if (first === LONG_LENGTH) {
      for (let more = 255; more === 255; at += 1) {
        more = byteAt(block, at);
        length += more;
      }
    }
    return length;
  };
  while (at < block.length) {
    const token = byteAt(block, at);
    at += 1;
    const literals = lengthOf(token >>> 4);
    unpacking.append(block, at, at + literals);
    at += literals;
    if (at === block.length) return;
    const distance = block.readUInt16LE(at);
    at += 2;
    unpacking.repeat(distance, lengthOf(token & LONG_LENGTH) + REPEATED_BYTES_MIN);
  }
}
