import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { AVRO_SCHEMAS, type AvroRecord } from '../../schemas/events/avro-schemas.ts';
import { compileSchema } from '../../schemas/events/bounded-array.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { EVENT_TYPES, type EventType, TOPIC_OF_EVENT } from '../../schemas/topics.ts';
import { SchemaRegistryDouble } from '../doubles/schema-registry.ts';
import { differencesOf } from '../integration/audit.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { rowsOf } from '../integration/tables.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { produce, produceAvro, produceJson } from './records.ts';
import { RunningNode } from './running-node.ts';
import {
  brokerOf,
  click,
  createTopics,
  expectTables,
  shopOf,
  variables,
  visitorOf,
} from './scene.ts';

const TIMEOUT_MS = 180_000;
const REGISTRY_PORT = Number(process.env['TEST_KAFKA_PORT'] ?? 18_200) + 9;
const [NEWEST] = KAFKA_VERSIONS;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** A registry that listens, and stops with the test. */
async function startRegistry(): Promise<{
  readonly double: SchemaRegistryDouble;
  readonly url: string;
}> {
  const double = new SchemaRegistryDouble();
  onTestFinished(() => double.close());
  return { double, url: await double.listen(REGISTRY_PORT) };
}

/** Registers a schema as a producer does, and gives its id. */
async function register(url: string, subject: string, schema: AvroRecord): Promise<number> {
  const answer = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  });
  const { id }: { readonly id: number } = erase(await answer.json());
  return id;
}

/** A record in Confluent's wire format. */
function encode(id: number, schema: AvroRecord, event: unknown): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, compileSchema(schema).toBuffer(event)]);
}

/** An event with all fields of its schema, as Avro's writers need it. */
function whole(type: EventType, event: unknown): unknown {
  const parsed = parseEvent(type, event, { nowMs: Date.now(), clockSkewMs: 0 });
  if (parsed.kind === 'rejected') throw new Error(parsed.message);
  return parsed.event;
}

/** Today's click without `without`, in the schema of another program. */
function shopSchema(...without: readonly string[]): AvroRecord {
  const { fields, ...rest } = AVRO_SCHEMAS['weir.clicks'];
  return {
    ...rest,
    namespace: 'com.example.shop',
    fields: [
      { name: 'basket_size', type: 'int' },
      ...fields.filter(({ name }) => !without.includes(name)),
    ],
  };
}

function shopClick(eventId: string, visitorId = 'visitor 7'): unknown {
  const fields = JSON.parse(click({ event_id: eventId, visitor_id: visitorId }));
  return Object.assign({ basket_size: 3 }, whole('click', fields));
}

