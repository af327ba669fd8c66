import { expect, test } from 'vitest';

import type { EventRejection } from './rejection.ts';
import { type WriterSchema, compileWriterSchema } from './writer-schema.ts';

function compile(text: string, names: 'ours' | 'writers' = 'ours'): WriterSchema | EventRejection {
  return compileWriterSchema(text, { path: 'the schema', names });
}

function record(fields: unknown): string {
  return JSON.stringify({ type: 'record', name: 'shop.Click', fields });
}

test('a plain record is compiled under its own name', () => {
  const schema = compile(record([{ name: 'event_id', type: 'string' }]));
  expect(schema).toMatchObject({ kind: 'ok', name: 'Click' });
});

test('types may be doubled, optional and nested as writers in other languages do', () => {
  const line = {
    type: 'record',
    name: 'Line',
    fields: [{ name: 'sku', type: { type: 'string', 'avro.java.string': 'String' } }],
  };
  const schema = compile(
    record([
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'note', type: ['null', 'string'], default: null },
      { name: 'lines', type: { type: 'array', items: line } },
      { name: 'seq', type: 'int', aliases: ['number'] },
    ]),
  );
  expect(schema.kind).toBe('ok');
});

const deep = (levels: number): unknown =>
  levels === 0 ? 'string' : { type: 'array', items: deep(levels - 1) };

test.each([
  ['no JSON', '{'],
  ['no record', '"string"'],
  ['a record without fields', record([])],
  ['fields that are no list', record({})],
  ['a field name that is code', record([{ name: 'a;process.exit()', type: 'string' }])],
  [
    'a field named __proto__',
    '{"type":"record","name":"A","fields":[{"name":"__proto__","type":"string"}]}',
  ],
  ['a field named constructor', record([{ name: 'constructor', type: 'string' }])],
  [
    'an enum symbol that is code',
    record([{ name: 'a', type: { type: 'enum', name: 'E', symbols: ['a"b'] } }]),
  ],
  [
    'two fields of one name',
    record([
      { name: 'a', type: 'string' },
      { name: 'a', type: 'string' },
    ]),
  ],
  ['bytes', record([{ name: 'a', type: 'bytes' }])],
  ['a map', record([{ name: 'a', type: { type: 'map', values: 'string' } }])],
  [
    'a list of nothing, which a few bytes make endless',
    record([{ name: 'a', type: { type: 'array', items: 'null' } }]),
  ],
  [
    'a list of empty records',
    record([
      {
        name: 'a',
        type: {
          type: 'array',
          items: { type: 'record', name: 'B', fields: [{ name: 'n', type: 'null' }] },
        },
      },
    ]),
  ],
  ['a type that refers to itself', record([{ name: 'a', type: ['null', 'shop.Click'] }])],
  ['nesting without end', record([{ name: 'a', type: deep(100) }])],
  [
    'fields without end',
    record(Array.from({ length: 600 }, (_, index) => ({ name: `f${index}`, type: 'string' }))),
  ],
])('%s is refused', (_, text) => {
  for (const names of ['ours', 'writers'] as const) {
    expect(compile(text, names)).toMatchObject({
      kind: 'rejected',
      code: 'EVENT_AVRO_SCHEMA_REFUSED',
    });
  }
});

test('where the names of the writer count, a type may be named again after it is complete', () => {
  const consent = { type: 'record', name: 'Consent', fields: [{ name: 'given', type: 'boolean' }] };
  const twice = record([
    { name: 'first', type: consent },
    { name: 'second', type: ['null', 'shop.Consent'] },
  ]);
  expect(compile(twice, 'writers')).toMatchObject({ kind: 'ok', name: 'Click' });
  expect(compile(twice)).toMatchObject({ kind: 'rejected' });
});
