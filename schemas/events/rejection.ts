/** Every reason for which an event, or the place where one should be, is refused. Never renamed or reused. */
export const EVENT_CODES = [
  'EVENT_AMOUNT_TOO_LARGE',
  'EVENT_AVRO_CODEC_UNKNOWN',
  'EVENT_AVRO_MALFORMED',
  'EVENT_AVRO_SCHEMA_REFUSED',
  'EVENT_AVRO_TRUNCATED',
  'EVENT_BATCH_TOO_MANY',
  'EVENT_CURRENCY_MISSING',
  'EVENT_CURRENCY_UNKNOWN',
  'EVENT_FIELD_FORBIDDEN',
  'EVENT_FIELD_MISSING',
  'EVENT_FIELD_TYPE',
  'EVENT_FIELD_UNKNOWN',
  'EVENT_ID_EMPTY',
  'EVENT_ID_TOO_LONG',
  'EVENT_JSON_MALFORMED',
  'EVENT_LINES_MISSING',
  'EVENT_LINES_TOO_MANY',
  'EVENT_LINE_ID_REPEATED',
  'EVENT_NOT_AN_OBJECT',
  'EVENT_NUMBER_INVALID',
  'EVENT_NUMBER_OUT_OF_RANGE',
  'EVENT_TEXT_INVALID',
  'EVENT_TEXT_TOO_LONG',
  'EVENT_TIME_IN_FUTURE',
  'EVENT_TIME_TOO_OLD',
  'EVENT_TOO_DEEP',
  'EVENT_TOO_LARGE',
  'EVENT_VALUE_UNKNOWN',
] as const;
export type EventCode = (typeof EVENT_CODES)[number];

/** Why an event was refused: an expected outcome, so a value. The message holds no personal data. */
export interface EventRejection {
  readonly kind: 'rejected';
  readonly code: EventCode;
  readonly message: string;
}

/** A rejection in the one form of words: what was expected, what came, and where. */
export function reject(
  code: EventCode,
  {
    expected,
    got,
    path,
  }: { readonly expected: string; readonly got: string; readonly path: string },
): EventRejection {
  return { kind: 'rejected', code, message: `Expected ${expected}, got ${got} in ${path}` };
}

/** Most characters of a value or name that a message repeats. */
const SHOWN_LENGTH_MAX = 32;

/** Names a value by its type; its text is shown, clipped, only where the caller says it is not personal. */
export function describe(value: unknown, isShown: boolean): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string')
    return isShown ? quote(value) : `a text of ${value.length} characters`;
  if (typeof value === 'number')
    return isShown || !Number.isFinite(value) ? String(value) : 'a number';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Text in quotes, clipped, with control characters escaped: safe for one line of a log. */
export function quote(text: string): string {
  const clipped = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return JSON.stringify(clipped);
}
