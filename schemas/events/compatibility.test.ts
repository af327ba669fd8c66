import { expect, test } from 'vitest';

import { AVRO_SCHEMAS, type AvroField, type AvroRecord } from './avro-schemas.ts';
import { backwardProblems } from './compatibility.ts';

function schema(...fields: readonly AvroField[]): AvroRecord {
  return { type: 'record', name: 'Click', namespace: 'weir.events', fields };
}

const ID: AvroField = { name: 'event_id', type: 'string' };
const KIND = (...symbols: readonly string[]): AvroField => ({
  name: 'kind',
  type: { type: 'enum', name: 'Kind', symbols },
});
const REGION: AvroField = { name: 'region', type: ['null', 'string'], default: null };

test.each([
  ['no change', schema(ID), schema(ID)],
  ['a new optional field', schema(ID), schema(ID, REGION)],
  ['a removed field', schema(ID, REGION), schema(ID)],
  ['another order of fields', schema(ID, REGION), schema(REGION, ID)],
  ['a wider number', schema({ name: 'n', type: 'int' }), schema({ name: 'n', type: 'long' })],
  [
    'a required field that becomes optional',
    schema(ID, { name: 'n', type: 'long' }),
    schema(ID, { name: 'n', type: ['null', 'long'], default: null }),
  ],
  ['a new symbol', schema(KIND('a')), schema(KIND('a', 'b'))],
])('%s is allowed', (_, earlier, next) => {
  expect(backwardProblems(next, [earlier])).toEqual([]);
});

test.each([
  ['a new required field', schema(ID), schema(ID, { name: 'n', type: 'long' })],
  ['a renamed field', schema({ name: 'a', type: 'string' }), schema({ name: 'b', type: 'string' })],
  ['a narrower number', schema({ name: 'n', type: 'long' }), schema({ name: 'n', type: 'int' })],
  ['another type', schema({ name: 'n', type: 'long' }), schema({ name: 'n', type: 'string' })],
  [
    'an optional field that becomes required',
    schema(ID, REGION),
    schema(ID, { name: 'region', type: 'string' }),
  ],
  ['a removed symbol', schema(KIND('a', 'b')), schema(KIND('a'))],
])('%s is refused', (_, earlier, next) => {
  expect(backwardProblems(next, [earlier])).toHaveLength(1);
});

test('a schema must read all earlier versions, not only the last one', () => {
  const problems = backwardProblems(schema(REGION), [
    schema({ name: 'region', type: 'long' }),
    schema(REGION),
  ]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('Version 1 of Click could no longer be read');
});

test('every schema of Weir reads what it writes', () => {
  for (const current of Object.values(AVRO_SCHEMAS))
    expect(backwardProblems(current, [current])).toEqual([]);
});
