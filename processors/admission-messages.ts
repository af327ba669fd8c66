import type { Config } from './config.ts';
import type { Converted, FetchedFrom } from './engine/log/kafka-batch.ts';
import type { SetParts } from './engine/log/kafka-records.ts';

/** What the thread begins with. Holds the token secret and passwords: never log it. */
export interface AdmissionJob {
  readonly config: Config;
  readonly tokenSecret: Uint8Array;
}

/** What the thread is asked: to make batches of these records. */
export interface AdmissionOrder {
  readonly id: number;
  readonly sets: readonly SetParts[];
  readonly from: FetchedFrom;
}

/** What the thread says. */
export type AdmissionReport =
  | {
      readonly kind: 'converted';
      readonly id: number;
      readonly converted: Omit<Converted, 'until'>;
      /** The batches end where a record waits; when it need wait no longer, `judged` follows. */
      readonly mustWait: boolean;
    }
  | { readonly kind: 'judged'; readonly id: number };

/**
 * Memory to hand over. Bytes that are a part of something larger are copied instead, and so is what is
 * empty: many share that.
 */
export function ownMemoryOf(all: readonly ArrayBufferView[]): ArrayBuffer[] {
  const own = new Set<ArrayBuffer>();
  for (const { buffer, byteLength } of all) {
    const isWhole = byteLength > 0 && buffer.byteLength === byteLength;
    if (isWhole && buffer instanceof ArrayBuffer) own.add(buffer);
  }
  return [...own];
}
