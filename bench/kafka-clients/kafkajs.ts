import type { EachBatchPayload } from 'kafkajs';

import { convertRecords } from '../../processors/engine/log/kafka-batch.ts';
import { createKafka } from '../../processors/engine/log/kafka-client.ts';
import { KafkaReader } from '../../processors/engine/log/kafka-reader.ts';
import { KafkaWriter } from '../../processors/engine/log/kafka-writer.ts';
import { createLogger } from '../../processors/engine/telemetry/log.ts';
import {
  type Client,
  type ClientOptions,
  type Member,
  type Reading,
  TOPIC,
  fetchedFrom,
} from './client.ts';

/** kafkajs by the parts of the log that stand on it. */
export function createKafkajsClient({ broker, name }: ClientOptions): Client {
  const kafka = createKafka({
    brokers: [broker],
    clientId: name,
    sasl: undefined,
    tls: undefined,
  });
  const writer = new KafkaWriter(kafka);
  return {
    append: (batches) => writer.append(batches, () => undefined),
    join: async (reading): Promise<Member> => {
      const joined = Promise.withResolvers<void>();
      const reader: KafkaReader = new KafkaReader({
        kafka,
        groupId: reading.groupId,
        topics: [TOPIC],
        logger: createLogger('error'),
        events: {
          onBatch: (payload) => Promise.resolve(take(payload, reading)),
          onNothing: () => undefined,
          onJoined: () => {
            for (const [partition, offset] of reading.positions)
              reader.seek({ topic: TOPIC, partition }, offset);
            joined.resolve();
          },
        },
      });
      reader.start();
      await joined.promise;
      return { leave: () => reader.stop() };
    },
    close: () => writer.close(),
  };
}

function take(payload: EachBatchPayload, { positions, onBatches }: Reading): void {
  const { batch } = payload;
  const { partition } = batch;
  const firstOffset = positions.get(partition) ?? 0;
  const nextOffset = Number(batch.lastOffset()) + 1;
  payload.resolveOffset(batch.lastOffset());
  if (payload.isStale() || nextOffset <= firstOffset) return;
  const [first] = batch.messages;
  const records =
    Number(first?.offset) >= firstOffset
      ? batch.messages
      : batch.messages.filter(({ offset }) => Number(offset) >= firstOffset);
  const { batches } = convertRecords(records, fetchedFrom(partition, { firstOffset, nextOffset }));
  positions.set(partition, nextOffset);
  onBatches(batches);
}
