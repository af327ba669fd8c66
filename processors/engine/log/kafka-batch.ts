import type { Topic } from '../../../schemas/topics.ts';
import type { RecordSet } from './kafka-records.ts';
import type { AppendBatch, RecordBatch, Refused } from './log.ts';

/** Headers of the records that we write ourselves. Names are a promise: records outlive a release. */
export const HEADER = {
  /** The record went through our door: checked, and tokens where personal data was. */
  tokenised: 'weir-tokenised',
  /** The import of history that the record belongs to. */
  importName: 'weir-import',
  /** The record is a marker: its import is complete in this partition. */
  endsImport: 'weir-import-end',
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

/** The door for records of other programs, wherever it works. */
export interface Admission {
  /**
   * The records as batches, like `convertRecords`. The sets are used up: their memory may be gone.
   * Rejects when nothing can be let in any more.
   */
  convert(sets: readonly RecordSet[], from: FetchedFrom): Promise<Converted>;
  close(): Promise<void>;
}

/**
 * Turns fetched records into batches: one per run of neighbouring offsets of a set that have the same
 * import and need no other bytes than their neighbours. Together they cover everything from
 * `firstOffset` on to the end, or to a record that waits. What our door has let in stays where it lies.
 */
export function convertRecords(
  sets: readonly RecordSet[],
  from: FetchedFrom,
  admit: Admit,
): Converted {
  const runs: Run[] = [];
  const moved: AppendBatch[] = [];
  let waiting: Stop | undefined;
  for (const set of sets) {
    waiting = takeSet(set, from, { admit, runs, moved });
    if (waiting !== undefined) break;
  }
  const nextOffset = waiting?.nextOffset ?? from.nextOffset;
  const batches = runs.map((run, index) =>
    run.toBatch(from, index + 1 < runs.length ? run.endOffset : nextOffset),
  );
  if (batches.length === 0 && nextOffset > from.firstOffset)
    batches.push(emptyBatch(from, from.firstOffset, nextOffset));
  return { batches, moved, nextOffset, ...(waiting === undefined ? {} : { until: waiting.until }) };
}

/** The record that has to wait. */
interface Stop {
  readonly nextOffset: number;
  readonly until: Promise<void>;
}

function takeSet(
  set: RecordSet,
  from: FetchedFrom,
  {
    admit,
    runs,
    moved,
  }: { readonly admit: Admit; readonly runs: Run[]; readonly moved: AppendBatch[] },
): Stop | undefined {
  let run: Run | undefined;
  for (let index = 0; index < set.count; index += 1) {
    const offset = set.offsetAt(index);
    // The set may begin before the place that was asked for.
    if (offset < from.firstOffset) continue;
    const headers = set.headersAt(index);
    const importName = headers.get(HEADER.importName);
    const endsImport = headers.has(HEADER.endsImport);
    const isOurs = isOurOwn(headers);
    const admitted = isOurs ? undefined : admittedOf(set, index, { topic: from.topic, admit });
    if (admitted?.kind === 'wait') return { nextOffset: offset, until: admitted.until };
    if (admitted?.kind === 'ok' && admitted.partition !== from.partition) {
      const { topic } = from;
      moved.push({ topic, partition: admitted.partition, values: [admitted.value] });
      continue;
    }
    if (run?.takes({ offset, importName, endsImport, isOurs }) !== true) {
      run = new Run(set, { offset, importName, endsImport, isOurs });
      runs.push(run);
    }
    if (admitted !== undefined) run.add(admitted, set.valueAt(index) ?? EMPTY);
    else if (!endsImport) run.addInPlace(set.valueStartAt(index), set.valueEndAt(index));
  }
  return undefined;
}

const EMPTY = Buffer.alloc(0);

function isOurOwn(headers: ReadonlyMap<string, string>): boolean {
  return headers.has(HEADER.tokenised) || headers.has(HEADER.endsImport);
}

function admittedOf(
  set: RecordSet,
  index: number,
  { topic, admit }: { readonly topic: Topic; readonly admit: Admit },
): Admitted {
  if (set.unreadable === undefined) return admit(topic, set.valueAt(index) ?? EMPTY);
  return {
    kind: 'refused',
    code: 'WIRE_BATCH_UNREADABLE',
    message: `Expected a batch of records that can be unpacked, got ${set.unreadable}`,
  };
}

/** As `convertRecords`, of records that are all our own. @see hasForeign */
export function convertOurs(sets: readonly RecordSet[], from: FetchedFrom): Converted {
  return convertRecords(sets, from, (topic) => {
    throw new RangeError(`Expected only records of our own in ${topic}`);
  });
}

/** Whether another program wrote any of the records, so that the door has to be asked about them. */
export function hasForeign(sets: readonly RecordSet[]): boolean {
  for (const set of sets) {
    for (let index = 0; index < set.count; index += 1)
      if (!isOurOwn(set.headersAt(index))) return true;
  }
  return false;
}

/** What the records of a run have in common. */
interface Alike {
  readonly offset: number;
  readonly importName: string | undefined;
  readonly endsImport: boolean;
  /** Our door has let them in, so that their bytes are used as they lie in the set. */
  readonly isOurs: boolean;
}

/** A batch in the making. */
class Run {
  readonly #set: RecordSet;
  readonly #first: Alike;
  /** Not typed arrays from the start: a set can part into as many runs as it has records. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #values: Buffer[] = [];
  readonly #refused = new Map<number, Refused>();
  #bytes = 0;

  constructor(set: RecordSet, first: Alike) {
    this.#set = set;
    this.#first = first;
  }

  get endOffset(): number {
    return this.#first.offset + (this.#first.endsImport ? 1 : this.#starts.length);
  }

  takes({ offset, importName, endsImport, isOurs }: Alike): boolean {
    const first = this.#first;
    return (
      offset === this.endOffset &&
      isOurs === first.isOurs &&
      importName === first.importName &&
      !endsImport &&
      !first.endsImport
    );
  }

  addInPlace(start: number, end: number): void {
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** @param sent what is kept of a record that is refused */
  add(admitted: Exclude<Admitted, Waiting>, sent: Buffer): void {
    if (admitted.kind === 'refused') this.#refused.set(this.#starts.length, admitted);
    const value = admitted.kind === 'ok' ? admitted.value : sent;
    this.#values.push(value);
    this.addInPlace(this.#bytes, this.#bytes + value.length);
    this.#bytes += value.length;
  }

  toBatch({ topic, partition, appendedAtMs }: FetchedFrom, nextOffset: number): RecordBatch {
    const { offset, importName, endsImport, isOurs } = this.#first;
    return {
      topic,
      partition,
      firstOffset: offset,
      count: this.#starts.length,
      nextOffset,
      appendedAtMs: appendedAtMs ?? this.#set.appendedAtMs,
      importName,
      endsImport,
      bytes: isOurs ? this.#set.bytes : this.#joined(),
      starts: Uint32Array.from(this.#starts),
      ends: Uint32Array.from(this.#ends),
      ...(this.#refused.size === 0 ? {} : { refused: this.#refused }),
    };
  }

  /** In memory of their own, so that another thread can be given it. */
  #joined(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.#bytes);
    for (const [index, value] of this.#values.entries()) bytes.set(value, this.#starts[index]);
    return bytes;
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
