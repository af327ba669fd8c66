import { messageOf } from '../schemas/errors.ts';
import { TOPIC_OF_EVENT } from '../schemas/topics.ts';
import type { Config } from './config.ts';
import { kafkaClients, kafkaError } from './engine/log/kafka-client.ts';
import { KafkaAdmin } from './engine/log/kafka-topics.ts';
import { kafkaSettings, topicPlan } from './open-log.ts';
import { openSchemaRegistry } from './open-registry.ts';

/** What came of a question to something that Weir depends on. */
export interface Connection {
  readonly isGood: boolean;
  readonly detail: string;
}

/** Whether the brokers answer and let us in; undefined when none are configured. */
export async function checkKafka(config: Config): Promise<Connection | undefined> {
  const settings = kafkaSettings(config);
  if (settings === undefined) return undefined;
  const admin = new KafkaAdmin(kafkaClients(settings));
  try {
    const existing = new Set(await admin.ask((asked) => asked.listTopics()));
    const missing = [...topicPlan(config).partitionCounts.keys()].filter(
      (topic) => !existing.has(topic),
    );
    const detail =
      missing.length === 0
        ? `topics of events at ${settings.brokers.join(', ')}`
        : `${settings.brokers.join(', ')} answers; the first start or weir topics will create ${missing.join(', ')}`;
    return { isGood: true, detail };
  } catch (error) {
    return { isGood: false, detail: kafkaError(error, 'list its topics').message };
  } finally {
    await admin.close();
  }
}

/** Whether the schema registry answers and lets us in; undefined when none is configured. */
export async function checkSchemaRegistry(config: Config): Promise<Connection | undefined> {
  const registry = openSchemaRegistry(config);
  if (registry === undefined) return undefined;
  try {
    const versions = await registry.versionsOf(`${TOPIC_OF_EVENT.click}-value`);
    return {
      isGood: true,
      detail: `${config.schema_registry.url} answers; versions of clicks: ${versions.length}`,
    };
  } catch (error) {
    return { isGood: false, detail: messageOf(error) };
  } finally {
    registry.close();
  }
}
