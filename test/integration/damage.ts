import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { LmdbStore } from '../../processors/engine/state/lmdb.ts';

const META_TRANSACTION_AT = 152;
const PAGE_BYTES = 4_096;
/** Where lmdb keeps a third description: of the newest transaction that is known to be on disk. */
const FLUSHED_AT = PAGE_BYTES / 2;

/** The data file of log or state. */
export function fileOf(dataDir: string, part: 'log' | 'state'): string {
  return join(dataDir, part, 'data.mdb');
}

/** Flips one bit in the middle of every place in the file that holds these bytes; returns how many. */
export function flipWherever(file: string, bytes: Uint8Array): number {
  const content = readFileSync(file);
  let count = 0;
  for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1)) {
    const middle = at + Math.floor(bytes.length / 2);
    content[middle] = (content[middle] ?? 0) ^ 1;
    count += 1;
  }
  writeFileSync(file, content);
  return count;
}

/** Flips a bit in every stored value whose key starts so; returns how many keys there are. */
export async function flipValues(dataDir: string, keyPrefix: string): Promise<number> {
  const store = LmdbStore.open(join(dataDir, 'state'));
  const values = [...store.range({ start: keyPrefix, end: `${keyPrefix}~` })].map(({ value }) =>
    Buffer.from(value),
  );
  await store.close();
  for (const value of values) flipWherever(fileOf(dataDir, 'state'), value);
  return values.length;
}

/**
 * Makes the newest transaction of the file look as if its description had not reached the disk, which
 * is what a torn write leaves. Returns the numbers of the transactions that the file described.
 */
export function tearNewestTransaction(file: string): readonly number[] {
  const content = readFileSync(file);
  const places = [0, FLUSHED_AT, PAGE_BYTES];
  const numbers = places.map((at) => Number(content.readBigUInt64LE(at + META_TRANSACTION_AT)));
  const newest = Math.max(...numbers);
  places.forEach((at, index) => {
    if (numbers[index] === newest) content.writeBigUInt64LE(0n, at + META_TRANSACTION_AT);
  });
  writeFileSync(file, content);
  return numbers;
}
