import { Kafka, type Message, Partitioners, logLevel } from 'kafkajs';

import { erase } from '../../schemas/brand.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { partitionOf } from '../../schemas/ids.ts';
import { KEY_OF_TOPIC, TOPIC_OF_EVENT, type Topic } from '../../schemas/topics.ts';
import type { ShopEvent } from '../shop/shop-event.ts';

/** Partitions of the topics as Weir creates them by default. */
export const PARTITIONS = 4;
const ALL_REPLICAS = -1;

/** What is written: an event of a shop, or what looks like one. */
export type SentEvent = Pick<ShopEvent, 'type' | 'toObject'>;

/** Writes a shop's events to Kafka as its own programs would: Avro with raw ids, by the key of each topic. */
export class ShopProducer {
  readonly #producer;

  constructor(broker: string) {
    const kafka = new Kafka({ brokers: [broker], clientId: 'shop', logLevel: logLevel.NOTHING });
    this.#producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      // A request that is sent again because its answer was late must not write its events twice.
      idempotent: true,
      maxInFlightRequests: 1,
    });
  }

  connect(): Promise<void> {
    return this.#producer.connect();
  }

  /** Resolves when all replicas in sync have them. */
  async send(events: readonly SentEvent[]): Promise<void> {
    const messages = new Map<Topic, Message[]>();
    for (const event of events) {
      const topic = TOPIC_OF_EVENT[event.type];
      const message = messageOf(topic, event);
      const some = messages.get(topic);
      if (some === undefined) messages.set(topic, [message]);
      else some.push(message);
    }
    await this.#producer.sendBatch({
      acks: ALL_REPLICAS,
      topicMessages: [...messages].map(([topic, some]) => ({ topic, messages: some })),
    });
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }
}

function messageOf(topic: Topic, event: SentEvent): Message {
  const parsed = parseEvent(event.type, event.toObject(), { nowMs: Infinity, clockSkewMs: 0 });
  if (parsed.kind === 'rejected') throw new Error(parsed.message);
  const fields: Readonly<Record<string, unknown>> = erase(parsed.event);
  return {
    partition:
      topic === 'weir.reference' ? 0 : partitionOf(String(fields[KEY_OF_TOPIC[topic]]), PARTITIONS),
    value: encodeEvent(topic, erase(parsed.event)),
  };
}
