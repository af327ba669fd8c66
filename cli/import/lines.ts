import type { LineRejection } from './batch.ts';
import { readFileBytes } from './file-bytes.ts';

/** Longest line that is read: far beyond any event, small enough to hold. */
export const LINE_BYTES_MAX = 1_024 * 1_024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Consecutive lines of a file; line i lies in `bytes` from `starts[i]` to `ends[i]`, without its line end. */
export interface LineChunk {
  /** Belongs to the receiver. */
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Number of the first line, from 1. */
  readonly firstLine: number;
  /** A line that cannot be had, after those: too long, or cut off by damage to the file. */
  readonly lost: { readonly line: number; readonly reason: 'too-long' | 'cut-off' } | undefined;
  readonly bytesRead: number;
}

/**
 * The lines of a file, unpacked when it is gzip. When the file turns out to be damaged, its whole
 * lines come first, then a chunk that says which line was cut off, then the error.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE, IMPORT_FILE_DAMAGED as `readFileBytes`
 */
export async function* readLines(file: string): AsyncGenerator<LineChunk> {
  let carry: Buffer = Buffer.alloc(0);
  let nextLine = 1;
  let bytesRead = 0;
  let isSkipping = false;
  const lost = (reason: 'too-long' | 'cut-off'): LineChunk => {
    const line = nextLine;
    nextLine += 1;
    return {
      bytes: Buffer.alloc(0),
      starts: [],
      ends: [],
      firstLine: line,
      lost: { line, reason },
      bytesRead,
    };
  };
  try {
    for await (const piece of readFileBytes(file)) {
      bytesRead = piece.bytesRead;
      let { bytes } = piece;
      if (isSkipping) {
        const newline = bytes.indexOf(NEWLINE);
        if (newline < 0) continue;
        isSkipping = false;
        bytes = bytes.subarray(newline + 1);
      }
      const lastNewline = bytes.lastIndexOf(NEWLINE);
      if (lastNewline < 0) {
        carry = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
        if (carry.length <= LINE_BYTES_MAX) continue;
        carry = Buffer.alloc(0);
        isSkipping = true;
        yield lost('too-long');
        continue;
      }
      const whole = bytes.subarray(0, lastNewline + 1);
      const chunk = splitChunk(
        carry.length === 0 ? whole : Buffer.concat([carry, whole]),
        nextLine,
        bytesRead,
      );
      carry = bytes.subarray(lastNewline + 1);
      nextLine += chunk.starts.length;
      yield chunk;
    }
  } catch (error) {
    if (carry.length > 0) yield lost('cut-off');
    throw error;
  }
  if (carry.length > 0) yield splitChunk(carry, nextLine, bytesRead);
}

function splitChunk(bytes: Buffer, firstLine: number, bytesRead: number): LineChunk {
  const starts: number[] = [];
  const ends: number[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    starts.push(start);
    ends.push(end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
    start = end + 1;
  }
  return { bytes, starts, ends, firstLine, lost: undefined, bytesRead };
}

/** The rejection of a line that the reader could not have. */
export function rejectionOfLost({ line, reason }: NonNullable<LineChunk['lost']>): LineRejection {
  return reason === 'too-long'
    ? {
        line,
        code: 'IMPORT_LINE_TOO_LONG',
        message: `Expected lines of at most ${LINE_BYTES_MAX} bytes, got a longer one`,
      }
    : {
        line,
        code: 'IMPORT_LINE_INCOMPLETE',
        message: `Expected a whole line, got the start of one before the damage`,
      };
}
