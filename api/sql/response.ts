import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import type { Result } from './answer.ts';
import { type Refusal, statusOf, textOf } from './refusal.ts';

/** A query id of a client that can stand in a header. */
const QUERY_ID = /^[\w.:-]{1,64}$/;

/** How soon a client may try again when there is no room. */
const RETRY_AFTER_SECONDS = '5';

/** The headers of every answer. */
export function addHeaders(response: ServerResponse, url: URL): void {
  const asked = url.searchParams.get('query_id') ?? '';
  response.setHeader('X-ClickHouse-Server-Display-Name', 'weir');
  response.setHeader('X-ClickHouse-Query-Id', QUERY_ID.test(asked) ? asked : randomUUID());
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
}

/** Sends the rows of a statement. */
export function sendResult(response: ServerResponse, result: Result): void {
  const bytes = result.pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  response.setHeader('content-type', result.contentType);
  response.setHeader('content-length', bytes);
  response.setHeader('X-ClickHouse-Format', result.format);
  // Counts are texts, as ClickHouse writes them.
  response.setHeader(
    'X-ClickHouse-Summary',
    JSON.stringify({
      read_rows: '0',
      read_bytes: '0',
      written_rows: '0',
      written_bytes: '0',
      total_rows_to_read: '0',
      result_rows: String(result.rowCount),
      result_bytes: String(bytes),
      elapsed_ns: String(Math.round(result.durationMs * 1e6)),
    }),
  );
  for (const piece of result.pieces) response.write(piece);
  response.end();
}

/** Sends an error in ClickHouse's form. */
export function sendRefusal(response: ServerResponse, refused: Refusal, version: string): void {
  response.statusCode = statusOf(refused);
  response.setHeader('content-type', 'text/plain; charset=UTF-8');
  response.setHeader('X-ClickHouse-Exception-Code', refused.code);
  if (response.statusCode === 503) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
  // What is left of a body that was too long is not read.
  if (response.statusCode === 413) response.setHeader('connection', 'close');
  response.end(textOf(refused, version));
}
