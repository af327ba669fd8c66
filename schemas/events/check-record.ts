import { assert } from '../errors.ts';
import { isCurrency } from '../money.ts';
import type { FieldCheck, RecordCheck } from './record-check.ts';
import { type EventRejection, describe, quote, reject } from './rejection.ts';

/** Deepest nesting of a value before it is called too deep instead of wrongly typed. */
const NESTING_MAX = 16;

/** Instants lie before the year 10000, where ISO 8601's four-digit years end. */
const INSTANT_MS_MAX = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Whole numbers stay below 2^52: avsc writes and reads those exactly, and reads every one beyond
 * as something at or beyond it, so that none comes in wrong unnoticed.
 */
const INTEGER_MAX = 2 ** 52 - 1;

/** Names that would change what an object is instead of what it holds. */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** An object that is neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What checking leaves behind: every field of the schema in its order, absent ones as their default. */
export type CheckedRecord = Record<string, unknown>;

/**
 * Checks `value` against `check` and copies its fields into a new object whose fields always come in
 * the schema's order: objects of one shape are what makes encoding them fast. That is also why it
 * begins as a copy of the absent fields: an object that is given a dozen fields by name one after the
 * other becomes a hash table, which takes twice as long to encode.
 *
 * @param path where the value stands, such as `lines[3].`; empty at the top
 */
export function checkRecord(
  check: RecordCheck,
  value: unknown,
  path: string,
): CheckedRecord | EventRejection {
  if (!isObject(value)) {
    const place = path === '' ? 'the event' : path.slice(0, -1);
    return rejectValue('EVENT_NOT_AN_OBJECT', {
      expected: 'an object',
      value,
      isShown: false,
      path: place,
    });
  }
  const record: CheckedRecord = { ...check.absent };
  let requiredCount = 0;
  for (const name of Object.keys(value)) {
    const given = value[name];
    const field = check.fieldOf.get(name);
    if (field === undefined) return rejectName(name, given, path);
    if (isAbsent(given)) continue;
    if (field.isRequired) requiredCount += 1;
    if (field.record === undefined) {
      const rejection = checkScalar(field, given, path);
      // An unknown field is told first: it often explains the others.
      if (rejection !== undefined) return rejectUnknown(check, value, path) ?? rejection;
      record[name] = given;
    } else {
      const nested = checkNested(field, field.record, given, path + name);
      if (isRejection(nested)) return rejectUnknown(check, value, path) ?? nested;
      record[name] = nested;
    }
  }
  if (requiredCount < check.requiredCount) return rejectMissing(check, value, path);
  // Only the event's own rules know when an empty list has too few.
  for (const name of check.listNames) record[name] ??= [];
  return record;
}

/**
 * Whether a check refused. Only for what a check returned, never for a value from outside: a checked
 * record's `kind` is one of its enum's symbols, an unchecked one's may be anything.
 */
export function isRejection(
  result: CheckedRecord | CheckedRecord[] | EventRejection,
): result is EventRejection {
  return 'kind' in result && result.kind === 'rejected';
}

/** Most lines of one order; the largest invoice of the Online Retail sample has 687. */
export const LIST_LENGTH_MAX = 1_000;

function checkNested(
  field: FieldCheck,
  check: RecordCheck,
  given: unknown,
  path: string,
): CheckedRecord | CheckedRecord[] | EventRejection {
  if (field.content === 'record') return checkRecord(check, given, `${path}.`);
  if (!Array.isArray(given)) {
    return rejectValue('EVENT_FIELD_TYPE', {
      expected: 'a list',
      value: given,
      isShown: false,
      path,
    });
  }
  const rejection = checkLength(given, path);
  if (rejection !== undefined) return rejection;
  const items: CheckedRecord[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const item = checkRecord(check, given[index], `${path}[${index}].`);
    if (isRejection(item)) return item;
    items.push(item);
  }
  return items;
}

/** Refuses a list that is too long. */
export function checkLength(list: readonly unknown[], path: string): EventRejection | undefined {
  if (list.length <= LIST_LENGTH_MAX) return undefined;
  return reject('EVENT_LINES_TOO_MANY', {
    expected: `at most ${LIST_LENGTH_MAX} lines`,
    got: `${list.length}`,
    path,
  });
}

/** Checks the value of a field that is no record and no list. */
export function checkScalar(
  field: FieldCheck,
  given: unknown,
  path: string,
): EventRejection | undefined {
  switch (field.content) {
    case 'id':
    case 'label':
    case 'text':
      return typeof given === 'string'
        ? checkText(field, given, path)
        : wrongType(field, given, path);
    case 'currency':
      if (typeof given !== 'string') return wrongType(field, given, path);
      if (isCurrency(given)) return undefined;
      return reject('EVENT_CURRENCY_UNKNOWN', {
        expected: 'an ISO 4217 currency code',
        got: quote(given),
        path: path + field.name,
      });
    case 'enum':
      if (typeof given !== 'string') return wrongType(field, given, path);
      if (field.symbols.has(given)) return undefined;
      return reject('EVENT_VALUE_UNKNOWN', {
        expected: `one of ${[...field.symbols].join(', ')}`,
        got: quote(given),
        path: path + field.name,
      });
    case 'integer':
    case 'instant':
    case 'double':
      return typeof given === 'number'
        ? checkNumber(field, given, path)
        : wrongType(field, given, path);
    case 'boolean':
      return typeof given === 'boolean' ? undefined : wrongType(field, given, path);
    case 'record':
    case 'list':
      // Taken apart by the caller.
      return undefined;
  }
}

