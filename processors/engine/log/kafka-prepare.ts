import { setTimeout as wait } from 'node:timers/promises';

import type { Admin } from 'kafkajs';

import type { Logger } from '../telemetry/log.ts';
import { type KafkaSettings, kafkaClients, kafkaError } from './kafka-client.ts';
import { KafkaAdmin, type TopicPlan, prepareTopics } from './kafka-topics.ts';

/** How long to wait between two tries to reach a broker at the start: doubled up to the longest. */
const OPEN_RETRY_MS = { first: 200, max: 5_000 };

/** What the log is prepared with. */
interface Preparation {
  readonly settings: KafkaSettings;
  readonly plan: TopicPlan;
  readonly logger: Logger;
}

/**
 * Waits for a broker and creates the topics that are missing, for a process that only appends.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export async function prepareLogTopics(options: Preparation): Promise<void> {
  const admin = new KafkaAdmin(kafkaClients(options.settings));
  await waitForTopics(admin, options);
  await admin.close();
}

/**
 * Waits for a broker, creates the topics that are missing, and tells where all of them begin and end.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export function waitForTopics(
  admin: KafkaAdmin,
  { plan, logger }: Preparation,
): ReturnType<typeof prepareTopics> {
  return untilAnswered(admin, logger, (asked) => prepareTopics(asked, plan));
}

/**
 * Asks until a broker answers. Topics that have just been made are not known everywhere at once, so
 * that a question about them may fail too.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export async function untilAnswered<Answer>(
  admin: KafkaAdmin,
  logger: Logger,
  question: (admin: Admin) => Promise<Answer>,
): Promise<Answer> {
  for (let waitMs = OPEN_RETRY_MS.first; ; waitMs = Math.min(2 * waitMs, OPEN_RETRY_MS.max)) {
    try {
      return await admin.ask(question);
    } catch (cause) {
      const error = kafkaError(cause, 'look at its topics');
      await admin.close();
      if (error.kind !== 'transient') throw error;
      logger.warn({ error: error.message }, 'Waiting for a Kafka broker (kafka.brokers)');
      await wait(waitMs);
    }
  }
}
