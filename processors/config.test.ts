import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { EngineError } from '../schemas/errors.ts';
import { DEFAULT_CONFIG, loadConfig, settingNames } from './config.ts';

const EXAMPLE = new URL('../weir.example.yaml', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'weir-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(content: string): string {
  const file = join(directory, 'weir.yaml');
  writeFileSync(file, content);
  return file;
}

function load(content: string, environment: Readonly<Record<string, string>> = {}) {
  return loadConfig({ file: fileOf(content), environment });
}

function problemsOf(content: string, environment: Readonly<Record<string, string>> = {}): string[] {
  const error = errorOf(() => load(content, environment));
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', kind: 'fatal' });
  const [, ...problems] = error.message.split(/\n {2}|(?<=used:) /);
  expect(error.details['problemCount']).toBe(problems.length);
  return problems;
}

function errorOf(action: () => unknown): EngineError {
  try {
    action();
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error('expected an EngineError, got none');
}

test('without a file and without variables the defaults apply', () => {
  expect(load('')).toEqual(DEFAULT_CONFIG);
  expect(DEFAULT_CONFIG.http).toEqual({ host: '127.0.0.1', port: 8080, max_body_bytes: 8_388_608 });
  expect(DEFAULT_CONFIG.lateness.allowed).toBe(86_400_000);
  expect(DEFAULT_CONFIG.tokens.secret).toBeUndefined();
});

test('the file wins over the defaults, and the environment over the file', () => {
  const content = 'partitions: 8\nhttp:\n  port: 9000\nlateness:\n  allowed: 48h\n';
  const config = load(content, {
    WEIR_HTTP_PORT: '9001',
    WEIR_ATTRIBUTION_MODELS: 'last, linear',
    OTHER: 'x',
  });
  expect(config.partitions).toBe(8);
  expect(config.http.port).toBe(9001);
  expect(config.lateness.allowed).toBe(172_800_000);
  expect(config.attribution.models).toEqual(['last', 'linear']);
  expect(config.sessions.gap).toBe(1_800_000);
});

test.each([
  ['250ms', 250],
  ['5000', 5_000],
  ['2s', 2_000],
  ['1m', 60_000],
])('the duration %s is %d ms', (text, milliseconds) => {
  expect(load('', { WEIR_WINDOWS_CHECKPOINT: text }).windows.checkpoint).toBe(milliseconds);
  expect(load(`windows: { checkpoint: ${text} }`).windows.checkpoint).toBe(milliseconds);
});

test.each([
  ['8 MiB', 8_388_608],
  ['512KiB', 524_288],
  ['1500000', 1_500_000],
])('the size %s is %d bytes', (text, size) => {
  const limits = { WEIR_INGEST_EVENT_BYTES_MAX: '1 KiB' };
  expect(load('', { ...limits, WEIR_HTTP_MAX_BODY_BYTES: text }).http.max_body_bytes).toBe(size);
  expect(load(`http: { max_body_bytes: ${text} }`, limits).http.max_body_bytes).toBe(size);
});

test('a switch is true or false, in the file and in a variable', () => {
  expect(load('stock: { sequence_gaps: false }').stock.sequence_gaps).toBe(false);
  expect(load('', { WEIR_STOCK_SEQUENCE_GAPS: 'false' }).stock.sequence_gaps).toBe(false);
  expect(load('', { WEIR_STOCK_SEQUENCE_GAPS: 'true' }).stock.sequence_gaps).toBe(true);
  expect(problemsOf('stock: { sequence_gaps: yes }')).toEqual([
    'stock.sequence_gaps: expected true or false, got "yes"',
  ]);
});

test('a variable with an empty value counts as not set', () => {
  expect(load('partitions: 8', { WEIR_PARTITIONS: '' }).partitions).toBe(8);
});

test('a section without keys leaves its defaults', () => {
  expect(load('http:\n')).toEqual(DEFAULT_CONFIG);
});

test('the configuration is frozen at every level', () => {
  const config = load('attribution: { models: [last] }');
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.http)).toBe(true);
  expect(Object.isFrozen(config.attribution.models)).toBe(true);
  expect(Object.isFrozen(DEFAULT_CONFIG.attribution.models)).toBe(true);
});