function checkText(field: FieldCheck, text: string, path: string): EventRejection | undefined {
  const at = path + field.name;
  if (text.length > field.lengthMax) {
    const code = field.content === 'id' ? 'EVENT_ID_TOO_LONG' : 'EVENT_TEXT_TOO_LONG';
    return reject(code, {
      expected: `at most ${field.lengthMax} characters`,
      got: `${text.length}`,
      path: at,
    });
  }
  if (text.length === 0 && field.content === 'id') {
    return reject('EVENT_ID_EMPTY', {
      expected: `1 to ${field.lengthMax} characters`,
      got: 'an empty text',
      path: at,
    });
  }
  if (field.content === 'id' && text.trim().length === 0) {
    return reject('EVENT_ID_EMPTY', {
      expected: `1 to ${field.lengthMax} characters`,
      got: 'only spaces',
      path: at,
    });
  }
  if (text.includes('\0')) {
    return reject('EVENT_TEXT_INVALID', {
      expected: 'text without NUL characters',
      got: 'one',
      path: at,
    });
  }
  if (!text.isWellFormed()) {
    return reject('EVENT_TEXT_INVALID', {
      expected: 'well-formed Unicode',
      got: 'a lone surrogate',
      path: at,
    });
  }
  return undefined;
}

function checkNumber(field: FieldCheck, number: number, path: string): EventRejection | undefined {
  const at = path + field.name;
  const isInvalid =
    field.content === 'double'
      ? !Number.isFinite(number)
      : !Number.isInteger(number) || Math.abs(number) > INTEGER_MAX;
  if (isInvalid) {
    const expected = field.content === 'double' ? 'a finite number' : 'a whole number below 2^52';
    return reject('EVENT_NUMBER_INVALID', { expected, got: String(number), path: at });
  }
  if (number < field.min) {
    return reject('EVENT_NUMBER_OUT_OF_RANGE', {
      expected: `${field.min} or more`,
      got: String(number),
      path: at,
    });
  }
  // `occurred_at` has bounds of its own, with codes of their own.
  if (
    field.content === 'instant' &&
    field.name !== 'occurred_at' &&
    (number < 0 || number > INSTANT_MS_MAX)
  ) {
    return reject('EVENT_NUMBER_OUT_OF_RANGE', {
      expected: 'milliseconds from 1970 to 9999',
      got: String(number),
      path: at,
    });
  }
  return undefined;
}

function wrongType(field: FieldCheck, given: unknown, path: string): EventRejection {
  return rejectValue('EVENT_FIELD_TYPE', {
    expected: wordsFor(field),
    value: given,
    isShown: field.content !== 'id' && field.content !== 'label' && field.content !== 'text',
    path: path + field.name,
  });
}

/** Refuses a value of the wrong type, or, when it is nested without end, for that. */
function rejectValue(
  code: 'EVENT_FIELD_TYPE' | 'EVENT_NOT_AN_OBJECT',
  {
    expected,
    value,
    isShown,
    path,
  }: {
    readonly expected: string;
    readonly value: unknown;
    readonly isShown: boolean;
    readonly path: string;
  },
): EventRejection {
  return tooDeep(value, path) ?? reject(code, { expected, got: describe(value, isShown), path });
}

function rejectUnknown(
  check: RecordCheck,
  value: Readonly<Record<string, unknown>>,
  path: string,
): EventRejection | undefined {
  const name = Object.keys(value).find((each) => !check.fieldOf.has(each));
  return name === undefined ? undefined : rejectName(name, value[name], path);
}

/** Tells which of the required fields is missing, where one is. */
export function rejectMissing(
  check: RecordCheck,
  value: Readonly<Record<string, unknown>>,
  path: string,
): EventRejection {
  const field = check.fields.find(({ name, isRequired }) => isRequired && isAbsent(value[name]));
  assert(field !== undefined, 'a required field is missing');
  return reject('EVENT_FIELD_MISSING', {
    expected: wordsFor(field),
    got: describe(value[field.name], false),
    path: path + field.name,
  });
}

/** Whether a field counts as not given. */
export function isAbsent(given: unknown): boolean {
  return given === undefined || given === null;
}

function rejectName(name: string, value: unknown, path: string): EventRejection {
  const place = path === '' ? 'the event' : path.slice(0, -1);
  if (FORBIDDEN_NAMES.has(name)) {
    return reject('EVENT_FIELD_FORBIDDEN', {
      expected: 'no field of this name',
      got: quote(name),
      path: place,
    });
  }
  return (
    tooDeep(value, place) ??
    reject('EVENT_FIELD_UNKNOWN', {
      expected: 'only fields of the schema',
      got: quote(name),
      path: place,
    })
  );
}

function tooDeep(value: unknown, path: string): EventRejection | undefined {
  // The event itself is the first level and the value the second.
  if (!isDeeperThan(value, NESTING_MAX - 1)) return undefined;
  return reject('EVENT_TOO_DEEP', {
    expected: `at most ${NESTING_MAX} levels of nesting`,
    got: 'more',
    path,
  });
}

/** Looks at refused values only, and no deeper than `levels`, so that its own depth is bounded. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((nested) => isDeeperThan(nested, levels - 1));
}

function wordsFor(field: FieldCheck): string {
  switch (field.content) {
    case 'id':
      return `an id of 1 to ${field.lengthMax} characters`;
    case 'label':
    case 'text':
      return 'a text';
    case 'currency':
      return 'an ISO 4217 currency code';
    case 'enum':
      return `one of ${[...field.symbols].join(', ')}`;
    case 'integer':
      return 'a whole number';
    case 'instant':
      return 'an instant in whole milliseconds';
    case 'double':
      return 'a number';
    case 'boolean':
      return 'true or false';
    case 'record':
      return 'an object';
    case 'list':
      return 'a list';
  }
}
