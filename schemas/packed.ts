/**
 * Numbers and texts one after the other in one string, a byte a character: a state of a million keys
 * takes a third of the memory that lists and objects take. Whoever reads knows what was written.
 *
 * A number is a byte when it is a small whole one, four bytes below 2²⁴, such as a duration of hours,
 * seven below 2⁴⁸, such as an instant, and nine otherwise; it comes back to the last bit (−0 as 0). A
 * text is its length in bytes and its UTF-8.
 */
const SMALL_MIN = -32;
const SMALL_MAX = 207;
const WHOLE_TAG = 0xf0;
const DOUBLE_TAG = 0xf1;
const MIDDLE_TAG = 0xf2;
const WHOLE_LIMIT = 2 ** 48;
const WHOLE_BYTES = 6;
const MIDDLE_LIMIT = 2 ** 24;
const MIDDLE_BYTES = 3;
const DOUBLE_BYTES = 8;
const TAG_BYTES = 1;
/** Names and ids up to this length are plain most of the time, and copied here faster than by a call. */
const SHORT_LENGTH = 40;
const ASCII_LIMIT = 0x80;
/** Room at the start; it grows with what is written. */
const FIRST_BYTES = 1_024;

/** Writes packed strings one after the other, so that all share its buffer. */
export class PackWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  number(value: number): void {
    this.#reserve(TAG_BYTES + DOUBLE_BYTES);
    const at = this.#length;
    if (!Number.isInteger(value) || value >= WHOLE_LIMIT || value < SMALL_MIN) {
      this.#buffer[at] = DOUBLE_TAG;
      this.#buffer.writeDoubleLE(value, at + TAG_BYTES);
      this.#length = at + TAG_BYTES + DOUBLE_BYTES;
    } else if (value <= SMALL_MAX) {
      this.#buffer[at] = value - SMALL_MIN;
      this.#length = at + TAG_BYTES;
    } else if (value < MIDDLE_LIMIT) {
      // Written out: of all sizes this is the commonest, and a call takes three times as long.
      const buffer = this.#buffer;
      buffer[at] = MIDDLE_TAG;
      buffer[at + 1] = value;
      buffer[at + 2] = value >> 8;
      buffer[at + 3] = value >> 16;
      this.#length = at + TAG_BYTES + MIDDLE_BYTES;
    } else {
      this.#buffer[at] = WHOLE_TAG;
      this.#buffer.writeUIntLE(value, at + TAG_BYTES, WHOLE_BYTES);
      this.#length = at + TAG_BYTES + WHOLE_BYTES;
    }
  }

  /** A list of numbers, with how many they are. */
  numbers(values: readonly number[]): void {
    this.number(values.length);
    for (const value of values) this.number(value);
  }

  text(value: string): void {
    const { length } = value;
    if (length <= SHORT_LENGTH) {
      this.#reserve(TAG_BYTES + length);
      const buffer = this.#buffer;
      const start = this.#length;
      let at = 0;
      for (; at < length; at += 1) {
        const unit = value.charCodeAt(at);
        if (unit >= ASCII_LIMIT) break;
        buffer[start + TAG_BYTES + at] = unit;
      }
      if (at === length) {
        buffer[start] = length - SMALL_MIN;
        this.#length = start + TAG_BYTES + length;
        return;
      }
    }
    const bytes = Buffer.byteLength(value);
    this.number(bytes);
    this.#reserve(bytes);
    this.#length += this.#buffer.write(value, this.#length);
  }

  /** What was written since the last time. */
  take(): string {
    const packed = this.#buffer.toString('latin1', 0, this.#length);
    this.#length = 0;
    return packed;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const longer = Buffer.allocUnsafe(2 * (this.#length + bytes));
    this.#buffer.copy(longer, 0, 0, this.#length);
    this.#buffer = longer;
  }
}

/** Reads what a `PackWriter` wrote, in the same order; one string at a time. */
export class PackReader {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #packed = '';
  #at = 0;

  open(packed: string): void {
    if (packed.length > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(2 * packed.length);
    this.#buffer.write(packed, 'latin1');
    this.#at = 0;
    this.#packed = packed;
  }

  /** Whether something is left to read. */
  hasMore(): boolean {
    return this.#at < this.#packed.length;
  }

  number(): number {
    const at = this.#at;
    const tag = this.#buffer[at] ?? 0;
    if (tag < WHOLE_TAG) {
      this.#at = at + TAG_BYTES;
      return tag + SMALL_MIN;
    }
    const buffer = this.#buffer;
    if (tag === MIDDLE_TAG) {
      this.#at = at + TAG_BYTES + MIDDLE_BYTES;
      return (buffer[at + 1] ?? 0) | ((buffer[at + 2] ?? 0) << 8) | ((buffer[at + 3] ?? 0) << 16);
    }
    if (tag === WHOLE_TAG) {
      this.#at = at + TAG_BYTES + WHOLE_BYTES;
      return buffer.readUIntLE(at + TAG_BYTES, WHOLE_BYTES);
    }
    this.#at = at + TAG_BYTES + DOUBLE_BYTES;
    return buffer.readDoubleLE(at + TAG_BYTES);
  }

  numbers(): number[] {
    const values: number[] = [];
    for (let left = this.number(); left > 0; left -= 1) values.push(this.number());
    return values;
  }

  /** A short text may be a piece of the packed string in memory, which it then keeps alive. */
  text(): string {
    const bytes = this.number();
    if (bytes === 0) return '';
    const start = this.#at;
    const end = start + bytes;
    this.#at = end;
    if (bytes > SHORT_LENGTH) return this.#buffer.toString('utf8', start, end);
    for (let at = start; at < end; at += 1) {
      if ((this.#buffer[at] ?? 0) >= ASCII_LIMIT) return this.#buffer.toString('utf8', start, end);
    }
    return this.#packed.slice(start, end);
  }
}
