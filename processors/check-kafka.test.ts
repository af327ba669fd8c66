import { expect, onTestFinished, test } from 'vitest';

import { SchemaRegistryDouble } from '../test/doubles/schema-registry.ts';
import { checkKafka, checkSchemaRegistry } from './check-kafka.ts';
import { type Config, loadConfig } from './config.ts';

function configOf(environment: Readonly<Record<string, string>>): Config {
  return loadConfig({ file: undefined, environment });
}

/** A port that nothing listens on. */
async function closedPort(): Promise<string> {
  const double = new SchemaRegistryDouble();
  const url = await double.listen();
  await double.close();
  return new URL(url).host;
}

test('what is not configured is not asked', async () => {
  expect(await checkKafka(configOf({}))).toBeUndefined();
  expect(await checkSchemaRegistry(configOf({}))).toBeUndefined();
});

test('brokers that do not answer are told with their address', async () => {
  const host = await closedPort();
  expect(await checkKafka(configOf({ WEIR_KAFKA_BROKERS: host }))).toMatchObject({
    isGood: false,
    detail: expect.stringContaining(host),
  });
});

test('a registry is good when it answers and lets us in', async () => {
  const double = new SchemaRegistryDouble();
  const url = await double.listen();
  onTestFinished(() => double.close());
  const config = configOf({ WEIR_SCHEMA_REGISTRY_URL: url });
  expect(await checkSchemaRegistry(config)).toMatchObject({ isGood: true });
  double.authorization = 'Basic something';
  expect(await checkSchemaRegistry(config)).toMatchObject({
    isGood: false,
    detail: expect.stringContaining('401'),
  });
});
