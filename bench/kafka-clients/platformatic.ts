import {
  Consumer,
  type GroupPartitionsAssigner,
  type Message,
  ProduceAcks,
  Producer,
  stringDeserializer,
} from '@platformatic/kafka';

import { assignPartitions } from '../../processors/engine/log/kafka-assigner.ts';
import {
  HEADER,
  type KafkaRecord,
  convertRecords,
} from '../../processors/engine/log/kafka-batch.ts';
import {
  type Client,
  type ClientOptions,
  FETCH_WAIT_MS_MAX,
  HEARTBEAT_MS,
  type Member,
  PARTITION_BYTES_MAX,
  type Reading,
  SESSION_MS,
  TOPIC,
  fetchedFrom,
} from './client.ts';

const OURS = { [HEADER.tokenised]: '1' };
const HEADERS = new Map([[Buffer.from(HEADER.tokenised), Buffer.from('1')]]);

/** @platformatic/kafka behind the same contract: as little as an adapter must do. */
export function createPlatformaticClient({ broker, name }: ClientOptions): Client {
  const producer = new Producer({
    clientId: name,
    bootstrapBrokers: [broker],
    idempotent: true,
    acks: ProduceAcks.ALL,
    autocreateTopics: false,
  });
  return {
    append: async (batches) => {
      await producer.send({
        messages: batches.flatMap(({ topic, partition, values }) =>
          values.map((value) => ({
            topic,
            partition,
            value: Buffer.from(value.buffer, value.byteOffset, value.length),
            headers: HEADERS,
          })),
        ),
      });
    },
    join: (reading) => join(reading, { broker, name }),
    close: () => producer.close(),
  };
}

type Received = Message<Buffer, Buffer, string>;

async function join(reading: Reading, { broker, name }: ClientOptions): Promise<Member> {
  const { positions, groupId } = reading;
  const consumer = new Consumer({
    groupId,
    clientId: name,
    bootstrapBrokers: [broker],
    sessionTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    maxWaitTime: FETCH_WAIT_MS_MAX,
    maxBytesPerPartition: PARTITION_BYTES_MAX,
    autocommit: false,
    partitionAssigner: coPartitioned,
    deserializers: { headerKey: text },
  });
  const stream = await consumer.consume({
    topics: [TOPIC],
    mode: 'manual',
    offsets: [...positions].map(([partition, offset]) => ({
      topic: TOPIC,
      partition,
      offset: BigInt(offset),
    })),
  });
  // A stream cannot seek: after a rebalance it is told by its own map where others have got to.
  consumer.on('consumer:group:join', () => {
    for (const [partition, offset] of positions)
      stream.offsetsToFetch.set(`${TOPIC}:${partition}`, BigInt(offset));
  });
  const fetched = new Map<number, KafkaRecord[]>();
  const flush = (): void => {
    for (const [partition, records] of fetched) take(partition, records, reading);
    fetched.clear();
  };
  stream.on('data', (message: Received) => {
    if (fetched.size === 0) setImmediate(flush);
    const { partition } = message;
    const records = fetched.get(partition);
    const record = recordOf(message);
    if (records === undefined) fetched.set(partition, [record]);
    else records.push(record);
  });
  return {
    leave: async () => {
      await stream.close();
      await consumer.close();
    },
  };
}

function text(bytes?: Buffer): string {
  return stringDeserializer(bytes) ?? '';
}

function recordOf({ offset, value, headers, timestamp }: Received): KafkaRecord {
  return {
    offset: String(offset),
    value,
    headers: headers.has(HEADER.tokenised) ? OURS : {},
    timestamp: String(timestamp),
  };
}

function take(partition: number, fetched: readonly KafkaRecord[], reading: Reading): void {
  const { positions, onBatches } = reading;
  const firstOffset = positions.get(partition) ?? 0;
  const nextOffset = Number(fetched.at(-1)?.offset) + 1;
  if (nextOffset <= firstOffset) return;
  const records =
    Number(fetched[0]?.offset) >= firstOffset
      ? fetched
      : fetched.filter(({ offset }) => Number(offset) >= firstOffset);
  const { batches } = convertRecords(records, fetchedFrom(partition, { firstOffset, nextOffset }));
  positions.set(partition, nextOffset);
  onBatches(batches);
}

/** As our own assigner of kafkajs. */
const coPartitioned: GroupPartitionsAssigner = (_current, members, topics, metadata) => {
  const partitions = new Map(
    [...topics].map((topic) => [
      topic,
      Array.from({ length: metadata.topics.get(topic)?.partitionsCount ?? 0 }, (_, id) => id),
    ]),
  );
  return assignPartitions([...members.keys()], partitions).map(({ memberId, assignment }) => ({
    memberId,
    assignments: new Map(
      Object.entries(assignment).map(([topic, ids]) => [topic, { topic, partitions: ids }]),
    ),
  }));
};
