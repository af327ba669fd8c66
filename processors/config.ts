import { existsSync, readFileSync } from 'node:fs';

import { parseDocument } from 'yaml';

import { erase } from '../schemas/brand.ts';
import { EngineError, messageOf } from '../schemas/errors.ts';
import { PROCESSOR_NAMES } from '../schemas/processors.ts';
import { DAY_MS } from '../schemas/time.ts';
import { ALERT_SETTINGS } from './alert-settings.ts';
import { AUTH_SETTINGS, isHost, isLoopback } from './auth-settings.ts';
import { BOTS_SETTINGS } from './bots-settings.ts';
import { CLICKHOUSE_SETTINGS } from './clickhouse-settings.ts';
import { KAFKA_SETTINGS, SCHEMA_REGISTRY_SETTINGS } from './kafka-settings.ts';
import { LIFT_SETTINGS } from './lift-settings.ts';
import { nearestOf } from './nearest-name.ts';
import { PARITY_SETTINGS } from './parity-settings.ts';
import {
  KIB,
  MIB,
  type Setting,
  bytes,
  choice,
  choices,
  duration,
  integer,
  secret,
  text,
} from './setting.ts';
import { STOCK_SETTINGS, isProfile } from './stock-settings.ts';

interface Section {
  readonly [key: string]: Setting<unknown> | Section;
}

type ConfigOf<Tree> = {
  readonly [Key in keyof Tree]: Tree[Key] extends Setting<infer Value>
    ? Value
    : ConfigOf<Tree[Key]>;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** An HMAC key below 128 bits can be guessed; 32 characters of hexadecimal carry that much. */
const SECRET_LENGTH_MIN = 32;

/** Longest piece of a wrong value that a message repeats, in UTF-16 units. */
const SHOWN_LENGTH_MAX = 60;

/** Where the configuration is looked for when no file is named: in the working directory. */
const DEFAULT_FILE = 'weir.yaml';

const ENVIRONMENT_PREFIX = 'WEIR_';

/** Every setting with its default and what is allowed; `weir.example.yaml` says what each is for. */
const SETTINGS = {
  data_dir: text('./weir-data', 'a directory', (value) => value.trim() !== ''),
  http: {
    host: text(
      '127.0.0.1',
      'an address of this machine to listen on, or 0.0.0.0 for all of them',
      isHost,
    ),
    port: integer(8_080, { min: 0, max: 65_535 }),
    max_body_bytes: bytes(8 * MIB, { min: KIB, max: 256 * MIB }),
  },
  clickhouse: CLICKHOUSE_SETTINGS,
  auth: AUTH_SETTINGS,
  partitions: integer(4, { min: 1, max: 256 }),
  processors: choices(PROCESSOR_NAMES),
  lateness: {
    out_of_orderness: duration('60s', { min: '0ms', max: '24h' }),
    idle_timeout: duration('30s', { min: '1s', max: '24h' }),
    allowed: duration('24h', { min: '0ms', max: '30d' }),
    clock_skew: duration('5m', { min: '0ms', max: '24h' }),
  },
  windows: {
    live_tick: duration('50ms', { min: '10ms', max: '10s' }),
    checkpoint: duration('1s', { min: '100ms', max: '60s' }),
  },
  attribution: {
    lookback: duration('30d', { min: '1h', max: '365d' }),
    half_life: duration('7d', { min: '1h', max: '365d' }),
    touches_max: integer(100, { min: 1, max: 1_000 }),
    models: choices([
      'first',
      'last',
      'last_non_direct',
      'linear',
      'position',
      'time_decay',
      'shapley',
    ]),
    returns_kept: duration('90d', { min: '1d', max: '400d' }),
  },
  lift: LIFT_SETTINGS,
  sessions: {
    gap: duration('30m', { min: '1m', max: '24h' }),
  },
  bots: BOTS_SETTINGS,
  stock: STOCK_SETTINGS,
  parity: PARITY_SETTINGS,
  alerts: ALERT_SETTINGS,
  retention: {
    log: duration('14d', { min: '1d', max: '3650d' }),
  },
  ingest: {
    max_backlog_records: integer(1_000_000, { min: 1_000, max: 100_000_000 }),
    batch_events_max: integer(10_000, { min: 1, max: 100_000 }),
    event_bytes_max: bytes(MIB, { min: KIB, max: 16 * MIB }),
  },
  live: {
    clients_max: integer(1_000, { min: 1, max: 100_000 }),
    buffered_bytes_max: bytes(MIB, { min: 64 * KIB, max: 64 * MIB }),
  },
  tokens: {
    secret: secret(
      `at least ${SECRET_LENGTH_MIN} characters; without the key Weir creates a secret in the data directory`,
      (value) => value.length >= SECRET_LENGTH_MIN,
    ),
  },
  kafka: KAFKA_SETTINGS,
  schema_registry: SCHEMA_REGISTRY_SETTINGS,
  log_level: choice('info', ['error', 'warn', 'info', 'debug']),
} as const satisfies Section;

/**
 * The whole configuration, checked and deeply frozen: the keys of `weir.yaml`, with durations in
 * milliseconds, sizes in bytes, and undefined for a key that has no default and is absent.
 */
export type Config = ConfigOf<typeof SETTINGS>;

/** Settings that are planned and that nothing reads yet, and what happens instead. */
const NOT_BUILT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    channels: 'every channel that has events is shown',
    'retention.raw': 'events stay in ClickHouse until they are deleted there',
    'retention.aggregates': 'results stay in ClickHouse until they are deleted there',
    'retention.dead_letters': 'dead letters stay in ClickHouse until they are deleted there',
  }),
);