test('all problems of file and environment are reported at once', () => {
  const content = 'htp:\n  port: 1\nlateness:\n  alowed: 1h\nport: 80\npartitions: 0\n';
  const environment = { WEIR_HTTP_PROT: '80', WEIR_LOG_LEVEL: 'loud' };
  expect(problemsOf(content, environment)).toEqual([
    'htp: unknown; did you mean http?',
    'lateness.alowed: unknown; did you mean lateness.allowed?',
    'port: unknown; did you mean http.port?',
    'partitions: expected a whole number from 1 to 256, got 0',
    'WEIR_HTTP_PROT: unknown; did you mean WEIR_HTTP_PORT?',
    'log_level (WEIR_LOG_LEVEL): expected one of error, warn, info, debug, got "loud"',
  ]);
});

test.each([
  ['partitions: 2.5', 'partitions: expected a whole number from 1 to 256, got 2.5'],
  ['partitions: "4"', 'partitions: expected a whole number from 1 to 256, got "4"'],
  ['partitions:', 'partitions: expected a whole number from 1 to 256, got null'],
  ['http: 8080', 'http: expected keys below it, got 8080'],
  ['- http', expect.stringMatching(/weir\.yaml: expected keys, got \["http"\]$/)],
  ['lateness: { allowed: 1.5h }', expect.stringMatching(/^lateness.allowed: .* got "1.5h"$/)],
  ['lateness: { allowed: -1 }', expect.stringMatching(/^lateness.allowed: .*, got -1$/)],
  ['lateness: { allowed: 31d }', expect.stringMatching(/ from 0ms to 30d, got "31d"$/)],
  ['attribution: { models: [last, last] }', expect.stringMatching(/got \["last","last"\]$/)],
  [
    'attribution: { models: [last, liner] }',
    expect.stringMatching(/: liner is none of first, .* did you mean linear\?$/),
  ],
  [
    'attribution: { models: [last, last] }',
    expect.stringMatching(/, each once, got \["last","last"\]$/),
  ],
  ['attribution: { models: [] }', expect.stringMatching(/ got \[\]$/)],
  ['attribution: { models: last }', expect.stringMatching(/ got "last"$/)],
  ['__proto__: { partitions: 3 }', '__proto__: unknown'],
  ['zzzzzz: 1', 'zzzzzz: unknown'],
])('%s is refused', (content, problem) => {
  expect(problemsOf(content)).toEqual([problem]);
});

test('a file that is not YAML is refused with the place', () => {
  expect(problemsOf('http:\n  port: [8080\n')).toEqual([
    expect.stringMatching(/weir\.yaml: .* line 3, column 1/),
  ]);
  expect(problemsOf('partitions: 4\npartitions: 8\n')).toEqual([
    expect.stringMatching(/weir\.yaml: Map keys must be unique at line 2, column 1/),
  ]);
});

test.each(['channels', 'retention.raw', 'retention.aggregates', 'retention.dead_letters'])(
  '%s is refused, because nothing would read it',
  (path) => {
    const [section = '', key] = path.split('.');
    const [problem = ''] = problemsOf(`${section}: ${key === undefined ? 1 : `{ ${key}: 1 }`}`);
    expect(problem).toMatch(
      /^[a-z_.]+: [a-z_.]+ is not built yet, so the key would have no effect/,
    );
    const variable = `WEIR_${path.replace('.', '_').toUpperCase()}`;
    const [ofVariable = ''] = problemsOf('', { [variable]: '1' });
    expect(ofVariable).toBe(problem.replace(/^[a-z_.]+/, variable));
  },
);

