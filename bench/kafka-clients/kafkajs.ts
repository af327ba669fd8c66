import { convertOurs } from '../../processors/engine/log/kafka-batch.ts';
import { kafkaClients } from '../../processors/engine/log/kafka-client.ts';
import { type Fetched, KafkaReader } from '../../processors/engine/log/kafka-reader.ts';
import { KafkaWriter } from '../../processors/engine/log/kafka-writer.ts';
import { createLogger } from '../../processors/engine/telemetry/log.ts';
import { type Client, type ClientOptions, type Member, type Reading, TOPIC } from './client.ts';

/** kafkajs by the parts of the log that stand on it. */
export function createKafkajsClient({ broker, name }: ClientOptions): Client {
  const kafka = kafkaClients({
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
          onFetched: (fetched) => Promise.resolve(take(fetched, reading)),
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

function take(fetched: Fetched, { positions, onBatches }: Reading): void {
  const { partition, nextOffset } = fetched;
  const firstOffset = positions.get(partition) ?? 0;
  fetched.resolve();
  if (!fetched.isCurrent() || nextOffset <= firstOffset) return;
  const { batches } = convertOurs(fetched.sets, {
    topic: TOPIC,
    partition,
    firstOffset,
    nextOffset,
    appendedAtMs: undefined,
  });
  positions.set(partition, nextOffset);
  onBatches(batches);
}
