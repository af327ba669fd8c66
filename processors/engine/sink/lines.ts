/** Room to begin with: some dozen facts. */
const BYTES_MIN = 16 * 1_024;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const BYTES_PER_UNIT_MAX = 3;

/**
 * Lines of text as they will be sent, in one growing buffer. Text kept as strings until a checkpoint
 * would live through several garbage collections, which costs more than writing it does.
 */
export class Lines {
  #bytes = Buffer.allocUnsafe(BYTES_MIN);
  #length = 0;
  #count = 0;

  /** How many lines there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds one line; `line` ends with its newline. */
  add(line: string): void {
    this.#reserve(line.length * BYTES_PER_UNIT_MAX);
    this.#length += this.#bytes.write(line, this.#length, 'utf8');
    this.#count += 1;
  }

  /** Adds all lines of `other`. */
  addAll(other: Lines): void {
    this.#reserve(other.#length);
    other.#bytes.copy(this.#bytes, this.#length, 0, other.#length);
    this.#length += other.#length;
    this.#count += other.#count;
  }

  /** The lines as bytes, which belong to the caller as long as no line is added. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
