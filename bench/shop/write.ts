import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { ShopOptions } from './options.ts';
import type { ShopEvent } from './shop-event.ts';
import { Shop, batchMsOf } from './shop.ts';
import type { SummaryTruth, TruthRecord } from './truth.ts';

/** Bytes that may wait for the disk while the shop goes on: two batches. */
const WAITING_BYTES_MAX = 4 * 1_024 * 1_024;

/** Where a shop is written to: `file` is created or replaced, a `writable` stays open. */
export type ShopTarget = {
  /** Truth as NDJSON, one record a line, the summary last. */
  readonly truthFile?: string;
  /** Stops the shop where it stands; what has happened by then is written, with its truth. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WriteProgress) => void;
} & ({ readonly file: string } | { readonly writable: Writable });

export interface WriteProgress {
  /** Lines written so far, repeats included. */
  readonly lines: number;
  /** Event time the shop has reached, UTC milliseconds. */
  readonly nowMs: number;
}

export interface WrittenShop {
  /** Lines of the file, repeats included. */
  readonly lines: number;
  readonly bytes: number;
  readonly summary: SummaryTruth;
}

/**
 * Writes a shop's events as NDJSON, each with a first field `event` that names its type, and the
 * truth beside them. Waits whenever the target is slower than the shop.
 *
 * @throws {EngineError} CONFIG_INVALID for options that cannot be used; what the file system or the
 *   writable throws otherwise.
 */
export async function writeShop(
  options: Partial<ShopOptions>,
  target: ShopTarget,
): Promise<WrittenShop> {
  const shop = new Shop(options);
  const written = { lines: 0, bytes: 0 };
  const truth = target.truthFile === undefined ? undefined : await open(target.truthFile, 'w');
  try {
    const chunks = chunksOf(shop, { target, truth, written });
    if ('writable' in target) await pipeline(chunks, target.writable, { end: false });
    else
      await pipeline(chunks, createWriteStream(target.file, { highWaterMark: WAITING_BYTES_MAX }));
  } finally {
    await truth?.close();
  }
  return { ...written, summary: shop.summary() };
}

/** The shop's lines, some thousand at a time; the truth is written on the way. */
async function* chunksOf(
  shop: Shop,
  {
    target,
    truth,
    written,
  }: {
    readonly target: ShopTarget;
    readonly truth: FileHandle | undefined;
    readonly written: { lines: number; bytes: number };
  },
): AsyncGenerator<Buffer> {
  const batchMs = batchMsOf(shop);
  for (;;) {
    const isLast = shop.isClosed || target.signal?.aborted === true;
    const events = isLast ? shop.finish() : shop.next(shop.nowMs + batchMs);
    const chunk = bytesOf(events);
    written.lines += events.length;
    written.bytes += chunk.length;
    if (chunk.length > 0) yield chunk;
    await truth?.appendFile(linesOf(shop.takeTruth()));
    target.onProgress?.({ lines: written.lines, nowMs: shop.nowMs });
    if (isLast) break;
  }
  await truth?.appendFile(linesOf(shop.restOfTruth()));
}

/** The events as lines. Every text of the shop is ASCII, and Latin-1 is the quickest way to write that. */
function bytesOf(events: readonly ShopEvent[]): Buffer {
  let length = 0;
  for (const event of events) length += event.line.length;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const event of events) at += bytes.write(event.line, at, 'latin1');
  return bytes;
}

function linesOf(records: readonly TruthRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}
