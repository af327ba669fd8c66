import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { EventType } from '../../schemas/topics.ts';
import { readNdjson } from './ndjson.ts';
import { SummaryBuilder } from './summary.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-ndjson-'));
});
afterAll(() => rm(directory, { recursive: true }));

let fileCount = 0;
async function read(
  content: string | Buffer,
  type?: EventType,
): Promise<{
  events: Record<string, unknown[]>;
  rejected: unknown[];
  lines: unknown;
  batches: number;
  error: unknown;
}> {
  fileCount += 1;
  const file = join(directory, `${fileCount}.ndjson`);
  await writeFile(file, content);
  const events: Record<string, unknown[]> = {};
  const rejected: unknown[] = [];
  const summary = new SummaryBuilder();
  let batches = 0;
  let error: unknown;
  try {
    for await (const batch of readNdjson(file, type === undefined ? {} : { type })) {
      batches += 1;
      summary.add(batch, undefined);
      if (batch.events.length > 0) (events[batch.type] ??= []).push(...batch.events);
      for (const { line, code } of batch.rejected) rejected.push([line, code]);
    }
  } catch (thrown) {
    error = thrown;
  }
  return { events, rejected, lines: summary.summary().lines, batches, error };
}

test('a mixed file is sorted by the tag of its lines, and the tag is no part of the event', async () => {
  const { events, rejected } = await read(
    '{"event":"click","event_id":"c-1"}\n{"event":"order","event_id":"o-1"}\n{"event_id":"c-2","event":"click"}\n',
  );
  expect(events).toEqual({
    click: [{ event_id: 'c-1' }, { event_id: 'c-2' }],
    order: [{ event_id: 'o-1' }],
  });
  expect(rejected).toEqual([]);
});

test('a file of one type needs no tags', async () => {
  const { events } = await read('{"event_id":"c-1"}\r\n\r\n{"event_id":"c-2"}', 'click');
  expect(events).toEqual({ click: [{ event_id: 'c-1' }, { event_id: 'c-2' }] });
});

test('lines that cannot be used are counted with their number, and the rest is taken', async () => {
  const { events, rejected, lines } = await read(
    [
      '{"event":"click","event_id":"c-1"}',
      '{"event":"click","event_id":',
      '',
      '{"event_id":"c-3"}',
      '{"event":"visit","event_id":"c-4"}',
      `{"event":"click","url":"${'x'.repeat(1_100_000)}"}`,
      '[1]',
      '{"event":"click","event_id":"c-7"}',
    ].join('\n'),
  );
  expect(events).toEqual({ click: [{ event_id: 'c-1' }, { event_id: 'c-7' }] });
  expect(rejected).toEqual([
    [2, 'EVENT_JSON_MALFORMED'],
    [4, 'IMPORT_EVENT_TYPE_UNKNOWN'],
    [5, 'IMPORT_EVENT_TYPE_UNKNOWN'],
    [6, 'IMPORT_LINE_TOO_LONG'],
    [7, 'IMPORT_EVENT_TYPE_UNKNOWN'],
  ]);
  expect(lines).toEqual({ read: 8, imported: 2, rejected: 5, skipped: 1 });
});

test('a long file comes in batches, gzip or not, with every line in its order', async () => {
  const ids = Array.from({ length: 12_000 }, (_, index) => ({ event_id: `c-${index}` }));
  const text = ids.map((event) => `{"event":"click",${JSON.stringify(event).slice(1)}\n`).join('');
  for (const content of [text, gzipSync(text)]) {
    const { events, batches } = await read(content);
    expect(events).toEqual({ click: ids });
    expect(batches).toBeGreaterThan(1);
  }
});

test('an empty file has no events', async () => {
  expect(await read('')).toMatchObject({ events: {}, rejected: [], lines: { read: 0 } });
});

test('a cut-off gzip file gives its whole lines, counts the cut one, then the error', async () => {
  const text = Array.from(
    { length: 3_000 },
    (_, index) => `{"event":"click","event_id":"${(index * 7_919) % 3_001}"}\n`,
  ).join('');
  const packed = gzipSync(text);
  const { events, rejected, error } = await read(packed.subarray(0, packed.length >> 1));
  expect(error).toMatchObject({ code: 'IMPORT_FILE_DAMAGED' });
  expect(events['click']?.length).toBeGreaterThan(100);
  expect(rejected).toEqual([[(events['click']?.length ?? 0) + 1, 'IMPORT_LINE_INCOMPLETE']]);
});
