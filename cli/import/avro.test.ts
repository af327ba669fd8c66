import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import avro from 'avsc';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { AVRO_SCHEMAS } from '../../schemas/events/avro-schemas.ts';
import type { EventType } from '../../schemas/topics.ts';
import { readAvro } from './avro.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-avro-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Inventory events as avsc writes them with our own schema. */
async function containerOf(count: number): Promise<Buffer> {
  const schema: avro.Schema = erase(AVRO_SCHEMAS['weir.inventory']);
  const encoder = new avro.streams.BlockEncoder(schema, { codec: 'deflate', blockSize: 4_000 });
  const chunks: Buffer[] = [];
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  encoder.on('end', resolve);
  for (let index = 0; index < count; index += 1) {
    encoder.write({
      event_id: `i-${index}`,
      occurred_at: 1_700_000_000_000,
      source: 'wms',
      sku: 'A',
      kind: 'count',
      on_hand: index,
    });
  }
  encoder.end();
  await promise;
  return Buffer.concat(chunks);
}

let fileCount = 0;
async function read(
  content: Buffer,
  type?: EventType,
): Promise<{ types: Set<string>; ids: string[]; lines: number[]; error: unknown }> {
  fileCount += 1;
  const file = join(directory, `${fileCount}.avro`);
  await writeFile(file, content);
  const types = new Set<string>();
  const ids: string[] = [];
  const lines: number[] = [];
  let error: unknown;
  try {
    for await (const batch of readAvro(file, type === undefined ? {} : { type })) {
      if (batch.events.length > 0) types.add(batch.type);
      for (const event of batch.events)
        ids.push(/"event_id":"([^"]+)"/.exec(JSON.stringify(event))?.[1] ?? '');
      lines.push(...batch.lines);
    }
  } catch (thrown) {
    error = thrown;
  }
  return { types, ids, lines, error };
}

const idsTo = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `i-${index}`);

test('the events of a container file come out under the type that its schema names', async () => {
  const { types, ids, lines, error } = await read(await containerOf(12_000));
  expect(error).toBeUndefined();
  expect(types).toEqual(new Set(['inventory']));
  expect(ids).toEqual(idsTo(12_000));
  expect([lines[0], lines.at(-1)]).toEqual([1, 12_000]);
});

test('a container inside gzip is unpacked on the way', async () => {
  expect((await read(gzipSync(await containerOf(100)))).ids).toEqual(idsTo(100));
});

test('a cut-off container gives the events of its whole blocks, then the error', async () => {
  const file = await containerOf(2_000);
  const { ids, error } = await read(file.subarray(0, file.length - 30));
  expect(error).toMatchObject({ code: 'IMPORT_FILE_DAMAGED' });
  expect(ids.length).toBeGreaterThan(1_000);
  expect(ids).toEqual(idsTo(ids.length));
});

test('a file that is no container is damaged', async () => {
  expect((await read(Buffer.from('{"event_id":"a"}'))).error).toMatchObject({
    code: 'IMPORT_FILE_DAMAGED',
  });
  expect((await read(Buffer.alloc(0))).error).toMatchObject({ code: 'IMPORT_FILE_DAMAGED' });
});

test('a schema of another name needs the option that says what its events are', async () => {
  const encoder = new avro.streams.BlockEncoder({
    type: 'record',
    name: 'Stock',
    fields: [{ name: 'event_id', type: 'string' }],
  });
  const chunks: Buffer[] = [];
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  encoder.on('end', resolve);
  encoder.write({ event_id: 'i-0' });
  encoder.end();
  await promise;
  const file = Buffer.concat(chunks);
  expect((await read(file)).error).toMatchObject({ code: 'IMPORT_OPTION_INVALID' });
  expect(await read(file, 'inventory')).toMatchObject({ ids: ['i-0'], error: undefined });
});
