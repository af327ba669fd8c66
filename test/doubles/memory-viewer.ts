import type { Encoding, Viewer } from '../../api/live/viewer.ts';
import { erase } from '../../schemas/brand.ts';
import type { Row } from '../../schemas/panel.ts';

/** A message of the live protocol as a client reads it. */
export interface LiveMessage {
  readonly type: string;
  readonly id?: string;
  readonly topic?: string;
  readonly seq?: number;
  readonly rows?: readonly Row[];
  readonly [member: string]: unknown;
}

const PLAIN: Encoding = { encode: (message) => Buffer.from(message) };

/** A connection in memory: a test decides when the other end reads. */
export class MemoryViewer implements Viewer {
  readonly encoding = PLAIN;
  /** Every message that the other end has read. */
  readonly read: LiveMessage[] = [];
  closedWith: number | undefined;
  /** The most bytes that ever waited. */
  bufferedBytesPeak = 0;
  readonly #waiting: Buffer[] = [];
  isReading = true;

  write(frame: Buffer): void {
    this.#waiting.push(frame);
    this.bufferedBytesPeak = Math.max(this.bufferedBytesPeak, this.bufferedBytes());
    if (this.isReading) this.drain();
  }

  bufferedBytes(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  close(code: number): void {
    this.closedWith = code;
  }

  /** The other end reads everything that waits. */
  drain(): void {
    for (const frame of this.#waiting.splice(0)) {
      // Written by the code under test; a test compares what it reads.
      this.read.push(erase<LiveMessage>(JSON.parse(frame.toString())));
    }
  }

  /** The messages read since the last call. */
  take(): readonly LiveMessage[] {
    return this.read.splice(0);
  }
}
