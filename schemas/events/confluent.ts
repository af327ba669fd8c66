import { erase } from '../brand.ts';
import { messageOf } from '../errors.ts';
import type { EventOfTopic, Topic } from '../topics.ts';
import { AVRO_SCHEMAS } from './avro-schemas.ts';
import { compileSchema } from './bounded-array.ts';
import { quote } from './rejection.ts';
import { type DeadLetter, type DecodeResult, deadLetter } from './wire.ts';
import { compileWriterSchema } from './writer-schema.ts';

/** A zero byte and the id of the writer's schema, big endian. */
const HEADER_BYTES = 5;
const FIRST = 0x00;

/** avsc's reason repeats whole schemas. */
const REASON_LENGTH_MAX = 300;

/** A schema as a registry has it. */
export interface RegisteredSchema {
  readonly id: number;
  /** The language of its text, such as AVRO or PROTOBUF. */
  readonly type: string;
  readonly schema: string;
}

/** Reads records of one topic in Confluent's wire format that were written with one schema. */
export type ConfluentReader = (bytes: Buffer) => DecodeResult<EventOfTopic[Topic]>;

/** The id of the schema that a record was written with; undefined when it has another format. */
export function schemaIdOf(bytes: Buffer): number | undefined {
  return bytes[0] === FIRST && bytes.length >= HEADER_BYTES ? bytes.readInt32BE(1) : undefined;
}

/**
 * How records with the writer's schema become today's events: by name, new fields with their default,
 * fields that we do not have passed over. The writer's namespace does not matter.
 *
 * @see Apache Avro 1.11 specification, "Schema Resolution"; Confluent Schema Registry manual, "Wire format"
 */
export function createConfluentReader(
  topic: Topic,
  writer: RegisteredSchema,
): { readonly kind: 'ok'; readonly read: ConfluentReader } | DeadLetter {
  if (writer.type !== 'AVRO') {
    return deadLetter(
      'CONFLUENT_SCHEMA_REFUSED',
      `Expected an Avro schema, got schema ${writer.id} of the registry in ${quote(writer.type)}`,
    );
  }
  const compiled = compileWriterSchema(writer.schema, {
    path: `schema ${writer.id} of the registry`,
    names: 'writers',
  });
  if (compiled.kind === 'rejected') return deadLetter('CONFLUENT_SCHEMA_REFUSED', compiled.message);
  const reader = compileSchema(AVRO_SCHEMAS[topic]);
  try {
    const resolver = reader.createResolver(compiled.type, { ignoreNamespaces: true });
    return {
      kind: 'ok',
      read: (bytes) => {
        try {
          const decoded: { value: unknown; offset: number } = reader.decode(
            bytes,
            HEADER_BYTES,
            resolver,
          );
          if (decoded.offset === bytes.length) return { kind: 'ok', event: erase(decoded.value) };
        } catch {
          // avsc throws on an enum index, union branch or long that the schema does not have.
        }
        return deadLetter(
          'WIRE_BODY_DAMAGED',
          `Expected a body in schema ${writer.id} of the registry, got other bytes`,
        );
      },
    };
  } catch (error) {
    return deadLetter(
      'CONFLUENT_SCHEMA_INCOMPATIBLE',
      `Expected a schema that can be read as ${topic}, got schema ${writer.id} of the registry: ` +
        messageOf(error).slice(0, REASON_LENGTH_MAX),
    );
  }
}
