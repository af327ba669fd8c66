import type avro from 'avsc';

import type { AvroRecord } from './avro-schemas.ts';
import { compileSchema } from './bounded-array.ts';
import { fingerprintOf } from './fingerprint.ts';

/** The fingerprint that the header of a type's single objects carries. */
export function fingerprintOfType(type: avro.Type): Buffer {
  return fingerprintOf(JSON.stringify(type.schema()));
}

/**
 * How records that were written with other schemas are read as `reader`, by the fingerprint of those
 * in hexadecimal: new fields get their default, removed ones are passed over.
 *
 * @throws {Error} avsc's own, when one of them cannot be read; a test sees to it that all released ones can
 */
export function earlierReaders(
  reader: avro.Type,
  schemas: readonly AvroRecord[],
): ReadonlyMap<string, avro.Resolver> {
  const own = fingerprintOfType(reader).toString('hex');
  const readers = new Map<string, avro.Resolver>();
  for (const schema of schemas) {
    const writer = compileSchema(schema);
    const fingerprint = fingerprintOfType(writer).toString('hex');
    if (fingerprint !== own) readers.set(fingerprint, reader.createResolver(writer));
  }
  return readers;
}
