import { createRequire } from 'node:module';

import type { Message } from 'kafkajs';

import { RecordSet } from '../../processors/engine/log/kafka-records.ts';
import { erase } from '../../schemas/brand.ts';

/** A record as it is to lie in a set. */
export interface SetRecord extends Pick<Message, 'value' | 'headers'> {
  readonly offset: number;
  readonly key?: string;
}

type Encode = (record: object) => { readonly buffer: Buffer };

/** Records as kafkajs by itself encodes them. */
export function encodedRecords(firstOffset: number, records: readonly SetRecord[]): Buffer {
  const encode: Encode = erase(
    createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0'),
  );
  return Buffer.concat(
    records.map(
      ({ offset, ...record }) => encode({ ...record, offsetDelta: offset - firstOffset }).buffer,
    ),
  );
}

/** A set of records, appended at instant 1000. */
export function recordSet(records: readonly SetRecord[]): RecordSet {
  const firstOffset = records[0]?.offset ?? 0;
  const nextOffset = (records.at(-1)?.offset ?? -1) + 1;
  return RecordSet.of(
    { firstOffset, nextOffset, appendedAtMs: 1_000, count: records.length },
    encodedRecords(firstOffset, records),
  );
}
