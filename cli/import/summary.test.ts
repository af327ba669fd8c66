import { expect, test } from 'vitest';

import type { ImportBatch } from './batch.ts';
import { SummaryBuilder, summaryLines } from './summary.ts';

const BATCH: ImportBatch = {
  type: 'order',
  events: [{}, {}, {}],
  lines: [2, 5, 9],
  lineCount: 8,
  rejected: [
    { line: 4, code: 'IMPORT_PRICE_INVALID', message: 'Expected a price, got another text' },
  ],
  skippedLineCount: 1,
  counts: { orders_placed: 3 },
  bytesRead: 100,
};

test('lines and events add up over batches and answers', () => {
  const summary = new SummaryBuilder();
  summary.add(BATCH, {
    accepted: 1,
    duplicates: 1,
    rejected: [
      {
        index: 2,
        code: 'EVENT_TIME_TOO_OLD',
        message: 'Expected a later time, got 0 in occurred_at',
      },
    ],
  });
  summary.add({ ...BATCH, events: [], lines: [], lineCount: 0, rejected: [] }, undefined);
  expect(summary.summary()).toMatchObject({
    lines: { read: 11, imported: 8, rejected: 1, skipped: 2 },
    events: { order: { found: 3, accepted: 1, duplicates: 1, rejected: 1 }, click: { found: 0 } },
    rejectedByCode: { IMPORT_PRICE_INVALID: 1, EVENT_TIME_TOO_OLD: 1 },
    rules: { orders_placed: 6 },
  });
  expect(summaryLines(summary.summary())).toEqual([
    'lines: 11 read = 8 imported + 1 rejected + 2 skipped',
    'order events: 3 found = 1 accepted + 1 duplicates + 1 rejected',
    'orders placed: 6',
    'rejected IMPORT_PRICE_INVALID: 1',
    'rejected EVENT_TIME_TOO_OLD: 1',
    'line 4: IMPORT_PRICE_INVALID: Expected a price, got another text',
    'line 9: EVENT_TIME_TOO_OLD: Expected a later time, got 0 in occurred_at',
  ]);
});

test('of many rejections the summary keeps the count and the first few lines', () => {
  const summary = new SummaryBuilder();
  const rejected = Array.from({ length: 1_000 }, (_, index) => ({
    line: index + 1,
    code: 'IMPORT_TIME_INVALID',
    message: 'm',
  }));
  summary.add({ ...BATCH, rejected }, undefined);
  const { examples, rejectedByCode } = summary.summary();
  expect(rejectedByCode).toEqual({ IMPORT_TIME_INVALID: 1_000 });
  expect(examples.map(({ line }) => line)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});
