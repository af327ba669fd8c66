import { randomUUID } from 'node:crypto';

import { type Message, Partitioners, type Producer } from 'kafkajs';

import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { type KafkaClients, type KafkaSettings, kafkaClients, kafkaError } from './kafka-client.ts';
import { untilAnswered } from './kafka-prepare.ts';
import { type Fetched, KafkaReader } from './kafka-reader.ts';
import type { RecordSet } from './kafka-records.ts';
import { KafkaAdmin, ensureInternalTopic, offsetsOf } from './kafka-topics.ts';
import { dealtOut } from './kafka-wire.ts';

/** One write of a store as a record: its key, and its value or the removal of it. */
interface ChangelogRecord {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

type OnRecords = (records: readonly ChangelogRecord[]) => Promise<void>;

/** Bytes of one request: half of what a broker takes unless it is told otherwise. */
const REQUEST_BYTES_MAX = 600 * 1_024;
/** What the broker stores of a record besides key and value, at most. */
const RECORD_OVERHEAD_BYTES = 64;
/** When the broker begins a new file of a changelog. */
const SEGMENT_BYTES = 32 * 1_024 * 1_024;
/** Share of a changelog that was written since it was compacted, at which it is compacted again. */
const DIRTY_RATIO = '0.3';
/** Most bytes of one partition in one answer: a restore is in a hurry. */
const READ_BYTES_MAX = 4 * 1_024 * 1_024;
/** A transaction that its owner does not end is given up by the broker after this. */
const TRANSACTION_MS_MAX = 30_000;
/** How long reading a changelog may bring nothing before it is given up and begun again. */
const STALLED_MS = 20_000;
const LOOK_MS = 250;
const ALL_REPLICAS = -1;

/** Errors that mean: another process has taken the partition. */
const TAKEN =
  /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH|INVALID_PRODUCER_ID_MAPPING|INVALID_TXN_STATE/;

/** What a changelog topic is opened with. */
export interface ChangelogOptions {
  readonly settings: KafkaSettings;
  readonly partitions: number;
  /** How long the topic remembers that a key was removed. */
  readonly tombstonesMs: number;
  readonly messageBytesMax: number;
  readonly logger: Logger;
}

/** The topic of changelogs of a group. */
export function changelogTopic(clientId: string): string {
  return `${clientId}.changelog`;
}

/** A read under way. */
interface Reading {
  position: number;
  readonly endOffset: number;
  readonly onRecords: OnRecords;
  progressAtMs: number;
  failure: unknown;
}

/**
 * Changelogs in one compacted topic of Kafka. A partition's writer has a transactional id, so that
 * the broker refuses whoever had it before; every append is a transaction.
 */
export class KafkaChangelog {
  readonly #kafka: KafkaClients;
  readonly #admin: KafkaAdmin;
  readonly #reader: KafkaReader;
  readonly #topic: string;
  readonly #clientId: string;
  readonly #partitions: number;
  readonly #readings = new Map<number, Reading>();

  private constructor(
    options: ChangelogOptions,
    parts: { kafka: KafkaClients; admin: KafkaAdmin },
  ) {
    const { clientId } = options.settings;
    this.#kafka = parts.kafka;
    this.#admin = parts.admin;
    this.#topic = changelogTopic(clientId);
    this.#clientId = clientId;
    this.#partitions = options.partitions;
    this.#reader = new KafkaReader({
      kafka: parts.kafka,
      // Of its own, because every process must be able to read every partition at any time.
      groupId: `${clientId}-changelog-${randomUUID()}`,
      topics: [this.#topic],
      partitionBytesMax: READ_BYTES_MAX,
      logger: options.logger,
      events: {
        onFetched: (fetched) => this.#take(fetched),
        onNothing: ({ partition, nextOffset }) => this.#passTo(partition, nextOffset),
        onJoined: () => this.#place(),
      },
    });
  }

  /**
   * Waits for a broker and creates the topic if it is missing.
   *
   * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
   */
  static async open(options: ChangelogOptions): Promise<KafkaChangelog> {
    const kafka = kafkaClients(options.settings);
    const admin = new KafkaAdmin(kafka);
    await untilAnswered(admin, options.logger, (asked) =>
      ensureInternalTopic(asked, {
        topic: changelogTopic(options.settings.clientId),
        partitions: options.partitions,
        settings: {
          'cleanup.policy': 'compact',
          'delete.retention.ms': String(options.tombstonesMs),
          // The broker compacts what is in closed files only: by default 1 GiB, or a week, is read in vain.
          'segment.bytes': String(SEGMENT_BYTES),
          'min.cleanable.dirty.ratio': DIRTY_RATIO,
          'max.message.bytes': String(options.messageBytesMax),
        },
      }),
    );
    const changelog = new KafkaChangelog(options, { kafka, admin });
    changelog.#reader.start();
    return changelog;
  }

