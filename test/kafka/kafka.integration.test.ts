import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import { differencesOf } from '../integration/audit.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { rowsOf } from '../integration/tables.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import {
  deleteRecords,
  produce,
  produceAvro,
  produceInTransaction,
  produceJson,
  withAdmin,
  writeEvents,
} from './records.ts';
import { RunningNode } from './running-node.ts';
import {
  brokerOf,
  click,
  createTopics,
  expectTables,
  idsOf,
  linkedShopOf,
  shopOf,
  variables,
  visitorOf,
} from './scene.ts';

const TIMEOUT_MS = 180_000;
const [NEWEST] = KAFKA_VERSIONS;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** What every click in Avro begins with: marker and fingerprint. */
function headerOfClicks(): Buffer {
  const parsed = parseEvent('click', JSON.parse(click({})), { nowMs: Infinity, clockSkewMs: 0 });
  if (parsed.kind === 'rejected') throw new Error(parsed.message);
  return encodeEvent('weir.clicks', erase(parsed.event)).subarray(0, 10);
}

/** The header of a click, and a body that is none. */
const BROKEN_AVRO = Buffer.concat([headerOfClicks(), Buffer.from([0xff, 0xff, 0xff])]);

describe.skipIf(skipped !== undefined)('with a real broker', () => {
  test.each(KAFKA_VERSIONS)(
    'Kafka %s: JSON and Avro of other programs and records of our own door give the tables of embedded mode',
    async (version) => {
      const shop = await linkedShopOf(temporaryDirectory());
      const broker = await brokerOf(version);
      const dataDir = join(shop.directory, 'kafka');
      const third = Math.ceil(shop.events.length / 3);
      const [json, avro, own] = [0, 1, 2].map((at) =>
        shop.events.filter((_, index) => Math.floor(index / third) === at),
      );
      const file = writeEvents(join(shop.directory, 'own.ndjson'), own ?? []);
      await createTopics(broker);
      await produceJson(broker, json ?? [], shop.directory);
      await produceAvro(broker, avro ?? [], shop.directory);
      const node = new RunningNode({ file, expected: shop.count }, variables(broker, dataDir));
      expect(await node.ended).toMatchObject({
        exitCode: 0,
        stderr: '',
        last: { contributed: shop.count, late: 0, dead_lettered: 0, quarantined: 0 },
      });
      await expectTables(dataDir, shop);
    },
    TIMEOUT_MS,
  );

  test(
    'while the broker is away the door refuses, and afterwards nothing is missing or doubled',
    async () => {
      const shop = await shopOf(temporaryDirectory());
      const broker = await brokerOf(NEWEST);
      const dataDir = join(shop.directory, 'kafka');
      const { file } = shop;
      const node = new RunningNode({ file, expected: shop.count }, variables(broker, dataDir));
      expect(await node.took(shop.count / 10)).toBe(true);
      await broker.stop('SIGKILL');
      expect(await node.said((line) => line === 'KAFKA_UNREACHABLE')).toBe(true);
      await broker.resume();
      const { exitCode, last } = await node.ended;
      expect({ exitCode, last }).toMatchObject({ exitCode: 0, last: { contributed: shop.count } });
      await expectTables(dataDir, shop);
    },
    TIMEOUT_MS,
  );

  test(
    'a process that is killed twice goes on from its checkpoint, and nothing is missing or doubled',
    async () => {
      const shop = await shopOf(temporaryDirectory());
      const broker = await brokerOf(NEWEST);
      const dataDir = join(shop.directory, 'kafka');
      const { file, count } = shop;
      const killed = new RunningNode({ file, expected: count }, variables(broker, dataDir));
      expect(await killed.took(count / 4)).toBe(true);
      killed.kill();
      expect((await killed.ended).signal).toBe('SIGKILL');
      // What the door had not acknowledged is sent again, by another program.
      await produceJson(broker, shop.events, shop.directory);
      const again = new RunningNode({ expected: count }, variables(broker, dataDir));
      expect(await again.took(count / 2)).toBe(true);
      again.kill();
      expect((await again.ended).signal).toBe('SIGKILL');
      const last = new RunningNode({ expected: count }, variables(broker, dataDir));
      expect(await last.ended).toMatchObject({
        exitCode: 0,
        last: { contributed: count, late: 0, dead_lettered: 0, quarantined: 0 },
      });
      await expectTables(dataDir, shop);
    },
    TIMEOUT_MS,
  );

  test(
    'records that are no events become dead letters with a reason, and hold nothing up',
    async () => {
      const directory = temporaryDirectory();
      const broker = await brokerOf(NEWEST);
      const dataDir = join(directory, 'kafka');
      await createTopics(broker);
      const poison: readonly (readonly [string, string | Buffer | null])[] = [
        ['WIRE_JSON_MALFORMED', '{"event_id":'],
        ['WIRE_JSON_MALFORMED', click({}).replace(/"occurred_at":\d+/, '"occurred_at":NaN')],
        ['WIRE_BODY_DAMAGED', BROKEN_AVRO],
        ['CONFLUENT_NEEDS_REGISTRY', Buffer.from([0, 0, 0, 0, 7, 2, 65])],
        ['WIRE_FORMAT_UNKNOWN', Buffer.from([0x7f, 1, 2, 3])],
        ['WIRE_EMPTY', null],
        ['EVENT_TOO_LARGE', click({ url: 'x'.repeat(2_000_000) })],
        ['EVENT_TOO_DEEP', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`],
        ['EVENT_TEXT_INVALID', click({ campaign: '\ud800' })],
        ['EVENT_TEXT_INVALID', click({ campaign: 'a\0b' })],
        ['EVENT_FIELD_FORBIDDEN', click({}).replace('{', '{"__proto__":{"kind":"click"},')],
        ['EVENT_NUMBER_INVALID', click({}).replace(/"occurred_at":\d+/, '"occurred_at":1e999')],
      ];
      // Of a name that comes twice the last counts, as everywhere in JSON.
      const twice = click({}).replace('{', '{"channel":"amazon",');
      await produce(
        broker,
        'weir.clicks',
        [...poison.map(([, value]) => value), twice].map((value) => ({ value, partition: 0 })),
      );
      await produce(broker, 'weir.internal.sku', [{ value: click({}), partition: 0 }]);
      const node = new RunningNode(
        { expected: poison.length + 1 },
        { ...variables(broker, dataDir), WEIR_LOG_LEVEL: 'debug' },
      );
      const { stderr, ...ended } = await node.ended;
      expect(ended).toMatchObject({
        exitCode: 0,
        last: { contributed: 1, dead_lettered: poison.length },
      });
      expect(stderr).not.toMatch(/visitor 7|shop\.example/);
      const letters = await rowsOf(
        dataDir,
        `SELECT code, toUInt32(offset) AS offset, payload, message FROM weir.dead_letters
         WHERE topic = 'weir.clicks' ORDER BY offset`,
      );
      expect(letters.map(({ code, offset, payload }) => ({ code, offset, payload }))).toEqual(
        poison.map(([code, value], offset) => ({
          code,
          offset,
          payload: Buffer.from(value ?? '').toString('base64'),
        })),
      );
      expect(JSON.stringify(letters.map(({ message }) => message))).not.toContain('visitor 7');
      const [internal] = await rowsOf(
        dataDir,
        "SELECT code FROM weir.dead_letters WHERE topic != 'weir.clicks'",
      );
      expect(internal).toEqual({ code: 'WIRE_TOPIC_INTERNAL' });
      expect(await rowsOf(dataDir, 'SELECT channel FROM weir.clicks')).toEqual([
        { channel: 'dtc' },
      ]);
      expect(await differencesOf(dataDir)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'the ends of transactions and what was aborted count as nothing',
    async () => {
      const directory = temporaryDirectory();
      const broker = await brokerOf(NEWEST);
      const dataDir = join(directory, 'kafka');
      await createTopics(broker);
      for (const [id, end] of [
        ['a', 'commit'],
        ['b', 'abort'],
        ['c', 'commit'],
        ['d', 'abort'],
      ] as const) {
        const messages = [0, 1, 2, 3].map((partition) => ({
          partition,
          value: click({ event_id: `${id}${partition}` }),
        }));
        await produceInTransaction(broker, 'weir.clicks', { messages, end });
      }
      const node = new RunningNode({ expected: 8 }, variables(broker, dataDir));
      expect(await node.ended).toMatchObject({ exitCode: 0, last: { contributed: 8 } });
      expect(await differencesOf(dataDir)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'a topic that gets more partitions stops the run and the next start, and what was taken stays right',
    async () => {
      const directory = temporaryDirectory();
      const broker = await brokerOf(NEWEST);
      const dataDir = join(directory, 'kafka');
      const visitors = [0, 1, 2, 3].map((partition) => visitorOf(partition));
      const events = visitors.map((visitor_id) => ({
        type: 'click' as const,
        event: erase<unknown>(JSON.parse(click({ event_id: visitor_id, visitor_id }))),
      }));
      const file = writeEvents(join(directory, 'clicks.ndjson'), events);
      const first = new RunningNode({ file, expected: 4 }, variables(broker, dataDir));
      expect(await first.ended).toMatchObject({ exitCode: 0, last: { contributed: 4 } });
      const node = new RunningNode({ expected: Infinity }, variables(broker, dataDir));
      expect(await node.took(4)).toBe(true);
      const topicPartitions = [{ topic: 'weir.orders', count: 5 }];
      await withAdmin(broker, (admin) => admin.createPartitions({ topicPartitions }));
      const stopped = { exitCode: 1, last: { code: 'LOG_PARTITION_COUNT_CHANGED' } };
      expect(await node.ended).toMatchObject(stopped);
      const next = new RunningNode({ expected: Infinity }, variables(broker, dataDir));
      expect(await next.ended).toMatchObject(stopped);
      const stored = await rowsOf(dataDir, 'SELECT event_id FROM weir.clicks ORDER BY event_id');
      expect(stored).toEqual(visitors.toSorted().map((event_id) => ({ event_id })));
      expect(await differencesOf(dataDir)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'records that were deleted unread stop the start, or are passed over as configured',
    async () => {
      const shop = await shopOf(temporaryDirectory());
      const broker = await brokerOf(NEWEST);
      const dataDir = join(shop.directory, 'kafka');
      const third = Math.ceil(shop.events.length / 3);
      const read = shop.events.slice(0, third);
      const deleted = shop.events.slice(third, 2 * third);
      const kept = shop.events.slice(2 * third);
      const file = writeEvents(join(shop.directory, 'read.ndjson'), read);
      const { size } = idsOf(read);
      const first = new RunningNode({ file, expected: size }, variables(broker, dataDir));
      expect(await first.ended).toMatchObject({ exitCode: 0, last: { contributed: size } });
      await produceAvro(broker, deleted, shop.directory);
      await deleteRecords(broker);
      await produceAvro(broker, kept, shop.directory);
      const failed = new RunningNode({ expected: Infinity }, variables(broker, dataDir));
      expect(await failed.ended).toMatchObject({
        exitCode: 1,
        last: { code: 'LOG_OFFSET_OUT_OF_RANGE' },
      });
      const count = idsOf([...read, ...kept]).size;
      const passing = new RunningNode(
        { expected: count },
        { ...variables(broker, dataDir), WEIR_KAFKA_ON_GAP: 'earliest' },
      );
      expect(await passing.ended).toMatchObject({ exitCode: 0, last: { contributed: count } });
      expect(await differencesOf(dataDir)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
