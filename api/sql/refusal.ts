/** The errors that this interface itself answers with, by ClickHouse's names and numbers. */
export const SQL_CODES = {
  UNSUPPORTED_METHOD: 1,
  BAD_ARGUMENTS: 36,
  SYNTAX_ERROR: 62,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_DATABASE: 81,
  UNKNOWN_SETTING: 115,
  READONLY: 164,
  QUOTA_EXCEEDED: 201,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  EMPTY_QUERY: 211,
  QUERY_IS_TOO_LARGE: 229,
  SUPPORT_IS_DISABLED: 344,
  BAD_REQUEST_PARAMETER: 408,
  FUNCTION_NOT_ALLOWED: 446,
  ACCESS_DENIED: 497,
  AUTHENTICATION_FAILED: 516,
  QUERY_NOT_ALLOWED: 620,
  STD_EXCEPTION: 1_001,
} as const;

/** Why there is no answer, in the form in which ClickHouse says so. */
export interface Refusal {
  readonly kind: 'refused';
  /** ClickHouse's number for the error, also sent as `X-ClickHouse-Exception-Code`. */
  readonly code: number;
  /** The text between `DB::Exception:` and the version, the name of the error at its end. */
  readonly message: string;
}

/** A refusal by this interface. */
export function refusal(name: keyof typeof SQL_CODES, reason: string): Refusal {
  return { kind: 'refused', code: SQL_CODES[name], message: `${reason}. (${name})` };
}

/** Statuses by number of the error; what is not here is 500. */
const STATUSES: ReadonlyMap<number, number> = new Map([
  ...[
    36, 62, 117, 53, 44, 15, 43, 168, 167, 41, 72, 6, 25, 26, 27, 38, 306, 408, 456, 457, 211,
  ].map((code) => [code, 400] as const),
  ...[164, 446, 497, 620].map((code) => [code, 403] as const),
  [201, 429],
  [516, 401],
  ...[46, 47, 50, 60, 63, 73, 81, 115].map((code) => [code, 404] as const),
  [1, 405],
  [159, 408],
  [229, 413],
  [48, 501],
  [344, 501],
  [202, 503],
]);

/**
 * The HTTP status of an error. As ClickHouse's own, except that 503 says that trying again may help and
 * 403 that it will not.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/HTTP/exceptionCodeToHTTPStatus.cpp
 */
export function statusOf({ code }: Refusal): number {
  return STATUSES.get(code) ?? 500;
}

/** The body of an error. */
export function textOf({ code, message }: Refusal, version: string): string {
  return `Code: ${code}. DB::Exception: ${message} (version ${version})\n`;
}
