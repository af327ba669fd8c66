import type avro from 'avsc';

import { compileSchema } from './bounded-array.ts';
import { isObject } from './check-record.ts';
import { type EventRejection, quote, reject } from './rejection.ts';

/** Deepest nesting of a writer's schema; ours need four levels. */
const SCHEMA_DEPTH_MAX = 8;

/** Most fields in all records of a writer's schema; our largest has 30. */
const SCHEMA_FIELDS_MAX = 512;

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'string',
]);

/** Names that would change what a decoded object is. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export interface WriterSchema {
  readonly kind: 'ok';
  readonly type: avro.Type;
  /** The record's name without its namespace, such as `Click`. */
  readonly name: string;
}

/** What a schema from outside is read for. */
export interface WriterSchemaUse {
  /** Where it stands, for messages. */
  readonly path: string;
  /**
   * What its types are called in the copy: names of ours, under which any writer's can be read for
   * its fields alone; or the writer's, without namespace, by which Avro compares it with a reader.
   */
  readonly names: 'ours' | 'writers';
}

/**
 * Compiles the schema that a writer brings along. avsc turns schemas into code, so a schema from
 * outside is not handed to it: its plain parts are copied into a new one after their names were
 * checked, and everything else (defaults, aliases, maps, bytes) is refused or left out.
 */
export function compileWriterSchema(
  text: string,
  use: WriterSchemaUse,
): WriterSchema | EventRejection {
  const refuse = (expected: string, got: string): EventRejection =>
    reject('EVENT_AVRO_SCHEMA_REFUSED', { expected, got, path: use.path });
  const copier = new SchemaCopier(use.names === 'writers');
  try {
    const schema: unknown = JSON.parse(text);
    if (!isObject(schema) || schema['type'] !== 'record') return refuse('a record', 'another type');
    const copy = copier.copy(schema, 0);
    return { kind: 'ok', type: compileSchema(copy), name: unqualified(schema['name']) };
  } catch (error) {
    if (error instanceof SchemaRefused) return refuse(error.expected, error.got);
    return refuse('an Avro schema', 'text that is none');
  }
}

/** Leaves the recursion below; never leaves this file. */
class SchemaRefused extends Error {
  readonly expected: string;
  readonly got: string;

  constructor(expected: string, got: string) {
    super(expected);
    this.expected = expected;
    this.got = got;
  }
}

class SchemaCopier {
  readonly #keepsNames: boolean;
  /** Kept names of types that are complete, which later fields may refer to. */
  readonly #known = new Set<string>();
  #fieldCount = 0;
  #nameCount = 0;

  constructor(keepsNames: boolean) {
    this.#keepsNames = keepsNames;
  }

  copy(schema: unknown, depth: number): unknown {
    if (depth > SCHEMA_DEPTH_MAX)
      throw new SchemaRefused(`at most ${SCHEMA_DEPTH_MAX} levels`, 'more');
    if (typeof schema === 'string') return this.#primitive(schema);
    if (Array.isArray(schema)) return schema.map((branch) => this.copy(branch, depth + 1));
    if (!isObject(schema)) throw new SchemaRefused('an Avro type', 'another value');
    const { type } = schema;
    if (type === 'record') return this.#record(schema, depth);
    if (type === 'enum') return this.#enum(schema);
    if (type === 'array') return this.#array(schema, depth);
    // `{ "type": "long", "logicalType": … }`, and the doubled form some writers use.
    return this.copy(type, depth + 1);
  }

  #primitive(name: string): string {
    if (this.#known.has(unqualified(name))) return unqualified(name);
    if (!PRIMITIVES.has(name)) {
      throw new SchemaRefused(`${[...PRIMITIVES].join(', ')}, record, enum or array`, quote(name));
    }
    return name;
  }

  #record(schema: Readonly<Record<string, unknown>>, depth: number): unknown {
    const { fields } = schema;
    if (!Array.isArray(fields) || fields.length === 0) throw new SchemaRefused('fields', 'none');
    this.#fieldCount += fields.length;
    if (this.#fieldCount > SCHEMA_FIELDS_MAX)
      throw new SchemaRefused(`at most ${SCHEMA_FIELDS_MAX} fields`, 'more');
    const name = this.#nameOf(schema);
    const copies = fields.map((field: unknown) => {
      if (!isObject(field)) throw new SchemaRefused('a field', 'another value');
      return { name: checkedName(field['name']), type: this.copy(field['type'], depth + 1) };
    });
    if (this.#keepsNames) this.#known.add(name);
    return { type: 'record', name, fields: copies };
  }

  #enum(schema: Readonly<Record<string, unknown>>): unknown {
    const { symbols } = schema;
    if (!Array.isArray(symbols)) throw new SchemaRefused('symbols', 'none');
    const name = this.#nameOf(schema);
    if (this.#keepsNames) this.#known.add(name);
    return { type: 'enum', name, symbols: symbols.map(checkedName) };
  }

  #array(schema: Readonly<Record<string, unknown>>, depth: number): unknown {
    const items = this.copy(schema['items'], depth + 1);
    // Items of no bytes would let a few bytes stand for a list without end.
    if (isEmptyOnWire(items)) throw new SchemaRefused('items that take room', 'null');
    return { type: 'array', items };
  }

  /** The writer's names might clash with each other or with avsc's own: ours do not. */
  #nameOf(schema: Readonly<Record<string, unknown>>): string {
    if (this.#keepsNames) return checkedName(unqualified(schema['name']));
    this.#nameCount += 1;
    return `Type${this.#nameCount}`;
  }
}

/** The part of a name after its namespace. */
function unqualified(name: unknown): string {
  return typeof name === 'string' ? (name.split('.').at(-1) ?? '') : '';
}

function isEmptyOnWire(schema: unknown): boolean {
  if (schema === 'null') return true;
  if (!isObject(schema) || !Array.isArray(schema['fields'])) return false;
  return schema['fields'].every(
    (field: unknown) => isObject(field) && isEmptyOnWire(field['type']),
  );
}

function checkedName(name: unknown): string {
  if (
    typeof name !== 'string' ||
    !/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) ||
    FORBIDDEN_NAMES.has(name)
  ) {
    throw new SchemaRefused(
      'a plain name',
      typeof name === 'string' ? quote(name) : 'another value',
    );
  }
  return name;
}
