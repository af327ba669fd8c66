import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { erase } from '../brand.ts';
import { TOPICS_OF_STAGE, type Topic } from '../topics.ts';
import {
  AVRO_SCHEMAS,
  type AvroField,
  type AvroRecord,
  fileOf,
  releasedSchemas,
} from './avro-schemas.ts';
import { compileSchema } from './bounded-array.ts';
import { backwardProblems } from './compatibility.ts';
import { earlierReaders, fingerprintOfType } from './earlier-schemas.ts';
import { decodeEvent } from './wire.ts';

const TOPICS: readonly Topic[] = Object.values(TOPICS_OF_STAGE).flat();

/** One stored record of every released schema: its bytes, and what it must be read as for ever. */
const RECORDS: Readonly<
  Record<string, { readonly hex: string; readonly event: object } | undefined>
> = erase(JSON.parse(readFileSync(new URL('released/records.json', import.meta.url), 'utf8')));

test.each(TOPICS)('today’s schema of %s is the newest released one', (topic) => {
  const schemas = releasedSchemas(topic);
  const newest = schemas.at(-1);
  const today = AVRO_SCHEMAS[topic];
  const how = `${fileOf(today)}.avsc has changed: copy it to released/${fileOf(today)}.${schemas.length + 1}.avsc, and add a record of it to released/records.json`;
  expect(newest, how).toBeDefined();
  const fingerprints = [today, newest ?? today].map((each) =>
    fingerprintOfType(compileSchema(each)).toString('hex'),
  );
  expect(fingerprints[0], how).toBe(fingerprints[1]);
});

test.each(TOPICS)('every released schema of %s can be read', (topic) => {
  expect(backwardProblems(AVRO_SCHEMAS[topic], releasedSchemas(topic))).toEqual([]);
});

test.each(
  TOPICS.flatMap((topic) =>
    releasedSchemas(topic).map((each, index) => [topic, `${fileOf(each)}.${index + 1}`] as const),
  ),
)('a stored record of %s in the schema %s is read as it was written', (topic, name) => {
  const record = RECORDS[name];
  expect(record, `released/records.json has no ${name}`).toBeDefined();
  expect(decodeEvent(topic, Buffer.from(record?.hex ?? '', 'hex'))).toMatchObject({
    kind: 'ok',
    event: record?.event,
  });
});

function schema(...fields: readonly AvroField[]): AvroRecord {
  return { type: 'record', name: 'Click', namespace: 'weir.events', fields };
}

const ID: AvroField = { name: 'event_id', type: 'string' };
const OLD_LIST: AvroField = { name: 'old', type: { type: 'array', items: 'string' } };
const NEW: AvroField = { name: 'new', type: ['null', 'string'], default: null };
const COUNT = (type: 'int' | 'long'): AvroField => ({ name: 'count', type });

test('a record of an earlier schema gets defaults for new fields and loses removed ones', () => {
  const writer = compileSchema(schema(OLD_LIST, COUNT('int'), ID));
  const reader = compileSchema(schema(ID, NEW, COUNT('long')));
  const [[fingerprint, resolver] = []] = earlierReaders(reader, [
    schema(OLD_LIST, COUNT('int'), ID),
    schema(ID, NEW, COUNT('long')),
  ]);
  expect(fingerprint).toBe(fingerprintOfType(writer).toString('hex'));
  const bytes = writer.toBuffer({ event_id: 'a', count: 7, old: ['b', 'c'] });
  const decoded = reader.decode(bytes, 0, resolver);
  expect(decoded).toMatchObject({ offset: bytes.length });
  expect({ ...decoded.value }).toEqual({ event_id: 'a', new: null, count: 7 });
});

test.each([
  ['a count without end', 'feffffffffffff0f'],
  ['a block that ends before it begins', '0103'],
  ['items that lead back', '040301'],
])('a removed list with %s is damage and costs nothing', (_, hex) => {
  const writer = compileSchema(schema(OLD_LIST, ID));
  const reader = compileSchema(schema(ID));
  const resolver = reader.createResolver(writer);
  const decoded = reader.decode(Buffer.from(`${hex}000261`, 'hex'), 0, resolver);
  expect(decoded.offset).toBe(-1);
});
