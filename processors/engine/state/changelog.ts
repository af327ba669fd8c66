import { crc32 } from 'node:zlib';

import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import type { Write } from './store.ts';

/*
 * A changelog is the copy of a store that another process can take over from: its records are the
 * store's writes, of which the newest of each key counts. A value larger than a record may be lies in
 * parts, under keys of their own. Every checkpoint ends with a marker, which says what the whole store
 * must then hold.
 */

/** One partition of a changelog, of which its holder is the only writer. */
export interface ChangelogPartition {
  /** One past the last record there was when the partition was taken. */
  readonly endOffset: number;

  /** Hands over the records from `offset` to `endOffset`, in order; resolves after the last. */
  read(offset: number, onRecords: (records: readonly Write[]) => Promise<void>): Promise<void>;

  /**
   * Appends all records or none, and returns the offset after the last. One at a time.
   *
   * @throws {EngineError} CHANGELOG_TAKEN when another process has taken the partition, and
   *   CHANGELOG_UNCLEAR when nobody can say whether the records are there: take the partition again
   */
  append(records: readonly Write[]): Promise<number>;

  close(): Promise<void>;
}

/** The changelogs of all partitions. */
export interface Changelog {
  /**
   * Makes the caller the only writer of a partition: whoever wrote it before cannot any more, and what
   * it had not finished is not there.
   *
   * @throws {EngineError} KAFKA_UNREACHABLE, KAFKA_REFUSED
   */
  take(partition: number): Promise<ChangelogPartition>;
}

const MARKER_FORMAT = 1;

/** What the end of a checkpoint says: which one it is, and what the store holds after it. */
export interface Marker {
  readonly format: typeof MARKER_FORMAT;
  readonly epoch: number;
  readonly sequence: number;
  /** Up to where every input is read. */
  readonly inputs: readonly {
    readonly task: string;
    readonly topic: string;
    readonly nextOffset: number;
  }[];
  readonly pairs: { readonly count: number; readonly high: number; readonly low: number };
}

/** Key of the marker; no key of a store begins like this. */
const MARKER_KEY = '!marker';

/** The marker as the record that ends a checkpoint. */
export function markerRecord(marker: Marker): Write {
  return { key: MARKER_KEY, value: pack(marker) };
}

/**
 * The marker in a record, undefined when it is another record.
 *
 * @throws {EngineError} CHECKPOINT_FORMAT_UNKNOWN when another version wrote it: by its count alone the
 *   changelog would pass for damaged, and everything would be computed again
 */
export function markerOf({ key, value }: Write): Marker | undefined {
  if (key !== MARKER_KEY || value === undefined) return undefined;
  // Written by a `markerRecord`, and verified by Kafka's checksum.
  const { format } = erase<{ readonly format: unknown }>(unpack(value));
  if (format === MARKER_FORMAT) return erase<Marker>(unpack(value));
  throw new EngineError({
    code: 'CHECKPOINT_FORMAT_UNKNOWN',
    kind: 'fatal',
    message: `Expected a changelog of format 1, got ${String(format)} from another process; run one version in all`,
  });
}

/**
 * Number and checksum of a set of pairs. Pairs can be added and removed in any order, so that a store
 * can keep it up to date, and a copy can compare without knowing the way.
 */
export class PairSum {
  count = 0;
  high = 0;
  low = 0;

  add(key: string, value: Uint8Array): void {
    this.#change(key, value, 1);
  }

  remove(key: string, value: Uint8Array): void {
    this.#change(key, value, -1);
  }

  copy(): PairSum {
    return Object.assign(new PairSum(), this.toMarker());
  }

  toMarker(): Marker['pairs'] {
    return { count: this.count, high: this.high, low: this.low };
  }

  equals(other: Marker['pairs']): boolean {
    return this.count === other.count && this.high === other.high && this.low === other.low;
  }

  #change(key: string, value: Uint8Array, sign: 1 | -1): void {
    const ofKey = crc32(key);
    const both = crc32(value, ofKey);
    this.count += sign;
    this.high = (this.high + sign * both) >>> 0;
    // Not linear as a CRC is, so that what leaves the first sum as it was changes this one.
    this.low = (this.low + sign * Math.imul(both ^ (both >>> 15), ofKey | 1)) >>> 0;
  }
}

/** Largest value in one record: a broker takes a request of about 1 MiB unless it is told otherwise. */
const PART_BYTES_MAX = 512 * 1_024;
const PART_COUNT_BYTES = 4;
/** Parts the key of a value from the number of a part; keys of a store do not contain it. */
const PART_SEPARATOR = '\u0000';

/**
 * Adds the records of one write to `records`.
 *
 * @param previousBytes length of the value that the key had before, 0 without one
 */
export function pushRecords(records: Write[], { key, value }: Write, previousBytes: number): void {
  const parts = value === undefined ? 0 : partCountOf(value.length);
  records.push({ key, value: parts > 0 ? undefined : value });
  for (let part = 0; part < Math.max(parts, partCountOf(previousBytes)); part += 1) {
    const partKey = key + PART_SEPARATOR + part;
    if (value === undefined || part >= parts) records.push({ key: partKey, value: undefined });
    else records.push({ key: partKey, value: partOf(value, part, parts) });
  }
}

/** How many parts a value of this length has; 0 when it fits into one record. */
function partCountOf(bytes: number): number {
  return bytes <= PART_BYTES_MAX ? 0 : Math.ceil(bytes / PART_BYTES_MAX);
}

function partOf(value: Uint8Array, part: number, parts: number): Buffer {
  const bytes = value.subarray(part * PART_BYTES_MAX, (part + 1) * PART_BYTES_MAX);
  const record = Buffer.allocUnsafe(PART_COUNT_BYTES + bytes.length);
  record.writeUInt32LE(parts, 0);
  record.set(bytes, PART_COUNT_BYTES);
  return record;
}

/** Puts values together whose parts come one by one. */
export class Parts {
  readonly #parts = new Map<string, Map<number, Uint8Array>>();

  /** Takes a record if it is a part of a value. */
  take({ key, value }: Write): boolean {
    const at = key.indexOf(PART_SEPARATOR);
    if (at < 0) return false;
    const name = key.slice(0, at);
    const part = Number(key.slice(at + 1));
    const parts = this.#parts.get(name) ?? new Map<number, Uint8Array>();
    if (value === undefined) parts.delete(part);
    else parts.set(part, value);
    if (parts.size === 0) this.#parts.delete(name);
    else this.#parts.set(name, parts);
    return true;
  }

  /** The values of which all parts have come. */
  *values(): Iterable<{ readonly key: string; readonly value: Buffer }> {
    for (const [key, parts] of this.#parts) {
      const first = parts.get(0);
      if (first === undefined) continue;
      const count = Buffer.from(first.buffer, first.byteOffset).readUInt32LE(0);
      const bytes = Array.from({ length: count }, (_, part) => parts.get(part));
      const whole = bytes.filter((each) => each !== undefined);
      if (whole.length < count) continue;
      yield { key, value: Buffer.concat(whole.map((each) => each.subarray(PART_COUNT_BYTES))) };
    }
  }
}
