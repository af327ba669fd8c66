import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { parseEvent } from '../../schemas/events/parse.ts';
import type { EventType } from '../../schemas/topics.ts';
import type { ImportBatch } from './batch.ts';
import { type OrdersCsvOptions, readOrdersCsv } from './orders-csv.ts';
import { SummaryBuilder } from './summary.ts';

const SAMPLE = new URL('fixtures/online-retail-sample.csv', import.meta.url);
const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-orders-'));
});
afterAll(() => rm(directory, { recursive: true }));

let fileCount = 0;
async function fileOf(content: string | Buffer): Promise<string> {
  fileCount += 1;
  const file = join(directory, `${fileCount}.csv`);
  await writeFile(file, content);
  return file;
}

interface Outcome {
  readonly events: readonly [EventType, unknown][];
  readonly rejected: readonly (readonly [line: number, code: string])[];
  readonly counts: Readonly<Record<string, number>>;
  readonly lines: {
    readonly read: number;
    readonly imported: number;
    readonly rejected: number;
    readonly skipped: number;
  };
  readonly error: unknown;
}

async function outcomeOf(batches: AsyncGenerator<ImportBatch>): Promise<Outcome> {
  const events: [EventType, unknown][] = [];
  const rejected: [number, string][] = [];
  const summary = new SummaryBuilder();
  let error: unknown;
  try {
    for await (const batch of batches) {
      summary.add(batch, undefined);
      for (const event of batch.events) events.push([batch.type, event]);
      for (const { line, code } of batch.rejected) rejected.push([line, code]);
    }
  } catch (thrown) {
    error = thrown;
  }
  const { lines, rules } = summary.summary();
  return { events, rejected, counts: rules, lines, error };
}

async function read(rows: readonly string[], options?: OrdersCsvOptions): Promise<Outcome> {
  return outcomeOf(readOrdersCsv(await fileOf([HEADER, ...rows].join('\n')), options));
}

test('the lines of an invoice become one placed order in minor units', async () => {
  const { events } = await read([
    '536365,85123A,WHITE HOLDER,6,2011-11-01 08:26:00,2.55,17850.0,United Kingdom',
    '536365,71053,LANTERN,8,2011-11-01 08:26:00,3.4,17850.0,United Kingdom',
  ]);
  expect(events).toEqual([
    [
      'order',
      {
        event_id: 'csv:536365',
        occurred_at: Date.UTC(2011, 10, 1, 8, 26),
        source: 'csv',
        order_id: '536365',
        status: 'placed',
        visitor_id: 'customer:17850',
        customer_id: '17850',
        sales_channel: 'dtc',
        currency: 'GBP',
        lines: [
          { line_id: '1', sku: '71053', quantity: 8, unit_price_minor: 340 },
          { line_id: '2', sku: '85123A', quantity: 6, unit_price_minor: 255 },
        ],
        region: 'United Kingdom',
      },
    ],
  ]);
});

test('a cancellation is a return of its own, matched to no order', async () => {
  const { events, counts } = await read([
    '1,A,a,5,2011-11-01 08:00:00,2.00,7,UK',
    'C2,A,a,-5,2011-11-02 08:00:00,2.00,7,UK',
  ]);
  expect(events[1]).toMatchObject([
    'order',
    {
      status: 'returned',
      order_id: 'C2',
      event_id: 'csv:C2',
      lines: [{ sku: 'A', quantity: 5, unit_price_minor: 200 }],
    },
  ]);
  expect(counts).toMatchObject({
    cancellations: 1,
    cancelled_goods_minor: 1_000,
    gross_sales_minor: 1_000,
  });
});

test('a negative quantity without C at price zero is a stock movement, not a sale', async () => {
  const { events, counts } = await read(['9,A,damaged,-12,2011-11-01 08:00:00,0.0,,UK']);
  expect(events).toEqual([
    [
      'inventory',
      {
        event_id: 'csv:9:1',
        occurred_at: Date.UTC(2011, 10, 1, 8),
        source: 'csv',
        sku: 'A',
        kind: 'movement',
        quantity: -12,
      },
    ],
  ]);
  expect(counts).toMatchObject({ stock_correction_invoices: 1, orders_placed: 0 });
});

test('an invoice without a customer has a visitor of its own', async () => {
  const { events } = await read(['9,A,a,1,2011-11-01 08:00:00,1.0,,UK']);
  expect(events).toMatchObject([['order', { visitor_id: 'anonymous:9' }]]);
  expect(events[0]?.[1]).not.toHaveProperty('customer_id');
});

