import { giveBack } from '../../../schemas/give-back.ts';
import type { Column, ColumnType, Value } from '../operator/table.ts';

/** Room to begin with: some dozen facts. */
const BYTES_MIN = 16 * 1_024;
/** Lines that are used again keep up to this many times the memory that they needed last. */
const SPARE_FACTOR = 8;
/** Room for one row. */
const ROW_BYTES_MIN = 256;
/** A UTF-16 unit takes at most three bytes of UTF-8, and an escaped one two. */
const BYTES_PER_UNIT_MAX = 3;

const TAB = 0x09;
const NEWLINE = 0x0a;
const CAPITAL_N = 0x4e;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const ZERO = 0x30;
const SPACE = 0x20;
const DELETE = 0x7f;

const NEEDS_ESCAPE = /[\t\n\r\\\0]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\\': '\\\\',
  '\0': '\\0',
};

/** Whole numbers below have at most nine digits. */
const SMALL_END = 1e9;
const SHORT_LENGTH_MAX = 16;

/** 2001-09-09 to 2286-11-20: the instants whose seconds have ten digits. */
const TEN_DIGITS_FROM_MS = 1e12;
const TEN_DIGITS_UNTIL_MS = 1e13;

/**
 * Lines in ClickHouse's TabSeparated format as they will be sent, in one growing buffer. Values go
 * into it one by one: made as strings first, and kept until a checkpoint, they were a seventh of all
 * that the garbage collector had to clear away.
 */
export class Lines {
  #bytes: Buffer;
  #length = 0;
  #count = 0;

  constructor(bytesMin: number = BYTES_MIN) {
    this.#bytes = Buffer.allocUnsafe(bytesMin);
  }

  /** How many lines have ended. */
  get count(): number {
    return this.#count;
  }

  /** Values in column order, with tabs between them. */
  row(columns: readonly Column[], values: readonly Value[]): void {
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index];
      if (column === undefined) break;
      if (index > 0) this.tab();
      this.#value(column.type, values[index]);
    }
  }

  text(text: string): void {
    this.#reserve(text.length * BYTES_PER_UNIT_MAX);
    if (text.length > SHORT_LENGTH_MAX) this.#write(text);
    else this.#writeShort(text);
  }

  /** UTC milliseconds, as the decimal seconds that DateTime64(3) reads. */
  instant(instantMs: number): void {
    if (!(instantMs >= TEN_DIGITS_FROM_MS && instantMs < TEN_DIGITS_UNTIL_MS)) {
      this.text((instantMs / 1_000).toFixed(3));
      return;
    }
    const seconds = Math.floor(instantMs / 1_000);
    const upper = Math.floor(seconds / 1e5);
    this.#digits(upper, 5);
    this.#digits(seconds - upper * 1e5, 5);
    this.#byte(DOT);
    this.#digits(instantMs - seconds * 1_000, 3);
  }

  /** The day of an instant, as Date reads it. */
  day(instantMs: number): void {
    this.text(new Date(instantMs).toISOString().slice(0, 10));
  }

  number(value: number): void {
    if (Number.isInteger(value) && value >= 0 && value < SMALL_END) {
      let count = 1;
      for (let end = 10; end <= value; end *= 10) count += 1;
      this.#digits(value, count);
    } else this.text(String(value));
  }

  tab(): void {
    this.#byte(TAB);
  }

  /** Ends the line. */
  end(): void {
    this.#byte(NEWLINE);
    this.#count += 1;
  }

  /** How many bytes the lines are. */
  get byteLength(): number {
    return this.#length;
  }

  /** Copies the lines to `target` from byte `at` on, where there is room for them. */
  copyTo(target: Uint8Array, at: number): void {
    this.#bytes.copy(target, at, 0, this.#length);
  }

  /** Begins anew in the same memory; what was far too large is given back. */
  clear(): void {
    if (this.#length * SPARE_FACTOR < this.#bytes.length && this.#bytes.length > BYTES_MIN)
      this.#bytes = Buffer.allocUnsafe(BYTES_MIN);
    this.#length = 0;
    this.#count = 0;
  }

  toString(): string {
    return this.#bytes.toString('utf8', 0, this.#length);
  }

  #value(type: ColumnType, value: Value | undefined): void {
    if (value === null || value === undefined) {
      this.#null();
      return;
    }
    switch (type) {
      case 'text':
      case 'nullable-text':
        this.text(String(value));
        return;
      case 'instant':
      case 'nullable-instant':
        this.instant(Number(value));
        return;
      case 'boolean':
        this.text(value === true ? 'true' : 'false');
        return;
      case 'integer':
      case 'nullable-integer':
      case 'double':
      case 'nullable-double':
        this.number(Number(value));
    }
  }

  /** What TabSeparated reads as NULL. */
  #null(): void {
    this.#byte(BACKSLASH);
    this.#byte(CAPITAL_N);
  }

  #write(text: string): void {
    const safe = NEEDS_ESCAPE.test(text) ? escaped(text) : text;
    this.#length += this.#bytes.write(safe, this.#length, 'utf8');
  }

  /** For the short texts of events, ASCII nearly always, a loop is faster than a search and a call. */
  #writeShort(text: string): void {
    const bytes = this.#bytes;
    let to = this.#length;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit < SPACE || unit >= DELETE || unit === BACKSLASH) {
        this.#write(text);
        return;
      }
      bytes[to] = unit;
      to += 1;
    }
    this.#length = to;
  }

  /** The lowest `count` decimal digits of a whole number. */
  #digits(value: number, count: number): void {
    this.#reserve(count);
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at -= 1) {
      const upper = Math.floor(rest / 10);
      this.#bytes[at] = ZERO + rest - upper * 10;
      rest = upper;
    }
    this.#length += count;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    giveBack(this.#bytes);
    this.#bytes = grown;
  }
}

/** Values in column order as one line of text, without its end. */
export function tsvRow(columns: readonly Column[], values: readonly Value[]): string {
  const lines = new Lines(ROW_BYTES_MIN);
  lines.row(columns, values);
  return lines.toString();
}

function escaped(text: string): string {
  return text.replaceAll(/[\t\n\r\\\0]/g, (unit) => ESCAPES[unit] ?? unit);
}
