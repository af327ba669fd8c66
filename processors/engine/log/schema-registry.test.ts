import { readFileSync } from 'node:fs';

import { expect, onTestFinished, test } from 'vitest';

import { SchemaRegistryDouble } from '../../../test/doubles/schema-registry.ts';
import { temporaryDirectory } from '../../../test/integration/command-line.ts';
import { createCertificates, whyNoCertificates } from '../../../test/kafka/certificates.ts';
import { SchemaRegistry } from './schema-registry.ts';

const NO_FILES = { caFile: undefined, certFile: undefined, keyFile: undefined };
const FIRST = JSON.stringify({
  type: 'record',
  name: 'Click',
  fields: [{ name: 'event_id', type: 'string' }],
});
/** Reads what FIRST wrote. */
const SECOND = JSON.stringify({
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'event_id', type: 'string' },
    { name: 'region', type: ['null', 'string'], default: null },
  ],
});
const OTHER = JSON.stringify({
  type: 'record',
  name: 'Click',
  fields: [{ name: 'a', type: 'long' }],
});

async function open(
  login?: { readonly username: string; readonly password: string },
  path = '',
): Promise<{ readonly double: SchemaRegistryDouble; readonly registry: SchemaRegistry }> {
  const double = new SchemaRegistryDouble();
  const url = (await double.listen()) + path;
  const registry = new SchemaRegistry({ url, login, tls: NO_FILES });
  onTestFinished(async () => {
    registry.close();
    await double.close();
  });
  return { double, registry };
}

test('what was registered is found by its id and among the versions of its subject', async () => {
  const { registry } = await open();
  const id = await registry.register('weir.clicks-value', FIRST);
  const next = await registry.register('weir.clicks-value', SECOND);
  expect(next).not.toBe(id);
  expect(await registry.schemaById(id)).toEqual({ id, type: 'AVRO', schema: FIRST });
  expect(await registry.versionsOf('weir.clicks-value')).toEqual([
    { version: 1, id, type: 'AVRO', schema: FIRST },
    { version: 2, id: next, type: 'AVRO', schema: SECOND },
  ]);
  expect(await registry.register('weir.clicks-value', SECOND)).toBe(next);
});

test('what the registry does not have is no error', async () => {
  const { registry } = await open();
  expect(await registry.schemaById(7)).toBeUndefined();
  expect(await registry.versionsOf('a/b ?')).toEqual([]);
});

test('an incompatible schema is refused with what the registry says', async () => {
  const { registry } = await open();
  await registry.register('s', FIRST);
  await registry.register('s', SECOND);
  await registry.requireBackwardTransitive('s');
  await expect(registry.register('s', OTHER)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_REFUSED',
    message: expect.stringContaining('incompatible with subject "s"'),
  });
});

test('it logs in with the user and password of the settings', async () => {
  const { double, registry } = await open({ username: 'weir', password: 'pass:wörd' });
  double.authorization = `Basic ${Buffer.from('weir:pass:wörd').toString('base64')}`;
  expect(await registry.schemaById(1)).toBeUndefined();
  double.authorization = 'Basic other';
  await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'SCHEMA_REGISTRY_REFUSED' });
});

test.each([
  ['an error of the server', { status: 500, body: '{"error_code":50001,"message":"Store error"}' }],
  ['a page of a proxy', { status: 200, body: '<html>maintenance</html>' }],
  ['a page that is not there', { status: 404, body: 'no such page' }],
  ['an answer without a schema', { status: 200, body: '{}' }],
])('%s is trouble that may pass', async (_, trouble) => {
  const { double, registry } = await open();
  double.trouble = trouble;
  await expect(registry.schemaById(1)).rejects.toMatchObject({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
    kind: 'transient',
  });
});

test('trouble that passes at once is not noticed', async () => {
  const { double, registry } = await open();
  await registry.register('s', FIRST);
  double.trouble = { status: 503, body: '' };
  const asked = registry.schemaById(1);
  await expect.poll(() => double.requests.length).toBe(2);
  double.trouble = undefined;
  expect(await asked).toMatchObject({ schema: FIRST });
});

test('no registry at all is trouble that may pass', async () => {
  const { double, registry } = await open();
  await double.close();
  await expect(registry.schemaById(1)).rejects.toMatchObject({ kind: 'transient' });
});

const noCertificates = whyNoCertificates();

test.skipIf(noCertificates !== undefined)(
  'by TLS it trusts the certificates of the settings, and no others',
  async () => {
    const own = createCertificates(temporaryDirectory(), ['registry']).get('registry');
    const double = new SchemaRegistryDouble();
    const url = await double.listen(0, {
      key: readFileSync(own?.keyFile ?? '', 'utf8'),
      cert: readFileSync(own?.certFile ?? '', 'utf8'),
    });
    onTestFinished(() => double.close());
    for (const [caFile, expected] of [
      [own?.caFile, { kind: 'no schema' }],
      [undefined, { kind: 'transient', message: expect.stringMatching(/certificate/) }],
    ] as const) {
      const registry = new SchemaRegistry({
        url,
        login: undefined,
        tls: { ...NO_FILES, caFile },
      });
      const answer: unknown = await registry
        .schemaById(1)
        .then(() => ({ kind: 'no schema' }))
        .catch((error: unknown) => error);
      expect(answer).toMatchObject(expected);
      registry.close();
    }
  },
);
