import { choice, flag, isPlainName, optionalText, optionalTexts, secret, text } from './setting.ts';

/** A name or address, also IPv6 in brackets, and a port. */
const BROKER = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$/;

/** A login in the address would be shown wherever the address is. */
function isRegistryUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === '';
}

const pemFile = optionalText('a PEM file', (value) => value !== '');

/** How Kafka is reached; `weir.example.yaml` says what each is for. */
export const KAFKA_SETTINGS = {
  brokers: optionalTexts('a list of brokers, each host:port', (value) => BROKER.test(value)),
  client_id: text('weir', 'up to 100 letters, digits, dots, dashes and underscores', isPlainName),
  on_gap: choice('fail', ['fail', 'earliest', 'latest']),
  sasl_mechanism: choice('none', ['none', 'plain', 'scram-sha-256', 'scram-sha-512']),
  sasl_username: optionalText('a user name', (value) => value !== ''),
  sasl_password: secret('a password', (value) => value !== ''),
  tls: flag(false),
  tls_ca_file: pemFile,
  tls_cert_file: pemFile,
  tls_key_file: pemFile,
} as const;

/** How the schema registry is reached. */
export const SCHEMA_REGISTRY_SETTINGS = {
  url: optionalText('an http or https address without user and password', isRegistryUrl),
  username: optionalText('a user name', (value) => value !== ''),
  password: secret('a password', (value) => value !== ''),
  tls_ca_file: pemFile,
  tls_cert_file: pemFile,
  tls_key_file: pemFile,
} as const;
