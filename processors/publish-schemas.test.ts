import { expect, onTestFinished, test } from 'vitest';

import { AVRO_SCHEMAS } from '../schemas/events/avro-schemas.ts';
import { SchemaRegistryDouble } from '../test/doubles/schema-registry.ts';
import { type Config, loadConfig } from './config.ts';
import { SchemaRegistry } from './engine/log/schema-registry.ts';
import { checkSchemas, publishSchemas } from './publish-schemas.ts';

const SUBJECTS = [
  'weir.clicks-value',
  'weir.orders-value',
  'weir.inventory-value',
  'weir.reference-value',
];

/** The configuration with a registry, and a program that uses the same one. */
async function open(): Promise<{ readonly config: Config; readonly other: SchemaRegistry }> {
  const double = new SchemaRegistryDouble();
  const url = await double.listen();
  const other = new SchemaRegistry({
    url,
    login: undefined,
    tls: { caFile: undefined, certFile: undefined, keyFile: undefined },
  });
  onTestFinished(async () => {
    other.close();
    await double.close();
  });
  const environment = { WEIR_SCHEMA_REGISTRY_URL: url };
  return { config: loadConfig({ file: undefined, environment }), other };
}

test('publishing registers every schema of events once', async () => {
  const { config, other } = await open();
  const published = await publishSchemas(config);
  expect(published.map(({ subject }) => subject)).toEqual(SUBJECTS);
  expect(await publishSchemas(config)).toEqual(published);
  const [first] = await other.versionsOf('weir.clicks-value');
  expect(JSON.parse(first?.schema ?? '')).toEqual(AVRO_SCHEMAS['weir.clicks']);
  expect(await checkSchemas(config)).toEqual(
    SUBJECTS.map((subject) => ({ subject, versionCount: 1, problems: [] })),
  );
});

test('after publishing the registry refuses a version that could not read the first one', async () => {
  const { config, other } = await open();
  await publishSchemas(config);
  const { fields, ...rest } = AVRO_SCHEMAS['weir.clicks'];
  const added = { name: 'shelf', type: 'string' };
  await expect(
    other.register('weir.clicks-value', JSON.stringify({ ...rest, fields: [...fields, added] })),
  ).rejects.toMatchObject({ code: 'SCHEMA_REGISTRY_REFUSED' });
});

test('a version of somebody else that today’s reader cannot read stops publishing', async () => {
  const { config, other } = await open();
  const foreign = { type: 'record', name: 'Click', fields: [{ name: 'id', type: 'long' }] };
  await other.register('weir.clicks-value', JSON.stringify(foreign));
  const [clicks] = await checkSchemas(config);
  expect(clicks?.problems).toEqual([
    expect.stringMatching(/^weir\.clicks-value version 1: .*event_id/),
  ]);
  await expect(publishSchemas(config)).rejects.toMatchObject({ code: 'SCHEMA_INCOMPATIBLE' });
  expect(await other.versionsOf('weir.orders-value')).toEqual([]);
});

test('without a registry the released schemas are checked, and nothing can be published', async () => {
  const config = loadConfig({ file: undefined, environment: {} });
  expect(await checkSchemas(config)).toEqual(
    SUBJECTS.map((subject) => ({ subject, versionCount: undefined, problems: [] })),
  );
  await expect(publishSchemas(config)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
