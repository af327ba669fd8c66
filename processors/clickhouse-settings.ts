import { choice, flag, integer, isPlainName, optionalText, secret, text } from './setting.ts';

/** A web address of scheme, host and port alone: user and password have settings of their own. */
function isOrigin(value: string): boolean {
  return URL.canParse(value) && /^https?:\/\/[^/?#@]+\/?$/.test(value);
}

/** Where ClickHouse is and how it is reached; `weir.example.yaml` says what each is for. */
export const CLICKHOUSE_SETTINGS = {
  url: optionalText('http://host:port or https://host:port, without anything else', isOrigin),
  user: text('default', 'a user name', (value) => value !== ''),
  password: secret('a password', (value) => value !== ''),
  tls_ca_file: optionalText('a PEM file', (value) => value !== ''),
  tables: choice('plain', ['plain', 'replicated']),
  cluster: optionalText('up to 100 letters, digits, dots, dashes and underscores', isPlainName),
  sql: flag(true),
  sql_port: integer(8_123, { min: 0, max: 65_535 }),
} as const;
