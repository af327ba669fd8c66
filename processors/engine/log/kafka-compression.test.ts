import { createRequire } from 'node:module';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import { unpackRecords } from './kafka-compression.ts';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';

interface Packer {
  readonly compress: (bytes: Uint8Array) => Uint8Array;
}

const require = createRequire(import.meta.url);
const snappy: Packer = erase(require('snappyjs'));
const lz4: Packer = erase(require('lz4js'));

const BYTES_MAX = 1_000_000;

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Snappy as Java's stream has it: blocks with their lengths. */
function javaSnappy(...blocks: readonly Uint8Array[]): Buffer {
  const packed = blocks.map((block) => Buffer.from(snappy.compress(block)));
  return Buffer.concat([
    Buffer.from('82534e41505059000000000100000001', 'hex'),
    ...packed.flatMap((block) => [int32(block.length), block]),
  ]);
}

/** The same frame with everything that a frame may have besides: checksums and the size. */
function withChecksums(frame: Buffer): Buffer {
  const parts = [frame.subarray(0, 4), Buffer.from([(frame[4] ?? 0) | 0x1c, frame[5] ?? 0])];
  parts.push(Buffer.alloc(8, 7), frame.subarray(6, 7));
  for (let at = 7; at < frame.length;) {
    const size = frame.readUInt32LE(at) & 0x7fff_ffff;
    const end = at + 4 + size;
    parts.push(frame.subarray(at, end), Buffer.alloc(size === 0 ? 0 : 4, 9));
    at = end;
  }
  return Buffer.concat([...parts, Buffer.alloc(4, 9)]);
}

/** How many bytes it gave; none when it threw. */
function lengthOf(unpack: () => Buffer): number {
  try {
    return unpack().length;
  } catch {
    return 0;
  }
}

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
  // What repeats, near and far, short and long.
  fc
    .array(fc.tuple(fc.constantFrom('a', 'click', '{"visitor_id":"', '\0'), fc.nat(300)), {
      maxLength: 200,
    })
    .map((pieces) => Buffer.from(pieces.map(([text, count]) => text.repeat(count)).join(''))),
);

test('Snappy of another program is unpacked, raw and as a stream of blocks', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (one, other) => {
      expect(unpackSnappy(Buffer.from(snappy.compress(one)), BYTES_MAX)).toEqual(one);
      expect(unpackSnappy(javaSnappy(one, other), BYTES_MAX)).toEqual(Buffer.concat([one, other]));
    }),
  );
});

test('LZ4 of another program is unpacked, with checksums and without', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const frame = Buffer.from(lz4.compress(bytes));
      expect(unpackLz4(frame, BYTES_MAX)).toEqual(bytes);
      expect(unpackLz4(withChecksums(frame), BYTES_MAX)).toEqual(bytes);
    }),
  );
});

test('any damage gives bytes or an error, and never more bytes than allowed', () => {
  const text = Buffer.from('{"visitor_id":"somebody"}'.repeat(40));
  for (const [unpack, packed] of [
    [unpackSnappy, Buffer.from(snappy.compress(text))],
    [unpackSnappy, javaSnappy(text)],
    [unpackLz4, Buffer.from(lz4.compress(text))],
  ] as const) {
    for (let at = 0; at < packed.length; at += 1) {
      for (const value of [0, 0x7f, 0xff]) {
        const damaged = Buffer.from(packed);
        damaged[at] = value;
        expect(lengthOf(() => unpack(damaged, 2_000))).toBeLessThanOrEqual(2_000);
      }
    }
  }
});

test('a block that is cut off anywhere is refused', () => {
  const text = Buffer.from('{"visitor_id":"somebody"}'.repeat(40));
  for (const [unpack, packed] of [
    [unpackSnappy, Buffer.from(snappy.compress(text))],
    [unpackLz4, Buffer.from(lz4.compress(text))],
  ] as const) {
    for (let at = 0; at < packed.length; at += 1)
      expect(() => unpack(packed.subarray(0, at), BYTES_MAX)).toThrow(Error);
  }
});

test('what grows beyond the limit is refused', () => {
  const zeros = Buffer.alloc(100_000);
  expect(() => unpackSnappy(Buffer.from(snappy.compress(zeros)), 99_999)).toThrow(
    'more than 99999',
  );
  expect(() => unpackLz4(Buffer.from(lz4.compress(zeros)), 99_999)).toThrow('more than 99999');
});

test.each([
  ['gzip', 1, gzipSync],
  ['zstd', 4, zstdCompressSync],
] as const)('%s is unpacked up to a limit', async (name, number, pack) => {
  const bytes = Buffer.from('records');
  expect(await unpackRecords(number, pack(bytes))).toEqual(bytes);
  const bomb = pack(Buffer.alloc(64 * 1_024 * 1_024 + 1));
  await expect(unpackRecords(number, bomb)).rejects.toThrow(name);
});

test('what is damaged or of no known kind says so', async () => {
  await expect(unpackRecords(3, Buffer.from('no LZ4'))).rejects.toThrow('lz4: no frame of LZ4');
  await expect(unpackRecords(7, Buffer.alloc(1))).rejects.toThrow('compression 7');
});
