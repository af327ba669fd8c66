/** CRC-64-AVRO of the empty text, and the polynomial's reversed form. */
const EMPTY = 0xc15d213aa4d7a795n;

const TABLE: readonly bigint[] = Array.from({ length: 256 }, (_, index) => {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit += 1) value = (value >> 1n) ^ (value & 1n ? EMPTY : 0n);
  return value;
});

/**
 * The 64-bit Rabin fingerprint of a schema in Parsing Canonical Form, as eight bytes in little-endian
 * order, the way a single-object header carries it.
 *
 * @see Apache Avro 1.11 specification, "Schema Fingerprints" and "Single-object encoding"
 */
export function fingerprintOf(canonicalSchema: string): Buffer {
  let value = EMPTY;
  for (const byte of Buffer.from(canonicalSchema, 'utf8')) {
    value = (value >> 8n) ^ (TABLE[Number((value ^ BigInt(byte)) & 0xffn)] ?? 0n);
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
