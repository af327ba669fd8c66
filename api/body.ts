import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { messageOf } from '../schemas/errors.ts';
import { Problem } from './problem.ts';

/**
 * A compressed body may grow to this many times its size. Events as NDJSON shrink 10 to 40 times; a
 * body of zeros 1,030 times.
 */
const EXPANSION_RATIO_MAX = 100;

/** Below this size the ratio does not matter: a few repeated events compress beyond it. */
const EXPANDED_BYTES_FREE = 1_024 * 1_024;

const expand = promisify(gunzip);

/** What so many packed bytes may become at most. */
export function expandedBytesMax(packedBytes: number): number {
  return Math.max(EXPANDED_BYTES_FREE, packedBytes * EXPANSION_RATIO_MAX);
}

/**
 * Undoes the `Content-Encoding` of a body.
 *
 * @throws {Problem} BODY_ENCODING_UNSUPPORTED, BODY_ENCODING_DAMAGED for what is not (all of) a gzip
 *   file, BODY_TOO_LARGE past `bytesMax`, BODY_EXPANDS_TOO_MUCH past the ratio
 */
export async function decodeBody(
  body: Buffer,
  contentEncoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '' || body.length === 0) return body;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new Problem({
      code: 'BODY_ENCODING_UNSUPPORTED',
      detail: 'Expected Content-Encoding gzip, or none',
      headers: { 'accept-encoding': 'gzip' },
    });
  }
  const ratioBytesMax = expandedBytesMax(body.length);
  try {
    return await expand(body, { maxOutputLength: Math.min(bytesMax, ratioBytesMax) });
  } catch (error) {
    if (!isTooLarge(error)) {
      throw new Problem({
        code: 'BODY_ENCODING_DAMAGED',
        detail: `Expected a whole gzip file: ${messageOf(error)}`,
      });
    }
    if (ratioBytesMax < bytesMax) {
      throw new Problem({
        code: 'BODY_EXPANDS_TOO_MUCH',
        detail: `A compressed body may expand ${EXPANSION_RATIO_MAX} times at most`,
      });
    }
    throw tooLarge(bytesMax);
  }
}

export function tooLarge(bytesMax: number): Problem {
  return new Problem({
    code: 'BODY_TOO_LARGE',
    detail: `A body may have ${bytesMax} bytes, compressed or not; send smaller batches`,
  });
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