test.each(['0.0.0.0', '192.0.2.1', '::', 'shop.example', '127.0.0.1.example'])(
  'listening on %s is refused unless requests need a key',
  (host) => {
    expect(problemsOf('', { WEIR_HTTP_HOST: host })).toEqual([
      expect.stringMatching(/^http.host: expected a loopback address .* or auth.required: true/),
    ]);
    const { http } = load('auth: { required: true }', { WEIR_HTTP_HOST: host });
    expect(http.host).toBe(host);
  },
);

test.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost'])('listening on %s is fine', (host) => {
  expect(load('', { WEIR_HTTP_HOST: host }).http.host).toBe(host);
});

test('brokers are a list in the file, and joined by commas in the variable', () => {
  expect(load('kafka: { brokers: [a.example:9092, "[::1]:9093"] }').kafka.brokers).toEqual([
    'a.example:9092',
    '[::1]:9093',
  ]);
  const variable = { WEIR_KAFKA_BROKERS: 'a.example:9092, b.example:9092' };
  expect(load('', variable).kafka.brokers).toEqual(['a.example:9092', 'b.example:9092']);
  expect(problemsOf('kafka: { brokers: [a.example] }')).toEqual([
    'kafka.brokers: expected a list of brokers, each host:port, got ["a.example"]',
  ]);
});

test.each(['https://clickhouse.example:8443', 'http://127.0.0.1:8123/', 'http://[::1]:8123'])(
  '%s is the address of a ClickHouse server',
  (url) => {
    expect(load('', { WEIR_CLICKHOUSE_URL: url }).clickhouse.url).toBe(url);
  },
);

test.each([
  'clickhouse:8123',
  'tcp://clickhouse:9000',
  'https://user:secret@clickhouse:8443',
  'https://clickhouse:8443/path',
  'https://clickhouse:8443?database=weir',
])('%s is no address of a ClickHouse server', (url) => {
  const [problem = ''] = problemsOf('', { WEIR_CLICKHOUSE_URL: url });
  expect(problem).toMatch(/^clickhouse\.url \(WEIR_CLICKHOUSE_URL\): expected http/);
});

test('what only a ClickHouse server needs is refused without one', () => {
  expect(problemsOf('clickhouse: { password: secret }')).toEqual([
    'clickhouse.url: expected beside clickhouse.password and clickhouse.tables: replicated',
  ]);
  expect(problemsOf('clickhouse: { url: "http://h:1", cluster: main }')).toEqual([
    'clickhouse.tables: expected replicated beside clickhouse.cluster',
  ]);
  const { clickhouse } = load(
    'clickhouse: { url: "http://h:1", cluster: main, tables: replicated }',
  );
  expect(clickhouse).toMatchObject({ cluster: 'main', tables: 'replicated', user: 'default' });
});

test('processors are chosen by name, in the file and in a variable', () => {
  expect(load('processors: [traffic, stock]').processors).toEqual(['traffic', 'stock']);
  expect(load('', { WEIR_PROCESSORS: 'stock, lift' }).processors).toEqual(['stock', 'lift']);
  expect(errorOf(() => load('processors: [trafic]')).message).toContain(
    'processors: trafic is none of bots, traffic, attribution, lift, stock, fulfilment, parity; did you mean traffic?',
  );
  expect(errorOf(() => load('processors: []')).message).toContain(
    'processors: expected a list of some',
  );
});

test('what is declared for a processor that is off is refused', () => {
  const lift = 'lift: { tests: [{ id: a, channel: search, start: 2026-01-01 }] }';
  expect(errorOf(() => load(`processors: [traffic]\n${lift}`)).message).toContain(
    'lift.tests: expected lift among processors',
  );
  const compared =
    'lift: { comparisons: [{ id: a, channel: tv, method: pre_post, start: 2026-01-01 }] }';
  expect(errorOf(() => load(`processors: [stock]\n${compared}`)).message).toContain(
    'lift.comparisons: expected traffic among processors',
  );
});

