import { setTimeout as wait } from 'node:timers/promises';

import type { Consumer, EachBatchPayload } from 'kafkajs';

import { erase } from '../../../schemas/brand.ts';
import { messageOf } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import type { Logger } from '../telemetry/log.ts';
import { coPartitioned } from './kafka-assigner.ts';
import type { KafkaClients } from './kafka-client.ts';
import type { FetchedMessage } from './kafka-fetch.ts';
import type { RecordSet } from './kafka-records.ts';

const PARTITION_BYTES_MAX = 512 * 1_024;
/** How long a broker holds an answer back when nothing is new: a seek or resume waits as long. */
const FETCH_WAIT_MS_MAX = 250;
/** A killed process is missed after this long; until then nobody else gets its partitions. */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 2_000;
/** Partitions whose records are converted side by side: a fetch brings some of each, and the next waits for all. */
const PARTITIONS_AT_ONCE = 32;
/** How long to wait before a lost consumer is built again. */
const REBUILD_MS = 1_000;
/** How long a consumer has to leave its group before we go on without it. */
const LEAVE_MS_MAX = 5_000;

/** A partition of a topic. */
export interface Place {
  readonly topic: Topic;
  readonly partition: number;
}

/** A partition of any topic. */
interface AnyPlace {
  readonly topic: string;
  readonly partition: number;
}

/** Records of one partition that have just been fetched. */
export interface Fetched extends AnyPlace {
  /** What there is for a reader; the first set may begin before `fetchedOffset`. */
  readonly sets: readonly RecordSet[];
  /** The offset that was asked for. */
  readonly fetchedOffset: number;
  /** One past the last offset that the answer covers. */
  readonly nextOffset: number;
  /** One past the last record of the partition. */
  readonly endOffset: number;
  /** Whether nothing has moved the reader since, or taken the partition from it. */
  isCurrent(): boolean;
  heartbeat(): Promise<void>;
  /** Fetching goes on at `nextOffset`; without it they come again. */
  resolve(): void;
}

/** What the reader tells its owner. */
export interface ReaderEvents {
  onFetched(fetched: Fetched): Promise<void>;
  /** The client left out records that are none, such as the ends of transactions, up to `nextOffset`. */
  onNothing(place: AnyPlace & { readonly firstOffset: number; readonly nextOffset: number }): void;
  /** The group has given us partitions, by topic: say for each where to begin, or pause it. */
  onJoined(assignment: Readonly<Record<string, readonly number[]>>): void;
}

/**
 * A consumer that is built again whenever it is lost: after a crash, and when its owner says that
 * it makes no progress.
 */
export class KafkaReader {
  readonly #kafka: KafkaClients;
  readonly #groupId: string;
  readonly #topics: readonly string[];
  readonly #partitionBytesMax: number;
  readonly #events: ReaderEvents;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #consumer: Consumer | undefined;
  #hasJoined = false;
  #restart: () => void = () => undefined;