test('an invoice with two times happened at the earlier one, in any order of its lines', async () => {
  const rows = ['9,A,a,1,2011-11-01 08:01:00,1.0,7,UK', '9,B,b,1,2011-11-01 08:00:00,1.0,7,UK'];
  const { events, counts } = await read(rows);
  expect(events).toMatchObject([['order', { occurred_at: Date.UTC(2011, 10, 1, 8) }]]);
  expect(counts).toMatchObject({ invoices_with_several_times: 1 });
  expect((await read(rows.toReversed())).events).toEqual(events);
});

test('identical lines of an invoice are lines of their own', async () => {
  const row = '9,A,a,1,2011-11-01 08:00:00,1.0,7,UK';
  const { events } = await read([row, row]);
  expect(events).toMatchObject([['order', { lines: [{ line_id: '1' }, { line_id: '2' }] }]]);
});

test('a line at price zero stays a line of its order', async () => {
  const { events, counts } = await read([
    '9,A,a,1,2011-11-01 08:00:00,0.0,7,UK',
    '9,B,b,1,2011-11-01 08:00:00,1.0,7,UK',
  ]);
  expect(events).toMatchObject([
    ['order', { lines: [{ unit_price_minor: 0 }, { unit_price_minor: 100 }] }],
  ]);
  expect(counts).toMatchObject({
    lines_at_price_zero: 1,
    order_lines_at_price_zero: 1,
    orders_at_price_zero: 0,
  });
});

test.each([
  ['no invoice number', ',A,a,1,2011-11-01 08:00:00,1.0,7,UK', 'IMPORT_ID_EMPTY'],
  ['no article', '9,,a,1,2011-11-01 08:00:00,1.0,7,UK', 'IMPORT_ID_EMPTY'],
  ['half a unit', '9,A,a,1.5,2011-11-01 08:00:00,1.0,7,UK', 'IMPORT_QUANTITY_INVALID'],
  ['no units', '9,A,a,0,2011-11-01 08:00:00,1.0,7,UK', 'IMPORT_QUANTITY_INVALID'],
  ['a price below zero', '9,A,a,1,2011-11-01 08:00:00,-1.0,7,UK', 'IMPORT_PRICE_INVALID'],
  [
    'a price with part of a penny',
    '9,A,a,1,2011-11-01 08:00:00,1.005,7,UK',
    'IMPORT_PRICE_INVALID',
  ],
  ['a price that is NaN', '9,A,a,1,2011-11-01 08:00:00,NaN,7,UK', 'IMPORT_PRICE_INVALID'],
  ['a time that is none', '9,A,a,1,soon,1.0,7,UK', 'IMPORT_TIME_INVALID'],
  ['too few fields', '9,A', 'IMPORT_QUANTITY_INVALID'],
  [
    'units that come back without C',
    '9,A,a,-1,2011-11-01 08:00:00,1.0,7,UK',
    'IMPORT_QUANTITY_SIGN',
  ],
  ['units that leave with C', 'C9,A,a,1,2011-11-01 08:00:00,1.0,7,UK', 'IMPORT_QUANTITY_SIGN'],
])('%s rejects the line and keeps its neighbours', async (_, row, code) => {
  const good = '10,B,b,1,2011-11-01 08:00:00,1.0,7,UK';
  const { events, rejected, lines } = await read([row, good]);
  expect(rejected).toEqual([[2, code]]);
  expect(events).toMatchObject([['order', { order_id: '10' }]]);
  expect(lines).toEqual({ read: 3, imported: 1, rejected: 1, skipped: 1 });
});

test('a quote that never closes costs its own record and no more memory than that', async () => {
  const good = '10,B,b,1,2011-11-01 08:00:00,1.0,7,UK';
  const { events, rejected } = await read([
    good,
    '9,A,"never',
    ...Array.from({ length: 5_000 }, () => good),
  ]);
  expect(events.length).toBeGreaterThan(0);
  expect(rejected.map(([, code]) => code)).toContain('IMPORT_LINE_MALFORMED');
});

test('prices keep every digit that the currency has', async () => {
  const price = async (text: string, currency: string): Promise<unknown> => {
    const { events } = await read([`9,A,a,1,2011-11-01 08:00:00,${text},7,UK`], { currency });
    return events;
  };
  expect(await price('1234567890.12', 'EUR')).toMatchObject([
    ['order', { lines: [{ unit_price_minor: 123_456_789_012 }] }],
  ]);
  expect(await price('0.290', 'EUR')).toMatchObject([
    ['order', { lines: [{ unit_price_minor: 29 }] }],
  ]);
  expect(await price('500', 'JPY')).toMatchObject([
    ['order', { lines: [{ unit_price_minor: 500 }] }],
  ]);
  expect(await price('0.125', 'KWD')).toMatchObject([
    ['order', { lines: [{ unit_price_minor: 125 }] }],
  ]);
});

