import type { Refusal } from '../schemas/ports.ts';
import { type Topic, TOPICS_OF_STAGE } from '../schemas/topics.ts';
import { AdmissionThread } from './admission.ts';
import type { Config } from './config.ts';
import type { DataDir } from './data-dir.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import type { KafkaSettings } from './engine/log/kafka-client.ts';
import type { TopicPlan } from './engine/log/kafka-topics.ts';
import { KafkaLog, type KafkaLogOptions } from './engine/log/kafka.ts';
import type { Log } from './engine/log/log.ts';
import { STAGES } from './engine/runtime/stages.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import type { Logger } from './engine/telemetry/log.ts';
import { MIB } from './setting.ts';

/** What an event may grow by in our form, with headers and the request around it. */
const MESSAGE_OVERHEAD_BYTES = MIB;

/** When to ask again while no broker answers. */
const RETRY_AFTER_SECONDS = 5;

/**
 * The log that the configuration names: Kafka when it lists brokers, else the one in the data directory.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export async function openLog(config: Config, dataDir: DataDir, logger: Logger): Promise<Log> {
  const settings = kafkaSettings(config);
  if (settings === undefined) return EmbeddedLog.open(dataDir.logPath, () => systemClock.nowMs());
  return KafkaLog.open({
    ...kafkaLogOptions(config, dataDir.secret),
    settings,
    logger,
  });
}

/** How to reach the brokers that the configuration names; undefined when it names none. */
export function kafkaSettings({ kafka }: Config): KafkaSettings | undefined {
  if (kafka.brokers === undefined) return undefined;
  return {
    brokers: kafka.brokers,
    clientId: kafka.client_id,
    sasl: saslOf(kafka),
    tls: kafka.tls
      ? {
          caFile: kafka.tls_ca_file,
          certFile: kafka.tls_cert_file,
          keyFile: kafka.tls_key_file,
        }
      : undefined,
  };
}

/** What the log in Kafka is opened with, besides how to reach it. */
export function kafkaLogOptions(
  config: Config,
  tokenSecret: Buffer,
): Omit<KafkaLogOptions, 'settings' | 'logger'> {
  return {
    plan: topicPlan(config),
    onGap: config.kafka.on_gap,
    admission: new AdmissionThread({ config, tokenSecret }),
    nowMs: () => systemClock.nowMs(),
  };
}

/** What the topics of events must look like. */
export function topicPlan(config: Config): TopicPlan {
  const partitionCounts = new Map<Topic, number>();
  for (const stage of STAGES) {
    for (const topic of TOPICS_OF_STAGE[stage])
      partitionCounts.set(topic, stage === 'control' ? 1 : config.partitions);
  }
  return {
    partitionCounts,
    retentionMs: config.retention.log,
    messageBytesMax: messageBytesMax(config),
  };
}

/** The largest record of our topics. */
export function messageBytesMax(config: Config): number {
  return config.ingest.event_bytes_max + MESSAGE_OVERHEAD_BYTES;
}

function saslOf(kafka: Config['kafka']): KafkaSettings['sasl'] {
  const {
    sasl_mechanism: mechanism,
    sasl_username: username = '',
    sasl_password: password = '',
  } = kafka;
  return mechanism === 'none' ? undefined : { mechanism, username, password };
}

/** Why nothing can be appended to the log at the moment. */
export function refusalOf(log: Log): Refusal | undefined {
  const message = log.problem?.();
  if (message === undefined) return undefined;
  return {
    status: 503,
    code: 'KAFKA_UNREACHABLE',
    message,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  };
}
