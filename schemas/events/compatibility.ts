import avro from 'avsc';

import { erase } from '../brand.ts';
import { messageOf } from '../errors.ts';
import type { AvroRecord } from './avro-schemas.ts';

/**
 * What keeps readers with `next` from reading records that were written with any of the `earlier`
 * schemas, one sentence for each of those, oldest first; empty when the change is allowed.
 *
 * @see Confluent Schema Registry manual, compatibility type BACKWARD_TRANSITIVE; Apache Avro 1.11
 *   specification, "Schema Resolution"
 */
export function backwardProblems(next: AvroRecord, earlier: readonly AvroRecord[]): string[] {
  const reader = avro.Type.forSchema(erase(next));
  const problems: string[] = [];
  for (const [index, schema] of earlier.entries()) {
    try {
      reader.createResolver(avro.Type.forSchema(erase(schema)));
    } catch (error) {
      problems.push(
        `Version ${index + 1} of ${schema.name} could no longer be read: ${messageOf(error)}`,
      );
    }
  }
  return problems;
}