test('columns of other names, a delimiter and a time zone are options', async () => {
  const file = await fileOf('order;art;n;at;each;who;land\n9;A;1;2011-07-01 08:00;1.50;7;UK\n');
  const { events } = await outcomeOf(
    readOrdersCsv(file, {
      columns: {
        invoice: 'order',
        sku: 'art',
        quantity: 'n',
        time: 'at',
        price: 'each',
        customer: 'who',
        region: 'land',
      },
      delimiter: ';',
      timezone: 'Europe/London',
      source: 'old-shop',
      salesChannel: 'retail',
    }),
  );
  expect(events).toMatchObject([
    [
      'order',
      { event_id: 'old-shop:9', sales_channel: 'retail', occurred_at: Date.UTC(2011, 6, 1, 7) },
    ],
  ]);
});

test('a missing column is named', async () => {
  const file = await fileOf(
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,CustomerID,Country\n',
  );
  const { error, events } = await outcomeOf(readOrdersCsv(file));
  expect(error).toMatchObject({ code: 'IMPORT_COLUMN_MISSING', details: { column: 'UnitPrice' } });
  expect(events).toEqual([]);
});

test('an empty file misses all columns', async () => {
  const { error } = await outcomeOf(readOrdersCsv(await fileOf('')));
  expect(error).toMatchObject({ code: 'IMPORT_COLUMN_MISSING' });
});

test('a file that is not there is unreadable', async () => {
  const { error } = await outcomeOf(readOrdersCsv(join(directory, 'absent.csv')));
  expect(error).toMatchObject({ code: 'IMPORT_FILE_UNREADABLE' });
});

// Counted and added up by a program of its own over the sample (Python, csv and decimal).
test('the sample of a real shop gives the figures of an independent count', async () => {
  const { counts, lines, events, rejected } = await outcomeOf(readOrdersCsv(SAMPLE.pathname));
  expect(lines).toEqual({ read: 290, imported: 289, rejected: 0, skipped: 1 });
  expect(rejected).toEqual([]);
  expect(counts).toMatchObject({
    invoices: 34,
    sales_invoices: 23,
    cancellations: 11,
    stock_correction_invoices: 4,
    orders_placed: 19,
    gross_sales_minor: 398_776,
    cancelled_goods_minor: 607_096,
    units_sold: 2_393,
    lines_at_price_zero: 13,
    sales_invoices_without_customer: 9,
    cancellations_without_customer: 2,
    invoices_with_several_times: 1,
  });
  const time = { nowMs: Date.UTC(2025, 0, 1), clockSkewMs: 0 };
  for (const [type, event] of events) expect(parseEvent(type, event, time).kind).toBe('ok');
});

test('any order of the lines gives the same events, byte for byte', async () => {
  const [header = '', ...rows] = (await readFile(SAMPLE, 'utf8')).trimEnd().split('\n');
  const expected = JSON.stringify((await outcomeOf(readOrdersCsv(SAMPLE.pathname))).events);
  const textOf = async (lines: readonly string[]): Promise<string> =>
    JSON.stringify(
      (await outcomeOf(readOrdersCsv(await fileOf([header, ...lines].join('\n'))))).events,
    );
  expect(await textOf(rows.toReversed())).toBe(expected);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(rows, { minLength: rows.length }), async (shuffled) => {
      expect(await textOf(shuffled)).toBe(expected);
    }),
    { numRuns: 10 },
  );
});

test('a gzip file gives what the plain file gives', async () => {
  const packed = await fileOf(gzipSync(await readFile(SAMPLE)));
  expect((await outcomeOf(readOrdersCsv(packed))).events).toEqual(
    (await outcomeOf(readOrdersCsv(SAMPLE.pathname))).events,
  );
});

test('a cut-off gzip file gives whole invoices of what is left, then the error', async () => {
  const packed = gzipSync(await readFile(SAMPLE));
  const whole = new Map(
    (await outcomeOf(readOrdersCsv(SAMPLE.pathname))).events.map(([, event]) => [
      JSON.stringify(event),
      true,
    ]),
  );
  const { events, error, rejected, lines } = await outcomeOf(
    readOrdersCsv(await fileOf(packed.subarray(0, packed.length >> 1))),
  );
  expect(error).toMatchObject({ code: 'IMPORT_FILE_DAMAGED' });
  expect(events.length).toBeGreaterThan(5);
  expect(events.filter(([, event]) => !whole.has(JSON.stringify(event)))).toEqual([]);
  expect(new Set(rejected.map(([, code]) => code))).toEqual(new Set(['IMPORT_LINE_INCOMPLETE']));
  expect(lines.read).toBe(lines.imported + lines.rejected + lines.skipped);
});
