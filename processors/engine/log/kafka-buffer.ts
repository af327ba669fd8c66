import type { RecordBatch } from './log.ts';

/** Bytes of fetched records at which fetching a partition pauses, and below which it goes on. */
const BUFFERED_BYTES_HIGH = 2 * 1_024 * 1_024;
const BUFFERED_BYTES_LOW = 512 * 1_024;
/** What a batch costs besides its bytes, so that a flood of tiny batches is bounded too. */
const BATCH_BYTES = 256;

/** Fetched records of one partition that wait for their task, and what the broker says about it. */
export class KafkaBuffer {
  readonly #batches: RecordBatch[] = [];
  /** From here to `position` the buffer holds everything there is. */
  #fromOffset = 0;
  #position: number | undefined;
  #bufferedBytes = 0;
  #endOffset: number;
  startOffset: number;
  isPaused = false;

  constructor(offsets: { readonly startOffset: number; readonly endOffset: number }) {
    this.startOffset = offsets.startOffset;
    this.#endOffset = offsets.endOffset;
  }

  /** The offset to fetch next; undefined before anyone has asked for a record. */
  get position(): number | undefined {
    return this.#position;
  }

  get endOffset(): number {
    return this.#endOffset;
  }

  /** Records up to `endOffset` are known to be durable. */
  extend(endOffset: number): void {
    this.#endOffset = Math.max(this.#endOffset, endOffset);
  }

  get isFull(): boolean {
    return this.#bufferedBytes >= BUFFERED_BYTES_HIGH;
  }

  get hasRoom(): boolean {
    return this.#bufferedBytes <= BUFFERED_BYTES_LOW;
  }

  /** Whether `offset` lies in what the buffer holds or fetches next; if not, fetching must move. */
  covers(offset: number): boolean {
    return this.#position !== undefined && offset >= this.#fromOffset && offset <= this.#position;
  }

  /** The batch with `offset` or the next one; undefined when it is not here yet. Forgets what lies before. */
  read(offset: number): RecordBatch | undefined {
    for (;;) {
      const [head] = this.#batches;
      if (head === undefined || head.nextOffset > offset) return head;
      this.#batches.shift();
      this.#fromOffset = head.nextOffset;
      this.#bufferedBytes -= head.bytes.length + BATCH_BYTES;
    }
  }

  add(batches: readonly RecordBatch[], nextOffset: number): void {
    for (const batch of batches) {
      this.#batches.push(batch);
      this.#bufferedBytes += batch.bytes.length + BATCH_BYTES;
    }
    this.#position = nextOffset;
    this.extend(nextOffset);
  }

  /** Forgets everything: another process fetches from here on. */
  forget(): void {
    this.moveTo(0);
    this.#position = undefined;
    this.isPaused = false;
  }

  /** Forgets everything: fetching goes on at `offset`. */
  moveTo(offset: number): void {
    this.#batches.length = 0;
    this.#bufferedBytes = 0;
    this.#fromOffset = offset;
    this.#position = offset;
  }

  /** Fetching goes on at `offset`, because there is nothing before it. */
  skipTo(offset: number): void {
    this.#position = offset;
  }
}
