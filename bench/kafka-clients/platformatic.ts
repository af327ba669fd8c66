import {
  Consumer,
  type GroupPartitionsAssigner,
  type Message,
  ProduceAcks,
  Producer,
  stringDeserializer,
} from '@platformatic/kafka';

import { assignPartitions } from '../../processors/engine/log/kafka-assigner.ts';
import { HEADER } from '../../processors/engine/log/kafka-batch.ts';
import type { RecordBatch } from '../../processors/engine/log/log.ts';
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
} from './client.ts';

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
  const fetched = new Map<number, Received[]>();
  const flush = (): void => {
    for (const [partition, records] of fetched) take(partition, records, reading);
    fetched.clear();
  };
  stream.on('data', (message: Received) => {
    if (fetched.size === 0) setImmediate(flush);
    const { partition } = message;
    const records = fetched.get(partition);
    if (records === undefined) fetched.set(partition, [message]);
    else records.push(message);
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

function take(partition: number, fetched: readonly Received[], reading: Reading): void {
  const { positions, onBatches } = reading;
  const firstOffset = positions.get(partition) ?? 0;
  const records = fetched.filter(
    ({ offset, headers }) => Number(offset) >= firstOffset && headers.has(HEADER.tokenised),
  );
  if (records.length === 0) return;
  const batch = batchOf(partition, records);
  positions.set(partition, batch.nextOffset);
  onBatches([batch]);
}

/** Records of neighbouring offsets as a batch of the log. */
function batchOf(partition: number, records: readonly Received[]): RecordBatch {
  const starts = new Uint32Array(records.length);
  const ends = new Uint32Array(records.length);
  let end = 0;
  for (const [index, { value }] of records.entries()) {
    starts[index] = end;
    end += value.length;
    ends[index] = end;
  }
  return {
    topic: TOPIC,
    partition,
    firstOffset: Number(records[0]?.offset),
    count: records.length,
    nextOffset: Number(records.at(-1)?.offset) + 1,
    appendedAtMs: Number(records[0]?.timestamp),
    importName: undefined,
    endsImport: false,
    bytes: Buffer.concat(
      records.map(({ value }) => value),
      end,
    ),
    starts,
    ends,
  };
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
