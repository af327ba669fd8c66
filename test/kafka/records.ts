import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Admin, Kafka, type Message, Partitioners, logLevel } from 'kafkajs';

import { readNdjson } from '../../cli/import/ndjson.ts';
import { erase } from '../../schemas/brand.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { type EventType, TOPIC_OF_EVENT, type Topic } from '../../schemas/topics.ts';
import type { Brokers } from './broker.ts';

const execute = promisify(execFile);
const hasKcat = spawnSync('kcat', ['-V']).status === 0;

/** An event of a shop, as its sender has it. */
export interface SentEvent {
  readonly type: EventType;
  readonly event: unknown;
}

/** All events of an NDJSON file, in its order within each type. */
export async function eventsOf(file: string): Promise<readonly SentEvent[]> {
  const sent: SentEvent[] = [];
  for await (const { type, events } of readNdjson(file))
    for (const event of events) sent.push({ type, event });
  return sent;
}

/** Writes events as NDJSON for a door. */
export function writeEvents(file: string, events: readonly SentEvent[]): string {
  writeFileSync(
    file,
    events
      .map(({ type, event }) => `${JSON.stringify({ event: type, ...Object(event) })}\n`)
      .join(''),
  );
  return file;
}

/** A client that knows nothing of Weir. */
function kafkaOf(broker: Brokers): Kafka {
  return new Kafka({
    brokers: broker.address.split(','),
    clientId: 'shop',
    logLevel: logLevel.NOTHING,
  });
}

/** Runs `use` with an admin's connection. */
export async function withAdmin<Result>(
  broker: Brokers,
  use: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = kafkaOf(broker).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Appends records as another program does. Without a partition Kafka deals them out in turn. */
export async function produce(
  broker: Brokers,
  topic: string,
  messages: readonly Message[],
): Promise<void> {
  const producer = kafkaOf(broker).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  await producer.send({ topic, messages: [...messages] });
  await producer.disconnect();
}

/** Appends records in a transaction, which takes an offset for its end in each partition. */
export async function produceInTransaction(
  broker: Brokers,
  topic: Topic,
  transaction: { readonly messages: readonly Message[]; readonly end: 'commit' | 'abort' },
): Promise<void> {
  const producer = kafkaOf(broker).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    transactionalId: 'shop',
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  const opened = await producer.transaction();
  await opened.send({ topic, messages: [...transaction.messages] });
  await opened[transaction.end]();
  await producer.disconnect();
}

/** Deletes everything that the topics of events hold. */
export function deleteRecords(broker: Brokers): Promise<void> {
  return withAdmin(broker, async (admin) => {
    for (const topic of Object.values(TOPIC_OF_EVENT)) {
      const offsets = await admin.fetchTopicOffsets(topic);
      const partitions = offsets
        .filter(({ high, low }) => high !== low)
        .map(({ partition, high }) => ({ partition, offset: high }));
      if (partitions.length > 0) await admin.deleteTopicRecords({ topic, partitions });
    }
  });
}

/**
 * Appends events as Avro single objects without a key, as another program does: ids are raw, partitions
 * those that come.
 */
export async function produceAvro(
  broker: Brokers,
  events: readonly SentEvent[],
  directory: string,
): Promise<void> {
  for (const [topic, some] of byTopic(events)) {
    const values = some.map(({ type, event }) => {
      const parsed = parseEvent(type, event, { nowMs: Date.now(), clockSkewMs: 0 });
      if (parsed.kind === 'rejected') throw new Error(parsed.message);
      return encodeEvent(topic, erase(parsed.event));
    });
    await produceValues(broker, topic, { values, directory });
  }
}

/** Appends events as lines of JSON. */
export async function produceJson(
  broker: Brokers,
  events: readonly SentEvent[],
  directory: string,
): Promise<void> {
  for (const [topic, some] of byTopic(events)) {
    const values = some.map(({ event }) => Buffer.from(JSON.stringify(event)));
    await produceValues(broker, topic, { values, directory });
  }
}

/** What kcat parts records by; no event holds it. */
const DELIMITER = '<next record>';

/** By kcat, or by another client where kcat is missing. */
async function produceValues(
  broker: Brokers,
  topic: Topic,
  { values, directory }: { readonly values: readonly Buffer[]; readonly directory: string },
): Promise<void> {
  if (!hasKcat) {
    await produce(
      broker,
      topic,
      values.map((value) => ({ value })),
    );
    return;
  }
  const file = join(directory, `${topic}.records`);
  writeFileSync(file, Buffer.concat(values.flatMap((value) => [value, Buffer.from(DELIMITER)])));
  const to = ['-P', '-b', broker.address, '-t', topic];
  await execute('kcat', [...to, '-D', DELIMITER, '-l', file]);
}

function byTopic(events: readonly SentEvent[]): ReadonlyMap<Topic, readonly SentEvent[]> {
  const topics = new Map<Topic, SentEvent[]>();
  for (const each of events) {
    const topic = TOPIC_OF_EVENT[each.type];
    topics.set(topic, [...(topics.get(topic) ?? []), each]);
  }
  return topics;
}

/** Every record of a topic that is there now, in the order of each partition. */
export async function consumeAll(broker: Brokers, topic: string): Promise<readonly string[]> {
  const offsets = await withAdmin(broker, (admin) => admin.fetchTopicOffsets(topic));
  const total = offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const values: string[] = [];
  if (total === 0) return values;
  const consumer = kafkaOf(broker).consumer({ groupId: `reader-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ message }) => {
      values.push(String(message.value));
      if (values.length >= total) resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return values;
}
