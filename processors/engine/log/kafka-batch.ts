import type { IHeaders } from 'kafkajs';

import type { Topic } from '../../../schemas/topics.ts';
import type { AppendBatch, RecordBatch, Refused } from './log.ts';

/** Headers of the records that we write ourselves. Names are a promise: records outlive a release. */
export const HEADER = {
  /** The record went through our door: checked, and tokens where personal data was. */
  tokenised: 'weir-tokenised',
  /** The import of history that the record belongs to. */
  importName: 'weir-import',
  /** The record is a marker: its import is complete in this partition. */
  endsImport: 'weir-import-end',
  /** Never in a topic: the record's batch could not be unpacked, and this is why. */
  unreadable: 'weir-unreadable',
} as const;

/** A record about which nothing can be said before something else has happened. */
export interface Waiting {
  readonly kind: 'wait';
  readonly until: Promise<void>;
}

/** What becomes of a record that another program wrote: the log's partition and form, or why not. */
export type Admitted =
  | { readonly kind: 'ok'; readonly partition: number; readonly value: Buffer }
  | ({ readonly kind: 'refused' } & Refused)
  | Waiting;

/** Takes a record of another program in: the door for whoever writes to Kafka directly. */
export type Admit = (topic: Topic, bytes: Buffer) => Admitted;

/** A record as a broker hands it out. */
export interface KafkaRecord {
  readonly offset: string;
  readonly value: Buffer | null;
  readonly headers?: IHeaders | undefined;
  readonly timestamp: string;
}

/** Where fetched records belong and what is known of them all. */
export interface FetchedFrom {
  readonly topic: Topic;
  readonly partition: number;
  /** The offset that was asked for. */
  readonly firstOffset: number;
  /** One past the last offset that the broker's answer covers. */
  readonly nextOffset: number;
  /** When records count as appended; undefined takes the broker's time of each. */
  readonly appendedAtMs: number | undefined;
  readonly admit: Admit;
}

/** Records in our form, and those of other programs that belong to another partition. */
export interface Converted {
  readonly batches: readonly RecordBatch[];
  readonly moved: readonly AppendBatch[];
  /** One past what they cover. */
  readonly nextOffset: number;
  /** Why they end before the broker's answer does: the record there has to wait. */
  readonly until?: Promise<void>;
}

const EMPTY = Buffer.alloc(0);

/**
 * Turns fetched records into batches: one per run of neighbouring offsets with the same time and
 * import. Together they cover everything from `firstOffset` on to the end, or to a record that waits.
 */
export function convertRecords(records: readonly KafkaRecord[], from: FetchedFrom): Converted {
  const batches: RecordBatch[] = [];
  const moved: AppendBatch[] = [];
  let run: Run | undefined;
  for (const record of records) {
    const offset = Number(record.offset);
    const appendedAtMs = from.appendedAtMs ?? Number(record.timestamp);
    const importName = headerOf(record, HEADER.importName);
    const endsImport = headerOf(record, HEADER.endsImport) !== undefined;
    const admitted = endsImport ? OURS : admittedOf(record, from);
    if (admitted.kind === 'wait') {
      const nextOffset = offset;
      if (run !== undefined) batches.push(run.toBatch(from, nextOffset));
      else if (nextOffset > from.firstOffset)
        batches.push(emptyBatch(from, from.firstOffset, nextOffset));
      return { batches, moved, nextOffset, until: admitted.until };
    }
    if (admitted.kind === 'ok' && admitted.partition !== from.partition) {
      const { topic } = from;
      moved.push({ topic, partition: admitted.partition, values: [admitted.value] });
      continue;
    }
    if (run === undefined || endsImport || !run.takes(offset, appendedAtMs, importName)) {
      if (run !== undefined) batches.push(run.toBatch(from, run.endOffset));
      run = new Run({ offset, appendedAtMs, importName, endsImport });
    }
    if (!endsImport) run.add(record.value ?? EMPTY, admitted);
  }
  batches.push(
    run?.toBatch(from, from.nextOffset) ?? emptyBatch(from, from.firstOffset, from.nextOffset),
  );
  return { batches, moved, nextOffset: from.nextOffset };
}

type Decided = Exclude<OwnOrAdmitted, Waiting>;
type OwnOrAdmitted = Admitted | { readonly kind: 'ours' };
const OURS: OwnOrAdmitted = { kind: 'ours' };

function admittedOf(record: KafkaRecord, { topic, admit }: FetchedFrom): OwnOrAdmitted {
  const unreadable = headerOf(record, HEADER.unreadable);
  if (unreadable !== undefined) {
    return {
      kind: 'refused',
      code: 'WIRE_BATCH_UNREADABLE',
      message: `Expected a batch of records that can be unpacked, got ${unreadable}`,
    };
  }
  if (headerOf(record, HEADER.tokenised) !== undefined) return OURS;
  return admit(topic, record.value ?? EMPTY);
}

function headerOf(record: KafkaRecord, name: string): string | undefined {
  const header = record.headers?.[name];
  const [first] = Array.isArray(header) ? header : [header];
  return first?.toString();
}

/** A batch in the making. */
class Run {
  readonly #firstOffset: number;
  readonly #appendedAtMs: number;
  readonly #importName: string | undefined;
  readonly #endsImport: boolean;
  readonly #values: Buffer[] = [];
  readonly #refused = new Map<number, Refused>();

  constructor(first: {
    readonly offset: number;
    readonly appendedAtMs: number;
    readonly importName: string | undefined;
    readonly endsImport: boolean;
  }) {
    this.#firstOffset = first.offset;
    this.#appendedAtMs = first.appendedAtMs;
    this.#importName = first.importName;
    this.#endsImport = first.endsImport;
  }

  get endOffset(): number {
    return this.#firstOffset + (this.#endsImport ? 1 : this.#values.length);
  }

  takes(offset: number, appendedAtMs: number, importName: string | undefined): boolean {
    return (
      !this.#endsImport &&
      offset === this.endOffset &&
      appendedAtMs === this.#appendedAtMs &&
      importName === this.#importName
    );
  }

  add(value: Buffer, admitted: Decided): void {
    if (admitted.kind === 'refused') this.#refused.set(this.#values.length, admitted);
    this.#values.push(admitted.kind === 'ok' ? admitted.value : value);
  }

  toBatch({ topic, partition }: FetchedFrom, nextOffset: number): RecordBatch {
    const count = this.#values.length;
    const starts = new Uint32Array(count);
    const ends = new Uint32Array(count);
    let end = 0;
    for (let index = 0; index < count; index += 1) {
      starts[index] = end;
      end += this.#values[index]?.length ?? 0;
      ends[index] = end;
    }
    return {
      topic,
      partition,
      firstOffset: this.#firstOffset,
      count,
      nextOffset,
      appendedAtMs: this.#appendedAtMs,
      importName: this.#importName,
      endsImport: this.#endsImport,
      bytes: Buffer.concat(this.#values, end),
      starts,
      ends,
      ...(this.#refused.size === 0 ? {} : { refused: this.#refused }),
    };
  }
}

const NO_OFFSETS = new Uint32Array(0);

/** A stretch of offsets that holds nothing for a reader. */
export function emptyBatch(
  { topic, partition }: { readonly topic: Topic; readonly partition: number },
  firstOffset: number,
  nextOffset: number,
): RecordBatch {
  return {
    topic,
    partition,
    firstOffset,
    count: 0,
    nextOffset,
    appendedAtMs: 0,
    importName: undefined,
    endsImport: false,
    bytes: Buffer.alloc(0),
    starts: NO_OFFSETS,
    ends: NO_OFFSETS,
  };
}
