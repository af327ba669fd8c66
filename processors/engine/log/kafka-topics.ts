import type { Admin, ConfigResourceTypes } from 'kafkajs';

import { erase } from '../../../schemas/brand.ts';
import { EngineError } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import type { KafkaClients } from './kafka-client.ts';

/** The protocol's number for the settings of a topic; kafkajs names it where no ES module can import it. */
const TOPIC_RESOURCE = erase<ConfigResourceTypes>(2);

/** What our topics must look like. */
export interface TopicPlan {
  readonly partitionCounts: ReadonlyMap<Topic, number>;
  /** For topics that we create. */
  readonly retentionMs: number;
  readonly messageBytesMax: number;
}

/** Offsets of one partition as the broker has them. */
export interface PartitionOffsets {
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
}

/**
 * Creates the topics that are missing. Those that are there keep their settings.
 *
 * @returns the topics that are new
 * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED when one has another number of partitions
 */
export async function ensureTopics(admin: Admin, plan: TopicPlan): Promise<ReadonlySet<Topic>> {
  const existing = new Set(await admin.listTopics());
  const missing = [...plan.partitionCounts].filter(([topic]) => !existing.has(topic));
  if (missing.length > 0) {
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map(([topic, numPartitions]) => ({
        topic,
        numPartitions,
        configEntries: [
          { name: 'cleanup.policy', value: 'delete' },
          { name: 'retention.ms', value: String(plan.retentionMs) },
          { name: 'max.message.bytes', value: String(plan.messageBytesMax) },
          // The broker's clock, so that no sender's clock decides which event is from the future.
          { name: 'message.timestamp.type', value: 'LogAppendTime' },
        ],
      })),
    });
  }
  await checkPartitionCounts(admin, plan.partitionCounts);
  return new Set(missing.map(([topic]) => topic));
}

/**
 * Creates a topic of ours that holds no events, if it is missing.
 *
 * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED when it has another number of partitions
 */
export async function ensureInternalTopic(
  admin: Admin,
  plan: {
    readonly topic: string;
    readonly partitions: number;
    readonly settings: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { topic, partitions, settings } = plan;
  const existing = await admin.listTopics();
  if (!existing.includes(topic)) {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: partitions, configEntries }],
    });
  }
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  checkPartitionCount(topic, partitions, topics[0]?.partitions.length ?? 0);
}

function checkPartitionCount(topic: string, expected: number, found: number): void {
  if (expected === found) return;
  throw new EngineError({
    code: 'LOG_PARTITION_COUNT_CHANGED',
    kind: 'fatal',
    message:
      `Expected the Kafka topic ${topic} to have ${expected} partitions (partitions), got ${found}. ` +
      'Keys would move to other tasks: set partitions to that number and start with a new data directory, ' +
      'or make the topic anew',
    details: { topic, expected, found },
  });
}

/**
 * Compares our topics' partitions with the plan, as the broker has them now: the offsets below come
 * for the partitions that the client learnt of minutes ago.
 *
 * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED
 */
export async function checkPartitionCounts(
  admin: Admin,
  partitionCounts: ReadonlyMap<Topic, number>,
): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [...partitionCounts.keys()] });
  for (const [topic, count] of partitionCounts) {
    const found = topics.find(({ name }) => name === topic);
    checkPartitionCount(topic, count, found?.partitions.length ?? 0);
  }
}

/** The offsets of every partition of a topic, by partition. */
export async function offsetsOf(admin: Admin, topic: string): Promise<readonly PartitionOffsets[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets
    .map(({ partition, low, high }) => ({
      partition,
      startOffset: Number(low),
      endOffset: Number(high),
    }))
    .toSorted((a, b) => a.partition - b.partition);
}

/** The topics whose records carry the time at which the broker appended them. */
async function topicsWithAppendTime(
  admin: Admin,
  topics: readonly Topic[],
): Promise<ReadonlySet<string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: TOPIC_RESOURCE,
      name,
      configNames: ['message.timestamp.type'],
    })),
  });
  return new Set(
    resources
      .filter(({ configEntries }) =>
        configEntries.some(({ configValue }) => configValue === 'LogAppendTime'),
      )
      .map(({ resourceName }) => resourceName),
  );
}

/**
 * Creates the topics that are missing and tells where all of them begin and end.
 *
 * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED
 */
export async function prepareTopics(
  admin: Admin,
  plan: TopicPlan,
): Promise<{
  readonly offsets: ReadonlyMap<Topic, readonly PartitionOffsets[]>;
  readonly appendTimeTopics: ReadonlySet<string>;
}> {
  await ensureTopics(admin, plan);
  const offsets = new Map<Topic, readonly PartitionOffsets[]>();
  for (const topic of plan.partitionCounts.keys())
    offsets.set(topic, await offsetsOf(admin, topic));
  const appendTimeTopics = await topicsWithAppendTime(admin, [...offsets.keys()]);
  return { offsets, appendTimeTopics };
}

/** A connection for questions about topics, made anew after an error. */
export class KafkaAdmin {
  readonly #kafka: Pick<KafkaClients, 'admin'>;
  #admin: Admin | undefined;

  constructor(kafka: Pick<KafkaClients, 'admin'>) {
    this.#kafka = kafka;
  }

  async ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const admin = this.#admin ?? this.#kafka.admin();
    this.#admin = admin;
    try {
      await admin.connect();
      return await question(admin);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await admin?.disconnect().catch(() => undefined);
  }
}
