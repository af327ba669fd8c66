import { setTimeout as wait } from 'node:timers/promises';

import type { Topic } from '../../../schemas/topics.ts';
import type { Logger } from '../telemetry/log.ts';
import {
  type Admission,
  type Converted,
  type FetchedFrom,
  convertOurs,
  emptyBatch,
  hasForeign,
} from './kafka-batch.ts';
import { type KafkaClients, type KafkaSettings, kafkaClients, kafkaError } from './kafka-client.ts';
import { beyondEnd, deletedUnread } from './kafka-gap.ts';
import { type Partition, createPartitions, isBeyondEnd } from './kafka-partition.ts';
import { waitForTopics } from './kafka-prepare.ts';
import { type Fetched, KafkaReader, type Place } from './kafka-reader.ts';
import type { RecordSet } from './kafka-records.ts';
import {
  KafkaAdmin,
  type PartitionOffsets,
  type TopicPlan,
  checkPartitionCounts,
  offsetsOf,
} from './kafka-topics.ts';
import { KafkaWriter } from './kafka-writer.ts';
import type { AppendBatch, Log, RecordBatch } from './log.ts';

/** What to do about records that the broker deleted before we read them. */
export type OnGap = 'fail' | 'earliest' | 'latest';

/** What the log is opened with. */
export interface KafkaLogOptions {
  readonly settings: KafkaSettings;
  readonly plan: TopicPlan;
  readonly onGap: OnGap;
  readonly admission: Admission;
  readonly nowMs: () => number;
  readonly logger: Logger;
  /** The group has given this process these partitions, of every topic; those of before and no others. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
}

/** How often the broker is asked how far its partitions reach. */
const LOOK_MS = 2_000;
/** How long a partition may have unread records and bring none before the consumer is built again. */
const STALLED_MS = 30_000;
const RETRY_MS = 500;

/**
 * The log of several machines: topics of Apache Kafka. A consumer fetches ahead into a bounded buffer
 * per partition, from wherever the tasks read; the tasks' checkpoint alone says where that is. Records
 * that other programs wrote are checked and tokenised here, before anything keeps them.
 */
export class KafkaLog implements Log {
  readonly #options: KafkaLogOptions;
  readonly #admin: KafkaAdmin;
  readonly #writer: KafkaWriter;
  readonly #reader: KafkaReader;
  readonly #partitions: ReadonlyMap<string, Partition>;
  readonly #appendTimeTopics: ReadonlySet<string>;
  readonly #listeners: (() => void)[] = [];
  readonly #closing = new AbortController();
  #looking: Promise<void> = Promise.resolve();
  #commits = new Map<string, Place & { readonly offset: string }>();
  /** Partitions that the group has given us; only these are fetched. */
  #assigned: ReadonlySet<number> = new Set();
  #problem: string | undefined;
  #failure: { readonly error: unknown } | undefined;

