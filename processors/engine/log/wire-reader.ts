/** Reads numbers of Kafka's protocol one after another. Reading past the end throws a RangeError. */
export class WireReader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  int8(): number {
    const value = this.bytes.readInt8(this.at);
    this.at += 1;
    return value;
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** A 64-bit number that is known to be a safe integer, as offsets and instants are. */
  int64(): number {
    const high = this.bytes.readInt32BE(this.at);
    const low = this.bytes.readUInt32BE(this.at + 4);
    this.at += 8;
    return high * 2 ** 32 + low;
  }

  bigint64(): bigint {
    const value = this.bytes.readBigInt64BE(this.at);
    this.at += 8;
    return value;
  }

  /** A text with its length before it. */
  text(): string {
    return this.take(this.int16()).toString();
  }

  /** A view of the next bytes; a negative count, which stands for nothing, is as 0. */
  take(count: number): Buffer {
    const start = this.at;
    this.at += Math.max(0, count);
    if (this.at > this.bytes.length) throw new RangeError('fewer bytes than there should be');
    return this.bytes.subarray(start, this.at);
  }

  /** A whole number of up to 32 bits in variable length: the sign in the lowest bit, seven bits to a byte. */
  varint(): number {
    const { bytes } = this;
    let at = this.at;
    // Most are lengths that take one byte or two.
    let byte = bytes[at++];
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      if (byte === undefined || shift > 28) throw new RangeError('no number of variable length');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      byte = bytes[at++];
    }
    this.at = at;
    return (value >>> 1) ^ -(value & 1);
  }

  /** Passes over a number of variable length of any size. */
  skipVarint(): void {
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('no number of variable length');
      if (byte < 0x80) return;
    }
  }

  skip(count: number): void {
    this.at += count;
  }
}
