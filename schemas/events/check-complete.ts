import { erase } from '../brand.ts';
import { assert } from '../errors.ts';
import {
  type CheckedRecord,
  checkLength,
  checkScalar,
  isAbsent,
  rejectMissing,
} from './check-record.ts';
import type { FieldCheck, RecordCheck } from './record-check.ts';
import type { EventRejection } from './rejection.ts';

/**
 * Refuses what `checkRecord` refuses, of a record that has every field of its schema in the schema's
 * order, as reading Avro makes it. Nothing is copied and no name looked up: letting a record of another
 * program in takes a sixth less.
 *
 * @param path where the record stands, such as `lines[3].`; empty at the top
 */
export function checkComplete(
  check: RecordCheck,
  record: Readonly<CheckedRecord>,
  path: string,
): EventRejection | undefined {
  const values = Object.values(record);
  assert(values.length === check.fields.length, 'a complete record has every field of its schema');
  let requiredCount = 0;
  for (let index = 0; index < values.length; index += 1) {
    const field = check.fields[index];
    const given = values[index];
    if (field === undefined || isAbsent(given)) continue;
    if (field.isRequired) requiredCount += 1;
    const rejection =
      field.record === undefined
        ? checkScalar(field, given, path)
        : checkNested(field, field.record, given, path + field.name);
    if (rejection !== undefined) return rejection;
  }
  return requiredCount < check.requiredCount ? rejectMissing(check, record, path) : undefined;
}

function checkNested(
  field: FieldCheck,
  check: RecordCheck,
  given: unknown,
  path: string,
): EventRejection | undefined {
  if (field.content === 'record') return checkComplete(check, erase(given), `${path}.`);
  const items: readonly CheckedRecord[] = erase(given);
  const rejection = checkLength(items, path);
  if (rejection !== undefined) return rejection;
  for (const [index, item] of items.entries()) {
    const ofItem = checkComplete(check, item, `${path}[${index}].`);
    if (ofItem !== undefined) return ofItem;
  }
  return undefined;
}
