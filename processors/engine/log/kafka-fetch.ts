import { messageOf } from '../../../schemas/errors.ts';
import { unpackRecords } from './kafka-compression.ts';
import { RecordSet } from './kafka-records.ts';
import { WireReader } from './wire-reader.ts';

/** The only format of batches since Kafka 0.11. */
const MAGIC = 2;
/** Bytes of a batch before its length counts, and before its records. */
const LENGTH_END = 12;
const HEADER_BYTES = 61;

const COMPRESSION_MASK = 0x07;
const IN_TRANSACTION = 0x10;
const IS_CONTROL = 0x20;

/** The end of a transaction that was aborted: version 0, type 0. */
const ABORT_KEY = '\0\0\0\0';

/**
 * A batch in place of the messages that the client expects, of which it looks at nothing else. One
 * that is for no reader to see is there too, so that the client goes on after it.
 */
export interface FetchedMessage {
  readonly offset: string;
  readonly isControlRecord: boolean;
  readonly records: RecordSet;
}

/** What a broker answers to a fetch, as the client wants it. */
interface FetchAnswer {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly FetchedPartition[];
  }[];
}

interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  /** None: what was aborted is no longer in `messages`. */
  readonly abortedTransactions: readonly never[];
  readonly preferredReadReplica: number;
  readonly messages: readonly FetchedMessage[];
}

/** A transaction that was aborted, from its first record in the partition on. */
interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/**
 * Decodes the answer to a fetch, version 11 of Kafka's protocol.
 *
 * @throws {RangeError} when it ends too early
 */
export async function decodeFetch(raw: Buffer): Promise<FetchAnswer> {
  const reader = new WireReader(raw);
  // The client waits by itself when the broker asks for it.
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const responses = [];
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    const topicName = reader.text();
    const partitions = [];
    for (let count = reader.int32(); count > 0; count -= 1)
      partitions.push(await readPartition(reader));
    responses.push({ topicName, partitions });
  }
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function readPartition(reader: WireReader): Promise<FetchedPartition> {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = String(reader.int64());
  reader.skip(8 + 8); // where stable records end, and where the log begins
  const aborted: Aborted[] = [];
  for (let count = reader.int32(); count > 0; count -= 1)
    aborted.push({ producerId: reader.bigint64(), firstOffset: reader.int64() });
  aborted.sort((one, other) => one.firstOffset - other.firstOffset);
  const preferredReadReplica = reader.int32();
  const batches = reader.take(reader.int32());
  return {
    partition,
    errorCode,
    highWatermark,
    abortedTransactions: [],
    preferredReadReplica,
    messages: await readBatches(batches, aborted),
  };
}

async function readBatches(
  bytes: Buffer,
  aborted: readonly Aborted[],
): Promise<readonly FetchedMessage[]> {
  const messages: FetchedMessage[] = [];
  const abortedNow = new Set<bigint>();
  let nextAborted = 0;
  for (let start = 0; start + HEADER_BYTES <= bytes.length;) {
    const end = start + LENGTH_END + bytes.readInt32BE(start + LENGTH_END - 4);
    // The broker cuts off where the answer is full.
    if (end > bytes.length) break;
    const { records, producerId, attributes } = await readBatch(bytes.subarray(start, end));
    start = end;
    for (; nextAborted < aborted.length; nextAborted += 1) {
      const transaction = aborted[nextAborted];
      if (transaction === undefined || transaction.firstOffset >= records.nextOffset) break;
      abortedNow.add(transaction.producerId);
    }
    const isControl = (attributes & IS_CONTROL) !== 0;
    const isAborted = (attributes & IN_TRANSACTION) !== 0 && abortedNow.has(producerId);
    if (isControl && records.keyAt(0) === ABORT_KEY) abortedNow.delete(producerId);
    const offset = String(records.nextOffset - 1);
    messages.push({ offset, isControlRecord: isControl || isAborted, records });
  }
  return messages;
}

async function readBatch(batch: Buffer): Promise<{
  readonly records: RecordSet;
  readonly producerId: bigint;
  readonly attributes: number;
}> {
  const reader = new WireReader(batch);
  const firstOffset = reader.int64();
  reader.skip(4 + 4); // length, and epoch of the leader
  const magic = reader.int8();
  if (magic !== MAGIC)
    throw new Error(`Expected records in the format of Kafka 0.11 or newer, got magic ${magic}`);
  reader.skip(4); // the checksum: the broker has compared it
  const attributes = reader.int16();
  const nextOffset = firstOffset + reader.int32() + 1;
  reader.skip(8); // time of the first
  const appendedAtMs = reader.int64();
  const producerId = reader.bigint64();
  reader.skip(2 + 4); // the producer's epoch and sequence
  const head = { firstOffset, nextOffset, appendedAtMs, count: reader.int32() };
  const packed = batch.subarray(reader.at);
  let records;
  try {
    const compression = attributes & COMPRESSION_MASK;
    // A copy, because a view would keep the whole answer in memory.
    const bytes = compression === 0 ? copyOf(packed) : await unpackRecords(compression, packed);
    records = RecordSet.of(head, bytes);
  } catch (error) {
    records = RecordSet.unreadable(head, messageOf(error));
  }
  return { records, producerId, attributes };
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