describe.skipIf(skipped !== undefined)('with a real broker and a schema registry', () => {
  test(
    'Confluent Avro, single objects and JSON in the same topics give the tables of embedded mode',
    async () => {
      const shop = await shopOf(temporaryDirectory());
      const broker = await brokerOf(NEWEST);
      const { url } = await startRegistry();
      const dataDir = join(shop.directory, 'kafka');
      await createTopics(broker);
      const part = (at: number) => shop.events.filter((_, index) => index % 3 === at);
      await produceJson(broker, part(0), shop.directory);
      await produceAvro(broker, part(1), shop.directory);
      for (const type of EVENT_TYPES) {
        const topic = TOPIC_OF_EVENT[type];
        const schema = AVRO_SCHEMAS[topic];
        const id = await register(url, `${topic}-value`, schema);
        const some = part(2).filter((each) => each.type === type);
        const messages = some.map(({ event }) => ({
          value: encode(id, schema, whole(type, event)),
        }));
        if (messages.length > 0) await produce(broker, topic, messages);
      }
      const node = new RunningNode(
        { expected: shop.count },
        { ...variables(broker, dataDir), WEIR_SCHEMA_REGISTRY_URL: url },
      );
      expect(await node.ended).toMatchObject({
        exitCode: 0,
        stderr: '',
        last: { contributed: shop.count, dead_lettered: 0 },
      });
      await expectTables(dataDir, shop);
    },
    TIMEOUT_MS,
  );

  test(
    'old and new producers are read side by side; wrong schemas and unknown ids are dead letters',
    async () => {
      const broker = await brokerOf(NEWEST);
      const { url } = await startRegistry();
      const dataDir = join(temporaryDirectory(), 'kafka');
      await createTopics(broker);
      const [older, newer, broken] = [
        shopSchema('consent', 'server_side', 'signed_in'),
        shopSchema(),
        shopSchema('visitor_id'),
      ];
      const ids = await Promise.all(
        [older, newer, broken].map((schema, index) => register(url, `producer-${index}`, schema)),
      );
      const [olderId = 0, newerId = 0, brokenId = 0] = ids;
      const values = [
        encode(olderId, older, shopClick('older')),
        encode(newerId, newer, shopClick('newer')),
        encode(brokenId, broken, shopClick('broken')),
        encode(99, newer, shopClick('unknown')),
        encode(olderId, older, shopClick('older again')),
        encode(newerId, newer, shopClick('cut off')).subarray(0, -1),
      ];
      await produce(
        broker,
        'weir.clicks',
        values.map((value) => ({ value, partition: 1 })),
      );
      const node = new RunningNode(
        { expected: values.length },
        { ...variables(broker, dataDir), WEIR_SCHEMA_REGISTRY_URL: url },
      );
      expect(await node.ended).toMatchObject({
        exitCode: 0,
        last: { contributed: 3, dead_lettered: 3 },
      });
      const letters = await rowsOf(dataDir, 'SELECT code FROM weir.dead_letters ORDER BY code');
      expect(letters.map(({ code }) => code)).toEqual([
        'CONFLUENT_SCHEMA_INCOMPATIBLE',
        'CONFLUENT_SCHEMA_UNKNOWN',
        'WIRE_BODY_DAMAGED',
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    'while the registry is away known ids are read on, a partition with another one waits, and nothing is given up',
    async () => {
      const broker = await brokerOf(NEWEST);
      const { double, url } = await startRegistry();
      const dataDir = join(temporaryDirectory(), 'kafka');
      await createTopics(broker);
      const [older, newer] = [shopSchema('consent'), shopSchema()];
      const olderId = await register(url, 'older', older);
      const newerId = await register(url, 'newer', newer);
      const send = (partition: number, names: readonly string[], id: number, schema: AvroRecord) =>
        produce(
          broker,
          'weir.clicks',
          names.map((name) => ({
            value: encode(id, schema, shopClick(name, visitorOf(partition))),
            partition,
          })),
        );
      await send(0, ['first'], olderId, older);
      const node = new RunningNode(
        { expected: 7 },
        { ...variables(broker, dataDir), WEIR_SCHEMA_REGISTRY_URL: url },
      );
      expect(await node.took(1)).toBe(true);
      await double.close();
      // Partition 1: one that can be read, then two of a schema that nobody tells, then one more.
      await send(1, ['before'], olderId, older);
      await send(1, ['unknown', 'unknown too'], newerId, newer);
      await send(1, ['behind'], olderId, older);
      await send(0, ['known', 'known too'], olderId, older);
      expect(await node.took(4)).toBe(true);
      expect(double.requests).not.toContain(`GET /schemas/ids/${newerId}`);
      await double.listen(REGISTRY_PORT);
      expect(await node.ended).toMatchObject({
        exitCode: 0,
        last: { contributed: 7, dead_lettered: 0 },
      });
      expect(double.requests).toContain(`GET /schemas/ids/${newerId}`);
      const clicks = await rowsOf(dataDir, 'SELECT event_id FROM weir.clicks ORDER BY event_id');
      expect(clicks.map(({ event_id }) => event_id)).toEqual([
        'before',
        'behind',
        'first',
        'known',
        'known too',
        'unknown',
        'unknown too',
      ]);
      expect(await differencesOf(dataDir)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
