import type { ProducerBatch, RecordMetadata } from 'kafkajs';
import { expect, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import type { KafkaClients } from './kafka-client.ts';
import { type Appended, KafkaWriter } from './kafka-writer.ts';

const BATCHES = [0, 1].map((partition) => ({
  topic: 'weir.clicks',
  partition,
  values: [Buffer.from('a'), Buffer.from('b')],
}));

/** A client whose brokers answer for these partitions, request by request, and the producers it made. */
class Client {
  producers = 0;
  /** Producers that have been told to connect and not to disconnect. */
  readonly connected = new Set<number>();
  /** How many producers connect and then fail to get a number. */
  failing = 0;
  readonly #answered: (readonly number[])[];

  constructor(answered: readonly (readonly number[])[]) {
    this.#answered = [...answered];
  }

  asKafka(): KafkaClients {
    const answer = ({ topicMessages = [] }: ProducerBatch): Promise<RecordMetadata[]> => {
      const partitions = this.#answered.shift() ?? [];
      return Promise.resolve(
        topicMessages.flatMap(({ topic }) =>
          partitions.map((partition) => ({
            topicName: topic,
            partition,
            errorCode: 0,
            baseOffset: '5',
          })),
        ),
      );
    };
    return erase({
      producer: () => {
        this.producers += 1;
        const number = this.producers;
        return {
          connect: (): Promise<void> => {
            this.connected.add(number);
            return number <= this.failing ? Promise.reject(new Error('away')) : Promise.resolve();
          },
          disconnect: (): Promise<void> => {
            this.connected.delete(number);
            return Promise.resolve();
          },
          sendBatch: answer,
        };
      },
    });
  }
}

test('records are appended when there is an answer for every partition, with where they end', async () => {
  const appended: Appended[] = [];
  const writer = new KafkaWriter(new Client([[1, 0]]).asKafka());
  await writer.append(BATCHES, (each) => appended.push(each));
  expect(appended).toEqual([
    { topic: 'weir.clicks', partition: 1, endOffset: 7 },
    { topic: 'weir.clicks', partition: 0, endOffset: 7 },
  ]);
});

test('a partition without an answer is no append: the sender hears of it and sends again, by a new producer', async () => {
  const client = new Client([[0], [0, 1]]);
  const writer = new KafkaWriter(client.asKafka());
  await expect(writer.append(BATCHES, () => undefined)).rejects.toMatchObject({
    code: 'KAFKA_UNREACHABLE',
    kind: 'transient',
  });
  await writer.append(BATCHES, () => undefined);
  expect(client.producers).toBe(2);
});

test('a producer that connects and gets no number keeps no connection', async () => {
  const client = new Client([[0, 1]]);
  client.failing = 2;
  const writer = new KafkaWriter(client.asKafka());
  for (let failed = 0; failed < client.failing; failed += 1)
    await expect(writer.append(BATCHES, () => undefined)).rejects.toMatchObject({
      code: 'KAFKA_UNREACHABLE',
    });
  expect(client.connected.size).toBe(0);
  await writer.append(BATCHES, () => undefined);
  expect([...client.connected]).toEqual([3]);
  await writer.close();
  expect(client.connected.size).toBe(0);
});
