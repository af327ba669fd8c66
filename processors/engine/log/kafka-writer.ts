import { type Message, Partitioners, type Producer, type RecordMetadata } from 'kafkajs';

import { EngineError } from '../../../schemas/errors.ts';
import { HEADER } from './kafka-batch.ts';
import { type KafkaClients, kafkaError } from './kafka-client.ts';
import { dealtOut } from './kafka-wire.ts';
import type { AppendBatch } from './log.ts';

/** Bytes of one partition in one request: half of what a broker accepts unless it is told otherwise. */
const CHUNK_BYTES_MAX = 512 * 1_024;
/** What the broker stores of a record besides its value, at most. */
const RECORD_OVERHEAD_BYTES = 128;
const ALL_REPLICAS = -1;

/** As a batch for the log, and for any topic. */
type KafkaBatch = Omit<AppendBatch, 'topic'> & { readonly topic: string };

/** Up to where a partition is durable. */
export interface Appended {
  readonly topic: string;
  readonly partition: number;
  readonly endOffset: number;
}

/**
 * Appends to Kafka: acknowledged by all replicas in sync, and each record once however often a
 * request is repeated. After an error it begins again as a new producer, because the old one cannot
 * know which of its records the broker has.
 */
export class KafkaWriter {
  readonly #kafka: KafkaClients;
  #producer: Promise<Producer> | undefined;
  #isClosed = false;

  constructor(kafka: KafkaClients) {
    this.#kafka = kafka;
  }

  /** @throws {EngineError} KAFKA_UNREACHABLE, KAFKA_REFUSED; some of it may be appended all the same */
  async append(
    batches: readonly KafkaBatch[],
    onAppended: (appended: Appended) => void,
  ): Promise<void> {
    let used: Promise<Producer> | undefined;
    try {
      for (const round of roundsOf(batches)) {
        this.#producer ??= this.#connect();
        used = this.#producer;
        const producer = await used;
        const answers = await producer.sendBatch({
          acks: ALL_REPLICAS,
          topicMessages: [...round].map(([topic, messages]) => ({
            topic,
            messages: dealtOut(messages),
          })),
        });
        checkAnswered(round, answers);
        for (const { topicName, partition, baseOffset } of answers) {
          const count = round.get(topicName)?.filter((each) => each.partition === partition).length;
          const firstOffset = Number(baseOffset ?? -1);
          // A broker that saw the request before may not remember where the records are.
          if (firstOffset >= 0)
            onAppended({ topic: topicName, partition, endOffset: firstOffset + (count ?? 0) });
        }
      }
    } catch (error) {
      if (this.#producer === used) this.#producer = undefined;
      void disconnect(used);
      throw kafkaError(error, 'append records');
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await disconnect(this.#producer);
  }

  async #connect(): Promise<Producer> {
    if (this.#isClosed) throw new Error('the log is closed');
    const producer = this.#kafka.producer({
      // Every record names its partition; should one not, this is the hash that Java's clients use.
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: true,
      allowAutoTopicCreation: false,
    });
    try {
      await producer.connect();
    } catch (error) {
      // It may have connected, and failed to get its number.
      await producer.disconnect().catch(() => undefined);
      throw error;
    }
    return producer;
  }
}

/**
 * Repeating a request, the client leaves out every broker that has answered: where a partition has moved
 * to one of those, its records are not sent, and no error says so.
 */
function checkAnswered(round: Round, answers: readonly RecordMetadata[]): void {
  for (const [topic, messages] of round) {
    for (const partition of new Set(messages.map((message) => message.partition))) {
      if (answers.some((each) => each.topicName === topic && each.partition === partition))
        continue;
      throw new EngineError({
        code: 'KAFKA_UNREACHABLE',
        kind: 'transient',
        message: `Expected an answer for partition ${partition} of ${topic}, got none: it has moved to another broker`,
      });
    }
  }
}

async function disconnect(producer: Promise<Producer> | undefined): Promise<void> {
  try {
    await (await producer)?.disconnect();
  } catch {
    // It was never connected, or is no more.
  }
}

type Round = ReadonlyMap<string, Message[]>;

/** The records as requests of bounded size, those of a partition in their order. */
function* roundsOf(batches: readonly KafkaBatch[]): Iterable<Round> {
  const queues = new Map<string, { readonly topic: string; readonly messages: Message[] }>();
  for (const batch of batches) {
    const key = `${batch.topic}/${batch.partition}`;
    const queue = queues.get(key) ?? { topic: batch.topic, messages: [] };
    queues.set(key, queue);
    for (const message of messagesOf(batch)) queue.messages.push(message);
  }
  while (queues.size > 0) {
    const round = new Map<string, Message[]>();
    for (const [key, { topic, messages }] of queues) {
      let bytes = 0;
      let count = 0;
      while (count < messages.length) {
        bytes += (messages[count]?.value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
        if (count > 0 && bytes > CHUNK_BYTES_MAX) break;
        count += 1;
      }
      round.set(topic, [...(round.get(topic) ?? []), ...messages.splice(0, count)]);
      if (messages.length === 0) queues.delete(key);
    }
    yield round;
  }
}

function messagesOf({ partition, values, importName, endsImport }: KafkaBatch): Message[] {
  const headers = {
    [HEADER.tokenised]: '1',
    ...(importName === undefined ? {} : { [HEADER.importName]: importName }),
  };
  if (endsImport === true)
    return [{ partition, value: null, headers: { ...headers, [HEADER.endsImport]: '1' } }];
  return values.map((value) => ({
    partition,
    value: Buffer.isBuffer(value)
      ? value
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    headers,
  }));
}
