const HEXADECIMAL = 16;
/** Every byte in two digits: `toString` of a word beyond 2³¹ takes ten times as long as four of these. */
const BYTE_DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(HEXADECIMAL).padStart(2, '0'),
);

/** Two 32-bit halves of a text's fingerprint, in unsigned form; the object is reused by its owner. */
export interface Fingerprint {
  high: number;
  low: number;
}

/**
 * Writes a 64-bit fingerprint of `text` into `into`: two multiplicative hashes with different
 * constants, mixed into each other at the end. Not cryptographic. Two different ids share one with
 * probability 2⁻⁶⁴.
 *
 * @see MurmurHash3's 32-bit finaliser for the mixing constants
 */
export function fingerprintText(text: string, into: Fingerprint): void {
  let high = 0xdeadbeef ^ text.length;
  let low = 0x41c6ce57 ^ text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
    high ^= high >>> 15;
    low ^= low >>> 13;
  }
  into.high = mix(high ^ (low >>> 7)) >>> 0;
  into.low = mix(low ^ Math.imul(high, 0x85ebca6b)) >>> 0;
}

/** A 32-bit FNV-1a hash of the bytes from `start` to `end`, in unsigned form. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash >>> 0;
}

/** 64 bits of `text` as 16 hexadecimal digits; not cryptographic. */
export function fingerprintOf(text: string): string {
  const fingerprint: Fingerprint = { high: 0, low: 0 };
  fingerprintText(text, fingerprint);
  return hexadecimal(fingerprint.high) + hexadecimal(fingerprint.low);
}

function hexadecimal(word: number): string {
  const byte = (shift: number): string => BYTE_DIGITS[(word >>> shift) & 0xff] ?? '';
  return byte(24) + byte(16) + byte(8) + byte(0);
}

function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