/** What settings must keep true together. */
const AGREEMENTS: readonly {
  readonly holds: (config: Config) => boolean;
  readonly message: string;
}[] = [
  {
    holds: ({ http, auth }) => isLoopback(http.host) || auth.required,
    message:
      'http.host: expected a loopback address (127.0.0.1, ::1 or localhost), or auth.required: true and a key from weir keys create, because other machines can reach this one',
  },
  {
    holds: ({ http, ingest }) => ingest.event_bytes_max <= http.max_body_bytes,
    message: 'ingest.event_bytes_max: expected at most http.max_body_bytes',
  },
  {
    holds: ({ lateness, retention }) => lateness.allowed <= retention.log,
    message:
      'retention.log: expected at least lateness.allowed, so that the log still holds every event of a window that can change',
  },
  {
    holds: ({ clickhouse }) =>
      clickhouse.url !== undefined ||
      (clickhouse.tables === 'plain' && clickhouse.password === undefined),
    message:
      'clickhouse.url: expected beside clickhouse.password and clickhouse.tables: replicated',
  },
  {
    holds: ({ clickhouse }) =>
      clickhouse.cluster === undefined || clickhouse.tables === 'replicated',
    message: 'clickhouse.tables: expected replicated beside clickhouse.cluster',
  },
  {
    holds: ({ processors, lift }) => lift.tests.length === 0 || processors.includes('lift'),
    message: 'lift.tests: expected lift among processors, which counts what the tests measure',
  },
  {
    holds: ({ processors, lift }) =>
      lift.comparisons.length === 0 || processors.includes('traffic'),
    message:
      'lift.comparisons: expected traffic among processors, which counts the sales that are compared',
  },
  {
    holds: ({ bots, attribution }) => bots.reach + DAY_MS <= attribution.returns_kept,
    message:
      'bots.reach: expected at least a day less than attribution.returns_kept, so that the orders that a verdict withdraws are still known',
  },
  {
    holds: ({ stock: { profile } }) => profile === undefined || isProfile(profile),
    message: 'stock.profile: expected 24 or 168 weights, one of them above zero',
  },
  {
    holds: ({ kafka }) =>
      kafka.sasl_mechanism === 'none' ||
      (kafka.sasl_username !== undefined && kafka.sasl_password !== undefined),
    message: 'kafka.sasl_mechanism: expected kafka.sasl_username and kafka.sasl_password beside it',
  },
  {
    holds: ({ schema_registry: { username, password } }) =>
      (username === undefined) === (password === undefined),
    message: 'schema_registry.username: expected schema_registry.password beside it, or neither',
  },
];

