/**
 * Numbers and texts one after the other in one string, a byte a character: a state of a million keys
 * takes a third of the memory that lists and objects take. Whoever reads knows what was written.
 *
 * A number is a byte when it is a small whole one, four bytes below 2²⁴, such as a duration of hours,
 * seven below 2⁴⁸, such as an instant, and nine otherwise; within a list it is a byte when it was there
 * shortly before. It comes back to the last bit (−0 as 0). A text is twice its length in bytes, one more
 * where it is not plain ASCII, and its UTF-8.
 */
const SMALL_MIN = -32;
const SMALL_MAX = 207;
const WHOLE_TAG = 0xf0;
const DOUBLE_TAG = 0xf1;
const MIDDLE_TAG = 0xf2;
/** This tag, and those after it: the same as the number before in the list, and those before it. */
const REPEAT_TAG = 0xf3;
const REPEATS = 0x100 - REPEAT_TAG;
const WHOLE_LIMIT = 2 ** 48;
const WHOLE_BYTES = 6;
/** A whole number is four low bytes and two high ones: bit operators take 32 bits. */
const LOW_LIMIT = 2 ** 32;
const MIDDLE_LIMIT = 2 ** 24;
const MIDDLE_BYTES = 3;
const DOUBLE_BYTES = 8;
const TAG_BYTES = 1;
/** Names and ids up to this length are plain ASCII most of the time, and copied here faster than by a call. */
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
      // Likewise: the calls of Buffer took a tenth of what a price costs.
      const buffer = this.#buffer;
      const high = Math.floor(value / LOW_LIMIT);
      const low = value - high * LOW_LIMIT;
      buffer[at] = WHOLE_TAG;
      buffer[at + 1] = low;
      buffer[at + 2] = low >>> 8;
      buffer[at + 3] = low >>> 16;
      buffer[at + 4] = low >>> 24;
      buffer[at + 5] = high;
      buffer[at + 6] = high >>> 8;
      this.#length = at + TAG_BYTES + WHOLE_BYTES;
    }
  }

  /** A list of numbers, with how many they are. */
  numbers(values: readonly number[]): void {
    const { length } = values;
    this.number(length);
    for (let index = 0; index < length; index += 1) {
      const value = values[index] ?? 0;
      const back = value > SMALL_MAX || !Number.isInteger(value) ? distanceOf(values, index) : 0;
      if (back === 0) this.number(value);
      else this.#byte(REPEAT_TAG + back - 1);
    }
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
        buffer[start] = 2 * length - SMALL_MIN;
        this.#length = start + TAG_BYTES + length;
        return;
      }
    }
    const bytes = Buffer.byteLength(value);
    this.number(2 * bytes + 1);
    this.#reserve(bytes);
    this.#length += this.#buffer.write(value, this.#length);
  }

  /** What was written since the last time. */
  take(): string {
    const packed = this.#buffer.toString('latin1', 0, this.#length);
    this.#length = 0;
    return packed;
  }

  #byte(value: number): void {
    this.#reserve(TAG_BYTES);
    this.#buffer[this.#length] = value;
    this.#length += TAG_BYTES;
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
      const low =
        (buffer[at + 1] ?? 0) | ((buffer[at + 2] ?? 0) << 8) | ((buffer[at + 3] ?? 0) << 16);
      const high = (buffer[at + 5] ?? 0) | ((buffer[at + 6] ?? 0) << 8);
      return low + (buffer[at + 4] ?? 0) * MIDDLE_LIMIT + high * LOW_LIMIT;
    }
    this.#at = at + TAG_BYTES + DOUBLE_BYTES;
    return buffer.readDoubleLE(at + TAG_BYTES);
  }

  numbers(): number[] {
    const values: number[] = [];
    for (let left = this.number(); left > 0; left -= 1) {
      const tag = this.#buffer[this.#at] ?? 0;
      if (tag < REPEAT_TAG) {
        values.push(this.number());
      } else {
        this.#at += TAG_BYTES;
        values.push(values[values.length - 1 - (tag - REPEAT_TAG)] ?? 0);
      }
    }
    return values;
  }

  /** Whether the first thing in a packed string is this text, most of the time without opening it. */
  beginsWith(packed: string, text: string): boolean {
    const tag = packed.charCodeAt(0);
    // Plain ASCII, whose bytes are its characters.
    if (tag < WHOLE_TAG && tag % 2 === 0) {
      return tag + SMALL_MIN === 2 * text.length && packed.startsWith(text, TAG_BYTES);
    }
    this.open(packed);
    return this.text() === text;
  }

  /** A short text may be a piece of the packed string in memory, which it then keeps alive. */
  text(): string {
    const header = this.number();
    if (header === 0) return '';
    const start = this.#at;
    const end = start + Math.floor(header / 2);
    this.#at = end;
    if (header % 2 === 1) return this.#buffer.toString('utf8', start, end);
    return this.#packed.slice(start, end);
  }
}

/** How far back in the list the same number is, within what a tag can say; 0 when it is not there. */
function distanceOf(values: readonly number[], index: number): number {
  const value = values[index];
  for (let back = 1; back <= REPEATS && back <= index; back += 1) {
    if (values[index - back] === value) return back;
  }
  return 0;
}
