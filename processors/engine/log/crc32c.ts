/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const BYTE_VALUES = 256;
const SLICES = 8;
const WORD_BYTES = 4;

/** What a byte does to the checksum when so many more bytes follow it as its slice says. */
const TABLE = new Int32Array(SLICES * BYTE_VALUES);
for (let byte = 0; byte < BYTE_VALUES; byte += 1) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL);
  TABLE[byte] = crc;
}
for (let at = BYTE_VALUES; at < TABLE.length; at += 1) {
  const before = TABLE[at - BYTE_VALUES] ?? 0;
  TABLE[at] = (before >>> 8) ^ (TABLE[before & 0xff] ?? 0);
}

/**
 * The CRC-32C of bytes. Eight of them at a time take a third of what they take one by one, and
 * everything that goes to Kafka has one.
 *
 * @see RFC 3720, appendix B.4, for examples; Kounavis and Berry 2008 for the slices
 */
export function crc32c(bytes: Uint8Array): number {
  const { buffer, byteOffset, length } = bytes;
  const unaligned = Math.min(length, (WORD_BYTES - (byteOffset % WORD_BYTES)) % WORD_BYTES);
  let crc = oneByOne(bytes, { crc: -1, start: 0, end: unaligned });
  // Words as the machine has them, with the lowest byte first wherever Node runs.
  const words = new Int32Array(buffer, byteOffset + unaligned, ((length - unaligned) >> 3) << 1);
  for (let at = 0; at < words.length; at += 2) {
    const low = crc ^ (words[at] ?? 0);
    const high = words[at + 1] ?? 0;
    crc =
      (TABLE[0x700 + (low & 0xff)] ?? 0) ^
      (TABLE[0x600 + ((low >>> 8) & 0xff)] ?? 0) ^
      (TABLE[0x500 + ((low >>> 16) & 0xff)] ?? 0) ^
      (TABLE[0x400 + (low >>> 24)] ?? 0) ^
      (TABLE[0x300 + (high & 0xff)] ?? 0) ^
      (TABLE[0x200 + ((high >>> 8) & 0xff)] ?? 0) ^
      (TABLE[0x100 + ((high >>> 16) & 0xff)] ?? 0) ^
      (TABLE[high >>> 24] ?? 0);
  }
  const start = unaligned + words.length * WORD_BYTES;
  crc = oneByOne(bytes, { crc, start, end: length });
  return (crc ^ -1) >>> 0;
}

function oneByOne(
  bytes: Uint8Array,
  { crc, start, end }: { readonly crc: number; readonly start: number; readonly end: number },
): number {
  let result = crc;
  for (let at = start; at < end; at += 1)
    result = (result >>> 8) ^ (TABLE[(result ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  return result;
}