const SETTING_OF_PATH: ReadonlyMap<string, Setting<unknown>> = new Map(settingsOf(SETTINGS, ''));
const SECTIONS: ReadonlySet<string> = new Set(
  [...SETTING_OF_PATH.keys()].flatMap((path) => path.split('.').slice(0, -1)),
);
const PATH_OF_VARIABLE: ReadonlyMap<string, string> = new Map(
  [...SETTING_OF_PATH.keys()].map((path) => [variableOf(path), path]),
);

/** What applies where neither the file nor the environment says anything. */
export const DEFAULT_CONFIG: Config = build(new Map());

/** Every setting by its path in `weir.yaml`, such as `http.port`, and its environment variable. */
export function settingNames(): readonly { readonly path: string; readonly variable: string }[] {
  return [...PATH_OF_VARIABLE].map(([variable, path]) => ({ path, variable }));
}

/** Values read so far by path, and what is wrong with the others. */
interface Reading {
  readonly values: Map<string, unknown>;
  readonly problems: string[];
}

/**
 * Reads the configuration. The environment wins over the file, the file over the defaults; a
 * variable with an empty value counts as not set.
 *
 * @param source `file` as the user named it; undefined takes `weir.yaml` of the working directory
 *   if there is one.
 * @throws {EngineError} CONFIG_UNREADABLE when a file cannot be read; CONFIG_INVALID naming every
 *   problem of file and environment at once.
 */
export function loadConfig(source: {
  readonly file: string | undefined;
  readonly environment: Environment;
}): Config {
  const reading: Reading = { values: new Map(), problems: [] };
  const file = source.file ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  if (file !== undefined) takeFile(file, reading);
  takeEnvironment(source.environment, reading);
  const { values, problems } = reading;
  const config = build(values);
  if (problems.length === 0) {
    problems.push(...AGREEMENTS.flatMap(({ holds, message }) => (holds(config) ? [] : [message])));
  }
  if (problems.length > 0) {
    throw new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message: withProblems('The configuration cannot be used:', problems),
      details: { problemCount: problems.length },
    });
  }
  return config;
}

/** One problem in the line of the heading, several below it in a line each. */
export function withProblems(heading: string, problems: readonly string[]): string {
  return [heading, ...problems].join(problems.length === 1 ? ' ' : '\n  ');
}

function takeFile(file: string, reading: Reading): void {
  const document = parseDocument(read(file));
  if (document.errors.length > 0) {
    for (const { message } of document.errors) {
      reading.problems.push(`${file}: ${message.split('\n')[0] ?? message}`);
    }
    return;
  }
  const root: unknown = document.toJS();
  if (isMapping(root)) takeSection(root, '', reading);
  else if (root !== null) reading.problems.push(`${file}: expected keys, got ${show(root)}`);
}

function takeSection(
  section: Readonly<Record<string, unknown>>,
  prefix: string,
  reading: Reading,
): void {
  for (const [key, raw] of Object.entries(section)) {
    const path = prefix + key;
    const setting = SETTING_OF_PATH.get(path);
    if (setting !== undefined) {
      const value = setting.parse(raw);
      if (value === undefined) reading.problems.push(wrongValue(path, setting, raw));
      else reading.values.set(path, value);
    } else if (!SECTIONS.has(path)) {
      reading.problems.push(unknownName(path, [...SECTIONS, ...SETTING_OF_PATH.keys()]));
    } else if (isMapping(raw)) {
      takeSection(raw, `${path}.`, reading);
    } else if (raw !== null) {
      reading.problems.push(`${path}: expected keys below it, got ${show(raw)}`);
    }
  }
}