test('logging in to Kafka needs a user name and a password', () => {
  const login = { WEIR_KAFKA_SASL_MECHANISM: 'plain', WEIR_KAFKA_SASL_USERNAME: 'weir' };
  expect(problemsOf('', login)).toEqual([
    'kafka.sasl_mechanism: expected kafka.sasl_username and kafka.sasl_password beside it',
  ]);
  const { kafka } = load('', { ...login, WEIR_KAFKA_SASL_PASSWORD: 'secret' });
  expect(kafka).toMatchObject({ sasl_mechanism: 'plain', sasl_password: 'secret' });
});

test('settings that contradict each other are refused', () => {
  const content = `
http: { max_body_bytes: 2 KiB }
lateness: { allowed: 25h }
retention: { log: 1d }
`;
  expect(problemsOf(content)).toEqual([
    'ingest.event_bytes_max: expected at most http.max_body_bytes',
    expect.stringMatching(/^retention.log: expected at least lateness.allowed/),
  ]);
});

test('the secret may come from a file, and no message repeats it', () => {
  const secret = 'correct-horse-battery-staple-0123';
  const file = join(directory, 'secret');
  writeFileSync(file, `${secret}\n`);
  expect(load('', { WEIR_TOKENS_SECRET_FILE: file }).tokens.secret).toBe(secret);
  expect(load('', { WEIR_TOKENS_SECRET: secret }).tokens.secret).toBe(secret);
  expect(problemsOf('', { WEIR_TOKENS_SECRET: secret, WEIR_TOKENS_SECRET_FILE: file })).toEqual([
    'tokens.secret: expected either WEIR_TOKENS_SECRET or WEIR_TOKENS_SECRET_FILE, got both',
  ]);
  const [problem] = problemsOf('tokens: { secret: too-short }');
  expect(problem).toMatch(/^tokens.secret: expected at least 32 characters/);
  expect(problem).not.toContain('too-short');
});

test('only a secret may come from a file', () => {
  expect(problemsOf('', { WEIR_HTTP_PORT_FILE: '/dev/null' })).toEqual([
    'WEIR_HTTP_PORT_FILE: unknown; did you mean WEIR_HTTP_PORT?',
  ]);
});

test('a named file that cannot be read is a problem of its own', () => {
  const missing = join(directory, 'missing.yaml');
  const environment = {};
  expect(() => loadConfig({ file: missing, environment })).toThrow(
    expect.objectContaining({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(missing),
    }),
  );
});

test('weir.example.yaml holds every default', () => {
  expect(loadConfig({ file: EXAMPLE, environment: {} })).toEqual(DEFAULT_CONFIG);
});

test('weir.example.yaml documents every setting with its variable and default, and no other', () => {
  const documented: { path: string; variable: string; statedDefault: string; value: string }[] = [];
  let section = '';
  let above = '';
  for (const line of readFileSync(EXAMPLE, 'utf8').split('\n')) {
    const key = /^( *)(?:# )?([a-z_]+):(?: (\S.*))?$/.exec(line);
    if (key !== null) {
      const [, indent = '', name = '', value] = key;
      if (value === undefined) {
        section = `${name}.`;
      } else {
        const [, variable = '', stated = ''] = /# (WEIR_\w+), (.+)$/.exec(above) ?? [];
        const path = indent === '' ? name : section + name;
        const isOff = line.trimStart().startsWith('#');
        const statedDefault = stated.replace(/^default /, '');
        documented.push({ path, variable, statedDefault, value: isOff ? 'no default' : value });
      }
    }
    above = line;
  }
  expect(documented.map(({ path, variable }) => ({ path, variable }))).toEqual(settingNames());
  for (const { statedDefault, value } of documented) {
    expect(value.replaceAll(/[[\] ]/g, '')).toBe(statedDefault.replaceAll(' ', ''));
  }
});
