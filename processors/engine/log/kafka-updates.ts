import { setTimeout as wait } from 'node:timers/promises';

import type { Logger } from '../telemetry/log.ts';
import { type KafkaSettings, kafkaClients } from './kafka-client.ts';
import { untilAnswered } from './kafka-prepare.ts';
import { KafkaAdmin, ensureInternalTopic } from './kafka-topics.ts';
import type { KafkaWriter } from './kafka-writer.ts';

/** The topic by which processors tell api nodes what has changed. */
export function updatesTopic(clientId: string): string {
  return `${clientId}.updates`;
}

/** What the updates topic is opened with. */
export interface UpdatesOptions {
  readonly settings: KafkaSettings;
  readonly partitions: number;
  readonly messageBytesMax: number;
  readonly logger: Logger;
}

/** How long updates stay: an api node that starts reads some minutes of them, ClickHouse has the rest. */
const RETENTION_MS = 3_600_000;
const RETRY_MS = 200;

/**
 * Waits for a broker and creates the updates topic if it is missing.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export function ensureUpdatesTopic(options: UpdatesOptions): Promise<void> {
  const topic = updatesTopic(options.settings.clientId);
  return ensureToldTopic({ ...options, topic, retentionMs: RETENTION_MS });
}

/**
 * Waits for a broker and creates a topic by which a process tells others what has changed.
 *
 * @throws {EngineError} KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED
 */
export async function ensureToldTopic(
  options: UpdatesOptions & { readonly topic: string; readonly retentionMs: number },
): Promise<void> {
  const admin = new KafkaAdmin(kafkaClients(options.settings));
  await untilAnswered(admin, options.logger, (asked) =>
    ensureInternalTopic(asked, {
      topic: options.topic,
      partitions: options.partitions,
      settings: {
        'cleanup.policy': 'delete',
        'retention.ms': String(options.retentionMs),
        'max.message.bytes': String(options.messageBytesMax),
      },
    }),
  );
  await admin.close();
}

/** Appends messages of one partition to a topic, in order and until each is there. */
export class KafkaUpdatesOut {
  readonly #writer: KafkaWriter;
  readonly #topic: string;
  readonly #partition: number;
  readonly #closing = new AbortController();
  #waiting: Uint8Array[] = [];
  #sending: Promise<void> | undefined;

  constructor(options: {
    /** Shared by all partitions of a process, and closed by whoever made it. */
    readonly writer: KafkaWriter;
    readonly topic: string;
    readonly partition: number;
  }) {
    this.#writer = options.writer;
    this.#topic = options.topic;
    this.#partition = options.partition;
  }

  /** Whether nothing waits to be sent. */
  get hasRoom(): boolean {
    return this.#sending === undefined;
  }

  append(messages: readonly Uint8Array[]): void {
    for (const message of messages) this.#waiting.push(message);
    if (this.#waiting.length === 0) return;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when everything is there, or when this is closed. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  /** Gives up what waits. */
  close(): void {
    this.#closing.abort();
  }

  async #send(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#waiting.length > 0 && !signal.aborted) {
      const values = this.#waiting;
      this.#waiting = [];
      const batch = { topic: this.#topic, partition: this.#partition, values };
      while (!signal.aborted) {
        try {
          await this.#writer.append([batch], () => undefined);
          break;
        } catch {
          // The broker is away: a repeat may come twice, which changes nothing for its readers.
          await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
        }
      }
    }
  }
}