  constructor(options: {
    readonly kafka: KafkaClients;
    readonly groupId: string;
    readonly topics: readonly string[];
    /** Most bytes of one partition in one answer; without it what is converted in some 10 ms. */
    readonly partitionBytesMax?: number;
    readonly events: ReaderEvents;
    readonly logger: Logger;
  }) {
    this.#kafka = options.kafka;
    this.#groupId = options.groupId;
    this.#topics = options.topics;
    this.#partitionBytesMax = options.partitionBytesMax ?? PARTITION_BYTES_MAX;
    this.#events = options.events;
    this.#logger = options.logger;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Fetching of the partition goes on at `offset`. */
  seek({ topic, partition }: AnyPlace, offset: number): void {
    this.#ask((consumer) => {
      consumer.seek({ topic, partition, offset: String(offset) });
      consumer.resume([{ topic, partitions: [partition] }]);
    });
  }

  pause({ topic, partition }: AnyPlace): void {
    this.#ask((consumer) => consumer.pause([{ topic, partitions: [partition] }]));
  }

  resume({ topic, partition }: AnyPlace): void {
    this.#ask((consumer) => consumer.resume([{ topic, partitions: [partition] }]));
  }

  /** Tells the broker how far we are. It is a copy for whoever watches the lag, so a failure is no harm. */
  async commit(offsets: readonly (Place & { readonly offset: string })[]): Promise<void> {
    if (!this.#hasJoined) return;
    await this.#consumer?.commitOffsets([...offsets]).catch(() => undefined);
  }

  /** Gives the consumer up and builds another one. */
  restart(): void {
    this.#restart();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#restart();
    await this.#running;
  }

  /** Without a consumer that has joined nothing is asked: `onJoined` says it all again. */
  #ask(request: (consumer: Consumer) => void): void {
    if (!this.#hasJoined || this.#consumer === undefined) return;
    try {
      request(this.#consumer);
    } catch {
      // It has just crashed, and the next one joins.
      this.#hasJoined = false;
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const consumer = this.#kafka.consumer({
        groupId: this.#groupId,
        partitionAssigners: [coPartitioned],
        sessionTimeout: SESSION_MS,
        heartbeatInterval: HEARTBEAT_MS,
        maxBytesPerPartition: this.#partitionBytesMax,
        maxWaitTimeInMs: FETCH_WAIT_MS_MAX,
        allowAutoTopicCreation: false,
        // One way to come back from every crash: the loop here.
        retry: { restartOnFailure: () => Promise.resolve(false) },
      });
      this.#consumer = consumer;
      const restarted = new Promise<undefined>((resolve) => {
        this.#restart = () => resolve(undefined);
      });
      const crashed = this.#listen(consumer);
      const begun = this.#begin(consumer);
      try {
        const error = await Promise.race([begun.then(() => crashed), restarted]);
        if (error !== undefined) throw error;
      } catch (error) {
        this.#logger.warn(
          { error: messageOf(error) },
          'Kafka consumer was lost and is built again',
        );
      }
      this.#hasJoined = false;
      await Promise.race([leave(consumer, begun), wait(LEAVE_MS_MAX, undefined, { ref: false })]);
      if (this.#stopping.signal.aborted) return;
      await wait(REBUILD_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** Resolves with the error when the consumer has crashed. */
  #listen(consumer: Consumer): Promise<Error> {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#hasJoined = true;
      this.#events.onJoined(payload.memberAssignment);
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      const { topic, partition, batchSize } = payload;
      if (batchSize > 0) return;
      const firstOffset = Number(payload.firstOffset);
      const nextOffset = Number(payload.lastOffset) + 1;
      this.#events.onNothing({ topic, partition, firstOffset, nextOffset });
    });
    return new Promise((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
    });
  }

  async #begin(consumer: Consumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#topics], fromBeginning: true });
    await consumer.run({
      // Our checkpoint has the offsets; what the broker keeps is a copy, see `commit`.
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: (payload) => this.#events.onFetched(fetchedOf(payload)),
    });
  }
}

/** A consumer that is told to leave while it still joins would join all the same, and stay. */
async function leave(consumer: Consumer, begun: Promise<void>): Promise<void> {
  await begun.catch(() => undefined);
  await consumer.disconnect().catch(() => undefined);
}

function fetchedOf(payload: EachBatchPayload): Fetched {
  const { batch } = payload;
  // `installWire` puts them in the place of messages, where the broker knows that version.
  const messages: readonly Partial<FetchedMessage>[] = erase(batch.messages);
  const lastOffset = batch.lastOffset();
  return {
    topic: batch.topic,
    partition: batch.partition,
    sets: messages.map(({ records }) => {
      if (records === undefined) throw new Error('Expected a broker of Kafka 2.3 or newer');
      return records;
    }),
    // kafkajs 2.2.4 has it on every batch and not in its types.
    fetchedOffset: 'fetchedOffset' in batch ? Number(batch.fetchedOffset) : Number.NaN,
    nextOffset: Number(lastOffset) + 1,
    endOffset: Number(batch.highWatermark),
    isCurrent: () => payload.isRunning() && !payload.isStale(),
    heartbeat: () => payload.heartbeat(),
    resolve: () => payload.resolveOffset(lastOffset),
  };
}
