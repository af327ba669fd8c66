import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import type { AppendBatch } from '../log/log.ts';
import type { Lines } from '../sink/lines.ts';
import type { Insert } from '../sink/sink.ts';
import { SEAL_BYTES } from '../state/store.ts';

/** What a checkpoint still has to deliver: rows to ClickHouse, or records to another stage. */
export type Delivery =
  | { readonly kind: 'insert'; readonly insert: Insert }
  | { readonly kind: 'append'; readonly batches: readonly AppendBatch[] };

/** A delivery with the form in which its checkpoint holds it, behind room for the seal. */
export type NewDelivery = Delivery & { readonly sealed: Buffer };

/*
 * Stored form, little endian:
 *   0  u8   what it is: 1 rows, 2 records
 *   1  u32  length of the head
 *   5  head: msgpack of the insert without its rows, or of the batches
 *      rows as they will be sent
 */
const INSERT = 1;
const APPEND = 2;
const PREFIX_BYTES = 5;

/** An insert of the lines of all `parts`, which are copied. */
export function insertDelivery(
  insert: Omit<Insert, 'body' | 'rowCount'>,
  parts: readonly Lines[],
): NewDelivery {
  let bytes = 0;
  let rowCount = 0;
  for (const part of parts) {
    bytes += part.byteLength;
    rowCount += part.count;
  }
  const head = pack({ ...insert, rowCount });
  // At its full length, and read from where it is stored: rows are most of what a checkpoint holds,
  // and V8 answers much memory outside its heap with full collections of the heap.
  const sealed = begin(INSERT, head, bytes);
  let at = SEAL_BYTES + PREFIX_BYTES + head.length;
  const body = sealed.subarray(at);
  for (const part of parts) {
    part.copyTo(sealed, at);
    at += part.byteLength;
  }
  return { kind: 'insert', insert: { ...insert, rowCount, body }, sealed };
}

/** Records for other stages. */
export function appendDelivery(batches: readonly AppendBatch[]): NewDelivery {
  return { kind: 'append', batches, sealed: begin(APPEND, pack(batches), 0) };
}

/**
 * The delivery in the form of a checkpoint; it goes on using `stored`.
 *
 * @throws {EngineError} CHECKPOINT_FORMAT_UNKNOWN when another version wrote it
 */
export function storedDelivery(stored: Buffer): Delivery {
  const kind = stored.readUInt8(0);
  if (kind !== INSERT && kind !== APPEND) {
    throw new EngineError({
      code: 'CHECKPOINT_FORMAT_UNKNOWN',
      kind: 'fatal',
      message: `Expected a delivery that this version can read, got one of kind ${kind}. Run the version that wrote it, or move the directory state away: then everything is recomputed from the log`,
    });
  }
  const bodyAt = PREFIX_BYTES + stored.readUInt32LE(1);
  // Written by the functions above and verified by the store's checksum.
  const head: unknown = unpack(stored.subarray(PREFIX_BYTES, bodyAt));
  if (kind === APPEND) return { kind: 'append', batches: erase<readonly AppendBatch[]>(head) };
  const insert = erase<Omit<Insert, 'body'>>(head);
  return { kind: 'insert', insert: { ...insert, body: stored.subarray(bodyAt) } };
}

/** Rows or records in a delivery. */
export function rowsOf(delivery: Delivery): number {
  if (delivery.kind === 'insert') return delivery.insert.rowCount;
  return delivery.batches.reduce((sum, batch) => sum + batch.values.length, 0);
}

/** A stored form with its head and room for `bodyBytes`, behind room for the seal. */
function begin(kind: number, head: Buffer, bodyBytes: number): Buffer {
  const length = PREFIX_BYTES + head.length + bodyBytes;
  const sealed = Buffer.allocUnsafeSlow(SEAL_BYTES + length);
  sealed.writeUInt8(kind, SEAL_BYTES);
  sealed.writeUInt32LE(head.length, SEAL_BYTES + 1);
  sealed.set(head, SEAL_BYTES + PREFIX_BYTES);
  return sealed;
}