function takeEnvironment(environment: Environment, reading: Reading): void {
  for (const [name, raw] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || raw === undefined || raw === '') continue;
    const variable = secretVariableOf(name) ?? name;
    const path = PATH_OF_VARIABLE.get(variable) ?? '';
    const setting = SETTING_OF_PATH.get(path);
    if (setting === undefined) {
      reading.problems.push(unknownName(name, [...PATH_OF_VARIABLE.keys()]));
      continue;
    }
    if (variable !== name && environment[variable]) {
      reading.problems.push(`${path}: expected either ${variable} or ${name}, got both`);
      continue;
    }
    const given = variable === name ? raw : read(raw).trimEnd();
    const value = setting.parseText(given);
    if (value === undefined) {
      reading.problems.push(wrongValue(`${path} (${name})`, setting, given));
    } else {
      reading.values.set(path, value);
    }
  }
}

/** `WEIR_TOKENS_SECRET` for `WEIR_TOKENS_SECRET_FILE`, which names a file that holds the value. */
function secretVariableOf(name: string): string | undefined {
  if (!name.endsWith('_FILE')) return undefined;
  const variable = name.slice(0, -'_FILE'.length);
  const setting = SETTING_OF_PATH.get(PATH_OF_VARIABLE.get(variable) ?? '');
  return setting?.isSecret === true ? variable : undefined;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new EngineError({
      code: 'CONFIG_UNREADABLE',
      kind: 'fatal',
      message: `Expected a readable configuration file: ${messageOf(error)}`,
      cause: error,
    });
  }
}

function build(values: ReadonlyMap<string, unknown>): Config {
  const fill = (section: Section, prefix: string): Readonly<Record<string, unknown>> =>
    Object.freeze(
      Object.fromEntries(
        Object.entries(section).map(([key, entry]) => {
          if (!isSetting(entry)) return [key, fill(entry, `${prefix}${key}.`)];
          return [key, values.get(prefix + key) ?? entry.initial];
        }),
      ),
    );
  // The type of Config is derived from SETTINGS, which has just been walked key by key.
  return erase(fill(SETTINGS, ''));
}

function settingsOf(section: Section, prefix: string): [string, Setting<unknown>][] {
  return Object.entries(section).flatMap(([key, entry]) =>
    isSetting(entry) ? [[prefix + key, entry]] : settingsOf(entry, `${prefix}${key}.`),
  );
}

function isSetting(entry: Setting<unknown> | Section): entry is Setting<unknown> {
  return entry.kind === 'setting';
}

function isMapping(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

function variableOf(path: string): string {
  return ENVIRONMENT_PREFIX + path.replaceAll('.', '_').toUpperCase();
}

function wrongValue(name: string, setting: Setting<unknown>, raw: unknown): string {
  const problem = setting.problemOf?.(raw);
  if (problem !== undefined) return `${name}${problem}`;
  return `${name}: expected ${setting.allowed}, got ${setting.isSecret ? 'something else' : show(raw)}`;
}

function show(raw: unknown): string {
  const shown = JSON.stringify(raw) ?? String(raw);
  return shown.length > SHOWN_LENGTH_MAX ? `${shown.slice(0, SHOWN_LENGTH_MAX)}…` : shown;
}

/** What to say about a path or variable that is no setting: not built yet, or misspelt. */
function unknownName(name: string, known: readonly string[]): string {
  for (const [path, instead] of NOT_BUILT) {
    if (`${name}.`.startsWith(`${path}.`) || `${name}_`.startsWith(`${variableOf(path)}_`)) {
      return `${name}: ${path} is not built yet, so the key would have no effect; remove it. Until then ${instead}`;
    }
  }
  const nearest = nearestOf(name, known);
  return `${name}: unknown${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}