  /** See `Changelog.take`. */
  async take(partition: number): Promise<KafkaChangelogPartition> {
    const producer = this.#kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionalId: `${this.#clientId}-changelog-${partition}`,
      transactionTimeout: TRANSACTION_MS_MAX,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { retries: 4 },
    });
    try {
      await producer.connect();
      // Beginning one is what takes the id from whoever had it, and ends what that had open.
      const empty = await producer.transaction();
      await empty.abort();
      const offsets = await this.#admin.ask((admin) => offsetsOf(admin, this.#topic));
      const endOffset = offsets.find((each) => each.partition === partition)?.endOffset ?? 0;
      return new KafkaChangelogPartition({
        producer,
        topic: this.#topic,
        partition,
        endOffset,
        read: (offset, onRecords) => this.#read({ partition, offset, endOffset }, onRecords),
      });
    } catch (cause) {
      await producer.disconnect().catch(() => undefined);
      throw kafkaError(cause, 'take a changelog');
    }
  }

  async close(): Promise<void> {
    await this.#reader.stop();
    await this.#admin.close();
  }

  async #read(
    range: { readonly partition: number; readonly offset: number; readonly endOffset: number },
    onRecords: OnRecords,
  ): Promise<void> {
    const { partition, offset, endOffset } = range;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const progressAtMs = performance.now();
    const reading: Reading = {
      position: offset,
      endOffset,
      onRecords,
      progressAtMs,
      failure: undefined,
    };
    const timer = setInterval(() => {
      if (reading.failure !== undefined) reject(reading.failure);
      else if (reading.position >= endOffset) resolve(undefined);
      else if (performance.now() - reading.progressAtMs > STALLED_MS)
        reject(kafkaError(new Error(`nothing for ${STALLED_MS} ms`), 'read a changelog'));
    }, LOOK_MS);
    this.#readings.set(partition, reading);
    this.#reader.seek({ topic: this.#topic, partition }, offset);
    try {
      await promise;
    } finally {
      clearInterval(timer);
      this.#readings.delete(partition);
      this.#reader.pause({ topic: this.#topic, partition });
    }
  }

  #place(): void {
    for (let partition = 0; partition < this.#partitions; partition += 1) {
      const reading = this.#readings.get(partition);
      if (reading === undefined) this.#reader.pause({ topic: this.#topic, partition });
      else this.#reader.seek({ topic: this.#topic, partition }, reading.position);
    }
  }

  async #take(fetched: Fetched): Promise<void> {
    const { partition } = fetched;
    const reading = this.#readings.get(partition);
    if (reading === undefined) {
      this.#reader.pause({ topic: this.#topic, partition });
      return;
    }
    if (!fetched.isCurrent()) return;
    try {
      await reading.onRecords(recordsFrom(fetched.sets, reading.position));
    } catch (error) {
      reading.failure = error;
      return;
    }
    await fetched.heartbeat();
    fetched.resolve();
    this.#passTo(partition, fetched.nextOffset);
  }

  #passTo(partition: number, nextOffset: number): void {
    const reading = this.#readings.get(partition);
    if (reading === undefined || nextOffset <= reading.position) return;
    reading.position = nextOffset;
    reading.progressAtMs = performance.now();
  }
}

function recordsFrom(sets: readonly RecordSet[], offset: number): readonly ChangelogRecord[] {
  const records: ChangelogRecord[] = [];
  for (const set of sets) {
    for (let index = 0; index < set.count; index += 1) {
      if (set.offsetAt(index) < offset) continue;
      records.push({ key: set.keyAt(index) ?? '', value: set.valueAt(index) });
    }
  }
  return records;
}

/** The changelog of one partition, of which this process is the only writer. */
export class KafkaChangelogPartition {
  readonly endOffset: number;
  readonly read: (offset: number, onRecords: OnRecords) => Promise<void>;
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #partition: number;

  constructor(parts: {
    readonly producer: Producer;
    readonly topic: string;
    readonly partition: number;
    readonly endOffset: number;
    readonly read: (offset: number, onRecords: OnRecords) => Promise<void>;
  }) {
    this.endOffset = parts.endOffset;
    this.read = parts.read;
    this.#producer = parts.producer;
    this.#topic = parts.topic;
    this.#partition = parts.partition;
  }

  /** See `ChangelogPartition.append`. */
  async append(records: readonly ChangelogRecord[]): Promise<number> {
    try {
      const transaction = await this.#producer.transaction();
      let nextOffset = 0;
      for (const messages of this.#requestsOf(records)) {
        const [answer] = await transaction.send({
          topic: this.#topic,
          acks: ALL_REPLICAS,
          messages: dealtOut(messages),
        });
        nextOffset = Number(answer?.baseOffset ?? -1) + messages.length;
      }
      await transaction.commit();
      return nextOffset;
    } catch (cause) {
      throw lost(this.#partition, cause);
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
  }

  *#requestsOf(records: readonly ChangelogRecord[]): Iterable<Message[]> {
    let messages: Message[] = [];
    let bytes = 0;
    for (const { key, value } of records) {
      const size = key.length + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
      if (bytes + size > REQUEST_BYTES_MAX && messages.length > 0) {
        yield messages;
        messages = [];
        bytes = 0;
      }
      bytes += size;
      messages.push({ partition: this.#partition, key, value: bufferOf(value) });
    }
    if (messages.length > 0) yield messages;
  }
}

function bufferOf(value: Uint8Array | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** After any error the records may be there or not, and only taking the partition again tells. */
function lost(partition: number, cause: unknown): EngineError {
  const type = cause instanceof Error && 'type' in cause ? String(cause.type) : '';
  const isTaken = TAKEN.test(type) || TAKEN.test(messageOf(cause));
  return new EngineError({
    code: isTaken ? 'CHANGELOG_TAKEN' : 'CHANGELOG_UNCLEAR',
    kind: 'fatal',
    message: isTaken
      ? `Expected to be the only writer of changelog partition ${partition}, but another process has taken it`
      : `Expected Kafka to take a checkpoint of partition ${partition}, got: ${messageOf(cause)}`,
    details: { partition },
    cause,
  });
}