  private constructor(
    options: KafkaLogOptions,
    parts: {
      readonly kafka: KafkaClients;
      readonly admin: KafkaAdmin;
      readonly offsets: ReadonlyMap<Topic, readonly PartitionOffsets[]>;
      readonly appendTimeTopics: ReadonlySet<string>;
    },
  ) {
    this.#options = options;
    this.#admin = parts.admin;
    this.#appendTimeTopics = parts.appendTimeTopics;
    this.#writer = new KafkaWriter(parts.kafka);
    this.#partitions = createPartitions(parts.offsets);
    this.#reader = new KafkaReader({
      kafka: parts.kafka,
      groupId: options.settings.clientId,
      topics: [...options.plan.partitionCounts.keys()],
      logger: options.logger,
      events: {
        onFetched: (fetched) => this.#take(fetched),
        onNothing: (stretch) => this.#passOver(stretch),
        onJoined: (assignment) => this.#place(assignment),
      },
    });
  }

  /**
   * Waits for a broker, creates the topics that are missing, and begins to fetch what is read.
   *
   * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
   */
  static async open(options: KafkaLogOptions): Promise<KafkaLog> {
    const kafka = kafkaClients(options.settings);
    const admin = new KafkaAdmin(kafka);
    const parts = await waitForTopics(admin, options);
    const log = new KafkaLog(options, { kafka, admin, ...parts });
    log.#reader.start();
    log.#looking = log.#watch();
    return log;
  }

  async append(batches: readonly AppendBatch[]): Promise<void> {
    try {
      await this.#writer.append(batches, ({ topic, partition, endOffset }) =>
        this.#partitions.get(`${topic}/${partition}`)?.buffer.extend(endOffset),
      );
    } catch (cause) {
      const error = kafkaError(cause, 'append records');
      this.#problem = error.message;
      throw error;
    }
  }

  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined {
    this.#throwFailure();
    const place = this.#partition(topic, partition);
    const { buffer } = place;
    if (!buffer.covers(offset)) {
      buffer.moveTo(offset);
      this.#reader.seek(place, offset);
      buffer.isPaused = false;
      if (offset < buffer.startOffset) this.#passGap(place);
    }
    const batch = buffer.read(offset);
    if (buffer.isPaused && buffer.hasRoom && !place.isWaiting) {
      buffer.isPaused = false;
      this.#reader.resume(place);
    }
    this.#throwFailure();
    return batch;
  }

  /** Tasks that have read everything ask nothing else, so that this too says why there is no more. */
  endOffset(topic: Topic, partition: number): number {
    this.#throwFailure();
    return this.#partition(topic, partition).buffer.endOffset;
  }

  startOffset(topic: Topic, partition: number): number {
    return this.#partition(topic, partition).buffer.startOffset;
  }

  /** The broker removes records by the topic's retention; what it gets is a copy of our offsets. */
  trim(
    topic: Topic,
    partition: number,
    limits: { readonly beforeMs: number; readonly nextOffset: number },
  ): Promise<number> {
    const place = this.#partition(topic, partition);
    if (limits.nextOffset > place.committedOffset) {
      place.committedOffset = limits.nextOffset;
      if (this.#commits.size === 0) queueMicrotask(() => void this.#commit());
      const offset = String(limits.nextOffset);
      this.#commits.set(`${topic}/${partition}`, { topic, partition, offset });
    }
    return Promise.resolve(0);
  }

  onAppend(listener: () => void): void {
    this.#listeners.push(listener);
  }

  problem(): string | undefined {
    return this.#problem;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#looking, this.#reader.stop(), this.#writer.close()]);
    await Promise.all([this.#options.admission.close(), this.#admin.close()]);
  }

  #partition(topic: Topic, partition: number): Partition {
    const found = this.#partitions.get(`${topic}/${partition}`);
    if (found === undefined)
      throw new RangeError(`Expected a partition of ours, got ${topic}/${partition}`);
    return found;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#tell();
  }

  /** After joining, the consumer stands where the broker's copy of our offsets says: put it right. */
  #place(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.#assigned = new Set(Object.values(assignment).flat());
    for (const each of this.#partitions.values()) {
      each.progressAtMs = performance.now();
      if (!this.#assigned.has(each.partition)) {
        each.buffer.forget();
        continue;
      }
      const { position } = each.buffer;
      if (position !== undefined) this.#reader.seek(each, position);
      if (position === undefined || each.buffer.isPaused || each.isWaiting)
        this.#reader.pause(each);
    }
    this.#options.onAssigned?.([...this.#assigned]);
  }

  async #take(fetched: Fetched): Promise<void> {
    const place = this.#partitions.get(`${fetched.topic}/${fetched.partition}`);
    // A partition that has come into being since the start; the next look says so.
    if (place === undefined) return wait(RETRY_MS);
    if (!fetched.isCurrent()) return undefined;
    const { buffer } = place;
    const { position } = buffer;
    if (position === undefined) return this.#reader.pause(place);
    if (fetched.fetchedOffset !== position) {
      // The client went elsewhere by itself, as it does when our offset is out of range.
      this.#reader.seek(place, position);
      return wait(RETRY_MS);
    }
    const converted = await this.#convert(fetched.sets, {
      topic: place.topic,
      partition: place.partition,
      firstOffset: position,
      nextOffset: fetched.nextOffset,
      appendedAtMs: this.#appendTimeTopics.has(place.topic) ? undefined : this.#options.nowMs(),
    });
    if (converted === undefined) return undefined;
    const { batches, moved, nextOffset, until } = converted;
    await fetched.heartbeat();
    if (moved.length > 0) {
      try {
        await this.append(moved);
      } catch {
        // They are fetched again, and moved then.
        await wait(RETRY_MS);
        return undefined;
      }
    }
    // Whoever reads may have asked for another place meanwhile.
    if (buffer.position !== position || !fetched.isCurrent()) return undefined;
    buffer.extend(fetched.endOffset);
    buffer.add(batches, nextOffset);
    if (until === undefined) fetched.resolve();
    else this.#wait(place, until);
    if (buffer.isFull) {
      buffer.isPaused = true;
      this.#reader.pause(place);
    }
    this.#problem = undefined;
    this.#tell();
    return undefined;
  }

  /** Undefined when nothing can be let in any more: then it is told why to whoever reads. */
  async #convert(sets: readonly RecordSet[], from: FetchedFrom): Promise<Converted | undefined> {
    if (!hasForeign(sets)) return convertOurs(sets, from);
    try {
      return await this.#options.admission.convert(sets, from);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Fetches no more of the partition until its next record can be judged. */
  #wait(place: Partition, until: Promise<void>): void {
    place.isWaiting = true;
    this.#reader.pause(place);
    void until.then(() => {
      place.isWaiting = false;
      const { position, isPaused } = place.buffer;
      if (position !== undefined && !isPaused) this.#reader.seek(place, position);
    });
  }

  /** The client leaves out what holds nothing for a reader; our offsets pass over it too. */
  #passOver(stretch: {
    readonly topic: string;
    readonly partition: number;
    readonly firstOffset: number;
    readonly nextOffset: number;
  }): void {
    const place = this.#partitions.get(`${stretch.topic}/${stretch.partition}`);
    const position = place?.buffer.position;
    if (place === undefined || position === undefined || stretch.nextOffset <= position) return;
    // Beyond a gap of deleted records it is not for us to pass: the next look decides about that.
    if (stretch.firstOffset > position && position < place.buffer.startOffset) return;
    place.buffer.add([emptyBatch(place, position, stretch.nextOffset)], stretch.nextOffset);
    this.#tell();
  }

  async #commit(): Promise<void> {
    const commits = [...this.#commits.values()];
    this.#commits = new Map();
    await this.#reader.commit(commits);
  }

  /** Asks the broker, again and again, how far its partitions reach, and mends what does not move. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted && this.#failure === undefined) {
      await wait(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#look();
        this.#problem = undefined;
      } catch (cause) {
        const error = kafkaError(cause, 'look at its topics');
        this.#problem = error.message;
        if (error.kind === 'fatal') this.#fail(error);
      }
    }
  }

  async #look(): Promise<void> {
    const { partitionCounts } = this.#options.plan;
    await this.#admin.ask((admin) => checkPartitionCounts(admin, partitionCounts));
    for (const topic of partitionCounts.keys()) {
      for (const place of this.#partitions.values()) place.askedPosition = place.buffer.position;
      const offsets = await this.#admin.ask((admin) => offsetsOf(admin, topic));
      for (const each of offsets) this.#compare(this.#partition(topic, each.partition), each);
    }
    this.#tell();
    const stalled = [...this.#partitions.values()].find((each) => this.#isStalled(each));
    if (stalled === undefined) return;
    const { topic, partition, buffer } = stalled;
    this.#options.logger.warn(
      { topic, partition, offset: buffer.position, endOffset: buffer.endOffset },
      'Kafka brings no records although there are some; the consumer is built again',
    );
    this.#reader.restart();
  }

  #compare(place: Partition, { startOffset, endOffset }: PartitionOffsets): void {
    const { buffer } = place;
    buffer.startOffset = startOffset;
    buffer.extend(endOffset);
    const { position } = buffer;
    if (position === undefined) return;
    if (position < startOffset) this.#passGap(place);
    if (isBeyondEnd(place, endOffset)) this.#fail(beyondEnd(place, position, endOffset));
  }

  /** The broker has deleted what comes next: stop, or go on after it, as configured. */
  #passGap(place: Partition): void {
    const { onGap, logger } = this.#options;
    const { topic, partition, buffer } = place;
    const offset = buffer.position ?? 0;
    const { startOffset } = buffer;
    if (onGap === 'fail') {
      this.#fail(deletedUnread(place, offset, startOffset));
      return;
    }
    const goOnAt = onGap === 'earliest' ? startOffset : buffer.endOffset;
    logger.warn(
      { topic, partition, offset, goOnAt, recordCount: goOnAt - offset },
      'Records were deleted from Kafka before they were read, and are passed over (kafka.on_gap)',
    );
    buffer.add([emptyBatch(place, offset, goOnAt)], goOnAt);
    this.#reader.seek(place, goOnAt);
    this.#tell();
  }

  #isStalled(place: Partition): boolean {
    const { buffer } = place;
    const { position, endOffset } = buffer;
    const nowMs = performance.now();
    const isFetching = !buffer.isPaused && !place.isWaiting && this.#assigned.has(place.partition);
    const isBehind = position !== undefined && position < endOffset && isFetching;
    if (!isBehind || position !== place.lastPosition) {
      place.lastPosition = position;
      place.progressAtMs = nowMs;
    }
    return nowMs - place.progressAtMs >= STALLED_MS;
  }
}
