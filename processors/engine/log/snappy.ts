import { Unpacking, byteAt } from './unpacking.ts';

/** What Java's stream of Snappy blocks begins with: this, and two versions of four bytes. */
const STREAM_MAGIC = Buffer.from('82534e4150505900', 'hex');
const STREAM_HEADER_BYTES = STREAM_MAGIC.length + 8;

/**
 * Unpacks Snappy: a raw block as librdkafka writes it, or a stream of blocks as Java's clients and
 * brokers do.
 *
 * @throws {Error} when it is damaged or larger than `bytesMax`
 * @see Snappy compressed format description, revision 2011-10-05; org.xerial.snappy.SnappyOutputStream
 */
export function unpackSnappy(packed: Buffer, bytesMax: number): Buffer {
  const unpacking = new Unpacking(bytesMax);
  if (!packed.subarray(0, STREAM_MAGIC.length).equals(STREAM_MAGIC)) {
    unpackBlock(packed, unpacking);
    return unpacking.take();
  }
  for (let at = STREAM_HEADER_BYTES; at < packed.length;) {
    const start = at + 4;
    at = start + packed.readUInt32BE(at);
    if (at > packed.length) throw new Error('a block is cut off');
    unpackBlock(packed.subarray(start, at), unpacking);
  }
  return unpacking.take();
}

/** What an element of a block is, by the lowest two bits of its tag. */
const LITERAL = 0;
const NEAR = 1;
const FAR = 2;

function unpackBlock(block: Buffer, unpacking: Unpacking): void {
  let at = 0;
  // The length unpacked comes first, seven bits to a byte.
  let length = 0;
  for (let scale = 1, byte = 0x80; byte >= 0x80; scale *= 0x80, at += 1) {
    byte = byteAt(block, at);
    length += (byte & 0x7f) * scale;
  }
  const end = unpacking.length + length;
  while (at < block.length) {
    const tag = byteAt(block, at);
    const high = tag >>> 2;
    at += 1;
    switch (tag & 3) {
      case LITERAL: {
        // 60 to 63 stand for a length in the next one to four bytes.
        const lengthBytes = Math.max(0, high - 59);
        const count = (lengthBytes === 0 ? high : block.readUIntLE(at, lengthBytes)) + 1;
        at += lengthBytes;
        unpacking.append(block, at, at + count);
        at += count;
        break;
      }
      case NEAR:
        unpacking.repeat(((tag >>> 5) << 8) | byteAt(block, at), (high & 7) + 4);
        at += 1;
        break;
      case FAR:
        unpacking.repeat(block.readUInt16LE(at), high + 1);
        at += 2;
        break;
      default:
        unpacking.repeat(block.readUInt32LE(at), high + 1);
        at += 4;
    }
  }
  if (unpacking.length !== end) throw new Error('a block of another length than it says');
}
