import type { IncomingHttpHeaders } from 'node:http';

import { DEFAULT_FORMAT, formatOf } from './formats.ts';
import { type Refusal, refusal } from './refusal.ts';
import { settingsOf } from './settings.ts';

/** A statement and what came with it. */
export interface SqlRequest {
  readonly kind: 'request';
  readonly statement: string;
  /** Format for a statement that names none. */
  readonly format: string;
  /** Values of `{name:Type}` as they came: text in the escapes of tab-separated values. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  /** The revision of the native protocol that the client speaks; 0 when it names none. */
  readonly protocolRevision: number;
}

/** Longest statement, in bytes. */
export const STATEMENT_BYTES_MAX = 128 * 1_024;

/** Most parameters of a statement, and longest value of one, in UTF-16 units. */
const PARAMETERS_MAX = 200;
const PARAMETER_LENGTH_MAX = 16 * 1_024;

const PARAMETER_PREFIX = 'param_';
const PARAMETER_NAME = /^[A-Za-z_]\w{0,63}$/;

/** Names that mean the one database there is; clients that are told nothing say `default`. */
const DATABASES = new Set(['', 'default', 'weir']);

/** NUL and the control characters that no statement and no value needs. */
// oxlint-disable-next-line no-control-regex -- these are the characters that are refused
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Reads a request in ClickHouse's HTTP form: the statement in the URL, in the body, or begun in one and ended in the other. */
export function requestOf(
  url: URL,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): SqlRequest | Refusal {
  const text = decode(body);
  if (text === undefined) return refusal('BAD_ARGUMENTS', 'The statement is not UTF-8');
  const statement = [...url.searchParams.getAll('query'), text]
    .filter((part) => part !== '')
    .join('\n');
  if (statement.trim() === '') return refusal('EMPTY_QUERY', 'There is no statement');
  if (Buffer.byteLength(statement) > STATEMENT_BYTES_MAX) return TOO_LARGE;
  if (CONTROL.test(statement)) {
    return refusal('SYNTAX_ERROR', 'The statement holds a control character');
  }

  const parameters: Record<string, string> = {};
  const others: (readonly [string, string])[] = [];
  let database = headerOf(headers, 'x-clickhouse-database') ?? '';
  let protocolRevision = 0;
  let format = headerOf(headers, 'x-clickhouse-format') ?? DEFAULT_FORMAT;
  for (const [name, value] of url.searchParams) {
    if (name === 'query') continue;
    if (name === 'database') database = value;
    else if (name === 'default_format') format = value;
    else if (name.startsWith(PARAMETER_PREFIX)) {
      parameters[name.slice(PARAMETER_PREFIX.length)] = value;
    } else if (name === 'client_protocol_version') {
      protocolRevision = /^\d{1,9}$/.test(value) ? Number(value) : 0;
    } else others.push([name, value]);
  }
  const applied = settingsOf(others);
  if (applied.kind === 'refused') return applied;
  const { settings } = applied;
  const wrong = parametersRefusal(parameters) ?? databaseRefusal(database) ?? formatRefusal(format);
  return wrong ?? { kind: 'request', statement, format, parameters, settings, protocolRevision };
}

/** The answer to a statement that is too long. */
export const TOO_LARGE: Refusal = refusal(
  'QUERY_IS_TOO_LARGE',
  `The statement is longer than ${STATEMENT_BYTES_MAX} bytes`,
);

/** Refuses a format that answers cannot have. */
export function formatRefusal(format: string): Refusal | undefined {
  if (formatOf(format) !== undefined) return undefined;
  return refusal(
    'UNKNOWN_FORMAT',
    `Format ${format.slice(0, 64)} is not one that answers can have; docs/sql.md lists them`,
  );
}

function parametersRefusal(parameters: Readonly<Record<string, string>>): Refusal | undefined {
  const entries = Object.entries(parameters);
  const isGood =
    entries.length <= PARAMETERS_MAX &&
    entries.every(
      ([name, value]) =>
        PARAMETER_NAME.test(name) && value.length <= PARAMETER_LENGTH_MAX && !CONTROL.test(value),
    );
  if (isGood) return undefined;
  return refusal(
    'BAD_REQUEST_PARAMETER',
    `Expected at most ${PARAMETERS_MAX} parameters with plain names, and values without control characters of at most ${PARAMETER_LENGTH_MAX} characters`,
  );
}

function databaseRefusal(database: string): Refusal | undefined {
  if (DATABASES.has(database)) return undefined;
  return refusal('UNKNOWN_DATABASE', `Database ${database.slice(0, 64)} does not exist`);
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function decode(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}
