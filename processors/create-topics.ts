import { EngineError } from '../schemas/errors.ts';
import type { Topic } from '../schemas/topics.ts';
import type { Config } from './config.ts';
import { kafkaClients, kafkaError } from './engine/log/kafka-client.ts';
import { KafkaAdmin, ensureTopics } from './engine/log/kafka-topics.ts';
import { kafkaSettings, topicPlan } from './open-log.ts';

/** A topic of events as it is in Kafka now. */
export interface CreatedTopic {
  readonly topic: Topic;
  readonly partitionCount: number;
  /** Whether it was missing before. */
  readonly isNew: boolean;
}

/**
 * Creates the topics of events that are missing, as every start with Kafka does too: for whoever
 * writes there before Weir runs.
 *
 * @throws {EngineError} CONFIG_INVALID without brokers, KAFKA_UNREACHABLE, KAFKA_REFUSED,
 *   LOG_PARTITION_COUNT_CHANGED
 */
export async function createTopics(config: Config): Promise<readonly CreatedTopic[]> {
  const settings = kafkaSettings(config);
  if (settings === undefined) {
    throw new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message: 'kafka.brokers: expected beside `weir topics`, got nothing',
    });
  }
  const plan = topicPlan(config);
  const admin = new KafkaAdmin(kafkaClients(settings));
  try {
    const created = await admin.ask((asked) => ensureTopics(asked, plan));
    return [...plan.partitionCounts].map(([topic, partitionCount]) => ({
      topic,
      partitionCount,
      isNew: created.has(topic),
    }));
  } catch (error) {
    throw kafkaError(error, 'create its topics');
  } finally {
    await admin.close();
  }
}
