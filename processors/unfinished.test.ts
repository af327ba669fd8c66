import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { EmbeddedLog } from './engine/log/embedded.ts';
import { noCounts } from './engine/runtime/counts.ts';
import { insertDelivery } from './engine/runtime/delivery.ts';
import { taskWrite } from './engine/runtime/task-record.ts';
import { Lines } from './engine/sink/lines.ts';
import { LmdbStore } from './engine/state/lmdb.ts';
import { sealedWrite } from './engine/state/store.ts';
import { unfinishedIn } from './unfinished.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-unfinished-'));
const paths = { logPath: join(directory, 'log'), statePath: join(directory, 'state') };
const PARTITIONS = 2;

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a data directory that was not started has nothing unfinished', async () => {
  expect(await unfinishedIn(paths, PARTITIONS)).toEqual({ records: 0, rows: 0 });
});

test('what no task has read and what was not delivered is unfinished', async () => {
  const log = EmbeddedLog.open(paths.logPath, () => 0);
  const values = [1, 2, 3].map((byte) => Buffer.from([byte]));
  await log.append([
    { topic: 'weir.clicks', partition: 0, values },
    { topic: 'weir.clicks', partition: 1, values },
    { topic: 'weir.internal.sku', partition: 1, values },
  ]);
  await log.close();
  const store = LmdbStore.open(paths.statePath);
  const lines = new Lines();
  for (let row = 0; row < 7; row += 1) lines.end();
  const { sealed } = insertDelivery({ table: 't', columns: ['a'], token: 't' }, [lines]);
  await store.commit([
    taskWrite('visitor-0', {
      inputs: [{ topic: 'weir.clicks', nextOffset: 2, counts: noCounts() }],
      watermarkMs: 0,
      newestEventMs: [],
      eventIds: { firstChunk: 1, idCount: 0 },
      imports: [],
    }),
    sealedWrite('o/0000000000000001', sealed),
  ]);
  await store.close();

  expect(await unfinishedIn(paths, PARTITIONS)).toEqual({ records: 1 + 3 + 3, rows: 7 });
});
