import { WireReader } from './wire-reader.ts';

/** What `places` has for each record: an offset, and where its parts begin and end. */
const OFFSET = 0;
const KEY_START = 1;
const KEY_END = 2;
const VALUE_START = 3;
const VALUE_END = 4;
const HEADERS_START = 5;
const HEADERS_END = 6;
const PLACES = 7;
/** Where a key or a value begins that there is not. */
const NONE = -1;

/** The fewest bytes that a record has: one for each of its parts. */
const RECORD_BYTES_MIN = 7;

/** What is known of records without looking at them. */
interface Head {
  readonly firstOffset: number;
  /** One past the last offset that they cover; some offsets may hold nothing. */
  readonly nextOffset: number;
  /** When the broker took them, or else the newest time that their producer gave them. */
  readonly appendedAtMs: number;
  readonly count: number;
}

/** What a set consists of: plain data, for a set in another thread. */
export interface SetParts extends Head {
  readonly bytes: Uint8Array;
  readonly places: Int32Array;
  readonly unreadable: string | undefined;
}

/**
 * Records that a producer sent in one batch, as the broker stores them: their bytes in one piece, and
 * where the parts of each lie. Nothing is made per record, because most are only passed on.
 */
export class RecordSet implements Head {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly appendedAtMs: number;
  readonly count: number;
  readonly bytes: Buffer;
  /** Why none of the records can be read, if that is so: all are empty then. */
  readonly unreadable: string | undefined;
  readonly #places: Int32Array;
  #headers: ReadonlyMap<string, string> = new Map();
  /** The record whose headers these are; undefined before the first. */
  #headersOf: number | undefined;

  /** @param parts belong to the set from now on */
  constructor({ bytes, places, unreadable, ...head }: SetParts) {
    this.firstOffset = head.firstOffset;
    this.nextOffset = head.nextOffset;
    this.appendedAtMs = head.appendedAtMs;
    this.count = head.count;
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.unreadable = unreadable;
    this.#places = places;
  }

  get parts(): SetParts {
    const { firstOffset, nextOffset, appendedAtMs, count, bytes, unreadable } = this;
    return {
      firstOffset,
      nextOffset,
      appendedAtMs,
      count,
      bytes,
      places: this.#places,
      unreadable,
    };
  }

  /**
   * Finds the records in their bytes, which belong to the set from now on.
   *
   * @throws {RangeError} when there are fewer than there should be
   */
  static of(head: Head, bytes: Buffer): RecordSet {
    if (head.count * RECORD_BYTES_MIN > bytes.length)
      throw new RangeError(`${bytes.length} bytes are too few for ${head.count} records`);
    const places = new Int32Array(head.count * PLACES);
    const reader = new WireReader(bytes);
    for (let at = 0; at < places.length; at += PLACES) {
      const end = reader.varint() + reader.at;
      if (end > bytes.length) throw new RangeError('records end in the middle of one');
      reader.skip(1); // attributes, of which there are none
      reader.skipVarint(); // time after the first
      places[at + OFFSET] = reader.varint();
      const keyBytes = reader.varint();
      places[at + KEY_START] = keyBytes < 0 ? NONE : reader.at;
      reader.skip(Math.max(0, keyBytes));
      places[at + KEY_END] = reader.at;
      const valueBytes = reader.varint();
      places[at + VALUE_START] = valueBytes < 0 ? NONE : reader.at;
      reader.skip(Math.max(0, valueBytes));
      places[at + VALUE_END] = reader.at;
      places[at + HEADERS_START] = reader.at;
      places[at + HEADERS_END] = end;
      if (reader.at > end) throw new RangeError('a record is longer than it says');
      reader.at = end;
    }
    return new RecordSet({ ...head, bytes, places, unreadable: undefined });
  }

  /** Records of which nothing but their number is known. */
  static unreadable(head: Head, reason: string): RecordSet {
    const places = new Int32Array(head.count * PLACES);
    for (let index = 0; index < head.count; index += 1) {
      places[index * PLACES + OFFSET] = index;
      places[index * PLACES + KEY_START] = NONE;
      places[index * PLACES + VALUE_START] = NONE;
    }
    return new RecordSet({ ...head, bytes: Buffer.alloc(0), places, unreadable: reason });
  }

  offsetAt(index: number): number {
    return this.firstOffset + this.#place(index, OFFSET);
  }

  /** Undefined for a record without a key. */
  keyAt(index: number): string | undefined {
    const start = this.#place(index, KEY_START);
    if (start === NONE) return undefined;
    return this.bytes.toString('utf8', start, this.#place(index, KEY_END));
  }

  /** A view of the value; undefined for a record without one. */
  valueAt(index: number): Buffer | undefined {
    const start = this.#place(index, VALUE_START);
    return start === NONE ? undefined : this.bytes.subarray(start, this.valueEndAt(index));
  }

  /** Where the value begins in `bytes`; what is not there is as empty. */
  valueStartAt(index: number): number {
    const start = this.#place(index, VALUE_START);
    return start === NONE ? this.valueEndAt(index) : start;
  }

  valueEndAt(index: number): number {
    return this.#place(index, VALUE_END);
  }

  /** The headers by name; the same object as for the record asked for before, if they have the same bytes. */
  headersAt(index: number): ReadonlyMap<string, string> {
    if (this.#headersOf === undefined || !this.#haveSameHeaders(this.#headersOf, index))
      this.#headers = this.#readHeaders(index);
    this.#headersOf = index;
    return this.#headers;
  }

  #place(index: number, what: number): number {
    return this.#places[index * PLACES + what] ?? 0;
  }

  #haveSameHeaders(one: number, other: number): boolean {
    let at = this.#place(one, HEADERS_START);
    const end = this.#place(one, HEADERS_END);
    const start = this.#place(other, HEADERS_START);
    if (end - at !== this.#place(other, HEADERS_END) - start) return false;
    for (let otherAt = start; at < end; at += 1, otherAt += 1)
      if (this.bytes[at] !== this.bytes[otherAt]) return false;
    return true;
  }

  #readHeaders(index: number): ReadonlyMap<string, string> {
    const headers = new Map<string, string>();
    const start = this.#place(index, HEADERS_START);
    if (start === this.#place(index, HEADERS_END)) return headers;
    const reader = new WireReader(this.bytes, start);
    for (let count = reader.varint(); count > 0; count -= 1) {
      const name = reader.take(reader.varint()).toString();
      headers.set(name, reader.take(reader.varint()).toString());
    }
    return headers;
  }
}
