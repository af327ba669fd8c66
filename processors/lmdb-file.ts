import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

import { EngineError, type ErrorCode } from '../schemas/errors.ts';

/*
 * The start of an LMDB data file, as lmdb 3.5 writes it on 64-bit machines, little endian. Pages 0 and
 * 1 describe one transaction each, in turn; the newer one counts.
 *   18  u16  flags of the page, 8 = describes a transaction
 *   24  u32  magic number
 *   28  u32  version
 *   48  u32  bytes of a page
 *  144  u64  number of the last page that is used
 */
const HEADER_BYTES = 256;
const FLAGS_AT = 18;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_BYTES_AT = 48;
const LAST_PAGE_AT = 144;
const FLAG_META = 8;
const MAGIC = 0xbe_ef_c0_de;
const VERSION = 2;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 65_536;

/**
 * Checks an LMDB data file before LMDB maps it into memory: a file without its first page, or a
 * shorter one than its pages need, would end the process by a signal. A file that is too short is
 * extended with zeros, which LMDB reports when it comes to a page that is gone.
 *
 * @returns whether the file was too short: then everything in it should be read once
 * @throws {EngineError} `code` when it is no LMDB file
 */
export function checkLmdbFile(
  file: string,
  { code, remedy }: { readonly code: ErrorCode; readonly remedy: string },
): boolean {
  if (!existsSync(file)) return false;
  const descriptor = openSync(file, 'r+');
  try {
    const { size } = fstatSync(descriptor);
    // A process that was killed while it created the file; there was nothing in it.
    if (size === 0) return false;
    const neededBytes = neededBytesOf(descriptor);
    if (neededBytes === undefined) {
      throw new EngineError({
        code,
        kind: 'fatal',
        message: `Expected an LMDB data file at ${file}, but its first page is damaged. ${remedy}`,
      });
    }
    if (size >= neededBytes) return false;
    ftruncateSync(descriptor, neededBytes);
    return true;
  } finally {
    closeSync(descriptor);
  }
}

function neededBytesOf(descriptor: number): number | undefined {
  const first = Buffer.alloc(HEADER_BYTES);
  readSync(descriptor, first, 0, HEADER_BYTES, 0);
  const pageBytes = first.readUInt32LE(PAGE_BYTES_AT);
  const isPageSize =
    pageBytes >= PAGE_BYTES_MIN &&
    pageBytes <= PAGE_BYTES_MAX &&
    Number.isInteger(Math.log2(pageBytes));
  if (!isMetaPage(first) || !isPageSize) return undefined;
  const second = Buffer.alloc(HEADER_BYTES);
  readSync(descriptor, second, 0, HEADER_BYTES, pageBytes);
  let lastPage = first.readBigUInt64LE(LAST_PAGE_AT);
  if (isMetaPage(second) && second.readBigUInt64LE(LAST_PAGE_AT) > lastPage) {
    lastPage = second.readBigUInt64LE(LAST_PAGE_AT);
  }
  const needed = (Number(lastPage) + 1) * pageBytes;
  return needed <= FILE_BYTES_MAX ? needed : undefined;
}

/** Far above any data file; a larger number of pages is damage. */
const FILE_BYTES_MAX = 2 ** 46;

function isMetaPage(page: Buffer): boolean {
  return (
    (page.readUInt16LE(FLAGS_AT) & FLAG_META) !== 0 &&
    page.readUInt32LE(MAGIC_AT) === MAGIC &&
    page.readUInt32LE(VERSION_AT) === VERSION
  );
}
