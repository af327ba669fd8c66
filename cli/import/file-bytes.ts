import { type FileHandle, open } from 'node:fs/promises';
import { type Gunzip, createGunzip } from 'node:zlib';

import { EngineError, messageOf } from '../../schemas/errors.ts';

/** Read at a time. Gzip packs at most 1,032 to 1, so a piece unpacks to at most 34 MB, whatever it holds. */
const READ_BYTES = 32 * 1_024;

/** A piece of a file's content. */
export interface FilePiece {
  /** Belongs to the receiver. */
  readonly bytes: Buffer;
  /** Bytes of the file read so far, packed if it is packed. */
  readonly bytesRead: number;
}

/**
 * The content of a file in pieces, unpacked when its first bytes say gzip. Of a damaged or cut-off
 * gzip file all that can be unpacked comes first, then the error.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE when it cannot be opened or read
 * @throws {EngineError} IMPORT_FILE_DAMAGED when it is gzip and does not unpack to its end
 */
export async function* readFileBytes(file: string): AsyncGenerator<FilePiece> {
  const handle = await openFile(file);
  try {
    let bytesRead = 0;
    let unpacker: Unpacker | undefined;
    for (;;) {
      const piece = await readPiece(handle, file);
      if (piece.length === 0) break;
      if (bytesRead === 0 && isGzip(piece)) unpacker = new Unpacker(file);
      bytesRead += piece.length;
      if (unpacker === undefined) {
        yield { bytes: piece, bytesRead };
        continue;
      }
      for (const bytes of await unpacker.write(piece)) yield { bytes, bytesRead };
      unpacker.throwIfDamaged();
    }
    if (unpacker !== undefined) {
      for (const bytes of await unpacker.end()) yield { bytes, bytesRead };
      unpacker.throwIfDamaged();
    }
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function readPiece(handle: FileHandle, file: string): Promise<Buffer> {
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): EngineError {
  return new EngineError({
    code: 'IMPORT_FILE_UNREADABLE',
    kind: 'fatal',
    message: `Expected a readable file at ${file}, got: ${messageOf(cause)}`,
    details: { file },
    cause,
  });
}

/** @see RFC 1952, section 2.3.1 */
function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Gunzip with its output kept even when the input turns out to be damaged, which streams throw away. */
class Unpacker {
  readonly #file: string;
  readonly #gunzip: Gunzip = createGunzip();
  #unpacked: Buffer[] = [];
  #error: Error | undefined;
  #settle: (() => void) | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#gunzip.on('data', (bytes: Buffer) => this.#unpacked.push(bytes));
    this.#gunzip.on('error', (error) => {
      this.#error = error;
      this.#settle?.();
    });
  }

  async write(piece: Buffer): Promise<Buffer[]> {
    await this.#wait((done) => this.#gunzip.write(piece, done));
    return this.#take();
  }

  async end(): Promise<Buffer[]> {
    await this.#wait((done) => {
      this.#gunzip.once('end', done);
      this.#gunzip.end();
    });
    return this.#take();
  }

  throwIfDamaged(): void {
    if (this.#error === undefined) return;
    throw new EngineError({
      code: 'IMPORT_FILE_DAMAGED',
      kind: 'fatal',
      message: `Expected a whole gzip file at ${this.#file}, got: ${this.#error.message}`,
      details: { file: this.#file },
      cause: this.#error,
    });
  }

  /** Ends with the step or with the unpacker's error, whichever comes; an error ends every later step too. */
  async #wait(step: (done: () => void) => void): Promise<void> {
    if (this.#error !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settle = resolve;
    step(resolve);
    await promise;
  }

  #take(): Buffer[] {
    const unpacked = this.#unpacked;
    this.#unpacked = [];
    return unpacked;
  }
}
