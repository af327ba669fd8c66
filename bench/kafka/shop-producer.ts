import { Kafka, type Message, Partitioners, logLevel } from 'kafkajs';

import { type Placing, placeEvent } from '../../processors/door/door.ts';
import { createTokeniser } from '../../processors/door/tokeniser.ts';
import { HEADER } from '../../processors/engine/log/kafka-batch.ts';
import { erase } from '../../schemas/brand.ts';
import { type RawEvent, parseEvent } from '../../schemas/events/parse.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { partitionOf } from '../../schemas/ids.ts';
import { type EventType, KEY_OF_TOPIC, TOPIC_OF_EVENT, type Topic } from '../../schemas/topics.ts';
import type { ShopEvent } from '../shop/shop-event.ts';

/** Partitions of the topics as Weir creates them by default. */
export const PARTITIONS = 4;
const ALL_REPLICAS = -1;

const DOOR: Placing = {
  tokeniser: createTokeniser(Buffer.alloc(32, 'a secret of the bench')),
  partitionCounts: { visitor: PARTITIONS, sku: PARTITIONS },
};
/** Who writes events to Kafka: a program of the shop, with raw ids, or an api node, whose door has let them in. */
export type Writer = 'program' | 'api';

/** What is written: an event of a shop, or what looks like one. */
export type SentEvent = Pick<ShopEvent, 'type' | 'toObject'>;

/** Writes a shop's events to Kafka as Avro, by the key of each topic. */
export class ShopProducer {
  readonly #producer;
  readonly #writer: Writer;

  constructor(broker: string, writer: Writer = 'program') {
    this.#writer = writer;
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
      const message = this.#writer === 'api' ? messageOfApi(event) : messageOf(topic, event);
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
  const parsed = parsedOf(event);
  const fields: Readonly<Record<string, unknown>> = erase(parsed);
  return {
    partition:
      topic === 'weir.reference' ? 0 : partitionOf(String(fields[KEY_OF_TOPIC[topic]]), PARTITIONS),
    value: encodeEvent(topic, erase(parsed)),
  };
}

function messageOfApi(event: SentEvent): Message {
  const { partition, value } = placeEvent(event.type, parsedOf(event), DOOR);
  return { partition, value, headers: { [HEADER.tokenised]: '1' } };
}

function parsedOf(event: SentEvent): RawEvent<EventType> {
  const parsed = parseEvent(event.type, event.toObject(), { nowMs: Infinity, clockSkewMs: 0 });
  if (parsed.kind === 'rejected') throw new Error(parsed.message);
  return parsed.event;
}
