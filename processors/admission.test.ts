import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterAll, expect, test } from 'vitest';

import { erase } from '../schemas/brand.ts';
import { decodeEvent } from '../schemas/events/wire.ts';
import { SchemaRegistryDouble } from '../test/doubles/schema-registry.ts';
import { recordSet } from '../test/kafka/record-set.ts';
import { AdmissionThread } from './admission.ts';
import { loadConfig } from './config.ts';
import { createAdmission } from './door/foreign.ts';
import { createTokeniser } from './door/tokeniser.ts';
import { type Converted, type FetchedFrom, convertRecords } from './engine/log/kafka-batch.ts';

const SECRET = Buffer.alloc(32, 'a secret of the tests');
const FROM: FetchedFrom = {
  topic: 'weir.clicks',
  partition: 1,
  firstOffset: 0,
  nextOffset: 40,
  appendedAtMs: 7,
};

const registry = new SchemaRegistryDouble();
const url = await registry.listen(0);
const config = loadConfig({ file: undefined, environment: { WEIR_SCHEMA_REGISTRY_URL: url } });
const thread = new AdmissionThread({ config, tokenSecret: SECRET });
afterAll(async () => {
  await thread.close();
  await registry.close();
});

function click(offset: number, visitor: string): { offset: number; value: Buffer } {
  const event = {
    event_id: `click-${offset}`,
    occurred_at: Date.UTC(2026, 0, 1) + offset,
    source: 'shop',
    visitor_id: visitor,
    kind: 'page_view',
    channel: 'dtc',
  };
  return { offset, value: Buffer.from(JSON.stringify(event)) };
}

/** Batches with their records' bytes apart, so that they compare wherever they lie. */
function shown({ batches, moved, nextOffset }: Converted) {
  return {
    nextOffset,
    batches: batches.map(({ bytes, starts, ends, ...batch }) => ({
      ...batch,
      values: Array.from(starts, (start, index) => bytes.toString('hex', start, ends[index])),
    })),
    moved: moved.map(({ values, ...batch }) => ({
      ...batch,
      values: values.map((value) => Buffer.from(value).toString('hex')),
    })),
  };
}

test('records become in the thread what they become here: batches, refusals and moves', async () => {
  const records = Array.from({ length: 40 }, (_, offset) =>
    offset % 10 === 9
      ? { offset, value: Buffer.from('{"visitor_id":') }
      : click(offset, `visitor ${offset % 7}`),
  );
  const here = convertRecords(
    [recordSet(records)],
    FROM,
    createAdmission({
      tokeniser: createTokeniser(SECRET),
      partitionCounts: { visitor: config.partitions, sku: config.partitions },
      eventBytesMax: config.ingest.event_bytes_max,
      confluent: undefined,
    }),
  );
  const there = await thread.convert([recordSet(records)], FROM);
  expect(shown(there)).toEqual(shown(here));
  expect(there.moved.length).toBeGreaterThan(0);
  expect(there.batches.some(({ refused }) => refused !== undefined)).toBe(true);
  const [first] = there.batches;
  expect(
    decodeEvent('weir.clicks', first?.bytes ?? Buffer.alloc(0), 0, first?.ends[0]),
  ).toMatchObject({
    kind: 'ok',
  });
});

test('a record of a schema that nobody knows yet waits until the registry has told', async () => {
  const confluent = Buffer.from([0, 0, 0, 0, 99, 1]);
  const set = () => recordSet([click(0, 'visitor 1'), { offset: 1, value: confluent }]);
  const { until, nextOffset } = await thread.convert([set()], { ...FROM, nextOffset: 2 });
  expect(nextOffset).toBe(1);
  await until;
  const { batches } = await thread.convert([set()], { ...FROM, nextOffset: 2 });
  expect(batches.at(-1)?.refused?.get(0) ?? batches.at(-1)?.refused?.get(1)).toMatchObject({
    code: 'CONFLUENT_SCHEMA_UNKNOWN',
  });
});

test('a stretch without records can be handed over again and again', async () => {
  for (const firstOffset of [0, 5]) {
    const from = { ...FROM, firstOffset, nextOffset: firstOffset + 5 };
    const { batches } = await thread.convert([], from);
    expect(batches).toMatchObject([{ firstOffset, count: 0, nextOffset: firstOffset + 5 }]);
  }
});

test('what has been handed out is not kept', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = erase(runInNewContext('gc'));
  const converted = async () =>
    new WeakRef(await thread.convert([recordSet([click(0, 'visitor 1')])], FROM));
  const kept = await converted();
  await nextTurn();
  collect();
  expect(kept.deref()).toBeUndefined();
});

test('when the thread ends, whoever waits for it is told', async () => {
  const ending = new AdmissionThread({ config, tokenSecret: SECRET });
  const converting = ending.convert([recordSet([click(0, 'visitor 1')])], FROM);
  await Promise.all([
    expect(converting).rejects.toThrow('Expected the thread of the door to go on'),
    ending.close(),
  ]);
});
