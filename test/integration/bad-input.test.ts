import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, test, vi } from 'vitest';

import { avroContainer } from './avro-container.ts';
import { startWeir, temporaryDirectory, weir } from './command-line.ts';
import { startServer } from './server.ts';
import { writeShopFile } from './simulated-shop.ts';
import { rowsOf } from './tables.ts';

/** Each test starts `weir` a few times, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000 });

const LOCKED_PORT = 18_161;

const CLICK = {
  occurred_at: Date.UTC(2025, 10, 20),
  source: 'test',
  visitor_id: 'v',
  kind: 'click',
  channel: 'dtc',
};

function clickLine(eventId: string): string {
  return JSON.stringify({ event: 'click', event_id: eventId, ...CLICK });
}

test('a lock that a killed process has left behind is taken over', async () => {
  const dataDir = join(temporaryDirectory(), 'data');
  const server = await startServer(dataDir, LOCKED_PORT);
  server.child.kill('SIGKILL');
  expect(await server.finished).toMatchObject({ signal: 'SIGKILL' });
  expect(readFileSync(join(dataDir, 'lock'), 'utf8')).toBe(`${server.child.pid}\n`);
  expect(await weir('audit', '--data-dir', dataDir)).toMatchObject({ exitCode: 0, stderr: '' });
});

test.each([
  { args: ['strat'], says: 'Did you mean start?' },
  { args: ['import', 'ndjson'], says: "missing required argument 'file'" },
  { args: ['keys', 'create'], says: "required option '--name" },
  { args: ['demo', '--history', '100000'], says: 'Expected at most 10080' },
  { args: ['simulate', '--rate', '-5'], says: 'Expected a whole number above 0' },
])('weir $args is wrong usage: exit code 2, and where to read more', async ({ args, says }) => {
  const { exitCode, stdout, stderr } = await weir(...args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr).toContain('Run with --help for the options.');
});

test('an audit of a directory in which nothing has run says so', async () => {
  const dataDir = join(temporaryDirectory(), 'data');
  expect(await weir('audit', '--data-dir', dataDir)).toMatchObject({
    exitCode: 1,
    stderr: `TABLES_MISSING: Expected the tables of a Weir that has run, there are none at ${dataDir}\n`,
  });
});

test('the doctor finds nothing to mend in a new directory, and says which ClickHouse it found', async () => {
  const { exitCode, stdout } = await startWeir(
    ['doctor', '--json', '--data-dir', join(temporaryDirectory(), 'data')],
    { WEIR_HTTP_PORT: '0' },
  ).finished;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    findings: expect.arrayContaining([
      {
        check: 'clickhouse',
        isGood: true,
        detail: expect.stringMatching(/^embedded, [\d.]+ \(chdb [\d.]+\)$/),
      },
    ]),
  });
});

test('a file that is not there, or is a directory, ends the import with exit code 2', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'folder.ndjson'));
  for (const name of ['missing.ndjson', 'folder.ndjson']) {
    const file = join(directory, name);
    const { exitCode, stderr } = await weir(
      'import',
      'ndjson',
      file,
      '--data-dir',
      join(directory, 'data'),
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining(`IMPORT_FILE_UNREADABLE: `),
    });
    expect(stderr).toContain(name);
  }
});

test('a CSV file without a column that is needed ends the import with exit code 2 and names the column', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'orders.csv');
  writeFileSync(
    file,
    'InvoiceNo,StockCode,Description,InvoiceDate,UnitPrice,CustomerID,Country\n1,A,a,2011-11-01 08:16:00,2.1,7,UK\n',
  );
  const dataDir = join(directory, 'data');
  const { exitCode, stderr } = await weir('import', 'orders-csv', file, '--data-dir', dataDir);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: expect.stringMatching(/IMPORT_COLUMN_MISSING: .*Quantity/),
  });
  expect(await rowsOf(dataDir, 'SELECT count() AS orders FROM weir.orders')).toEqual([
    { orders: 0 },
  ]);
});

test('good lines of a file are imported although others are not JSON, not events or not whole', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'events.ndjson');
  const dataDir = join(directory, 'data');
  const lines = [
    clickLine('a'),
    '{"event":"click","event_id":',
    '[]',
    '{"event":"nonsense","event_id":"x"}',
    JSON.stringify({ event: 'click', ...CLICK }),
    '{"event":"click","__proto__":{},"event_id":"p"}',
    '',
    clickLine('b'),
  ];
  // The last line has no end.
  writeFileSync(file, lines.join('\n'));
  const { exitCode, stdout } = await weir(
    'import',
    'ndjson',
    file,
    '--data-dir',
    dataDir,
    '--json',
  );
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    files: [
      {
        summary: {
          events: { click: { accepted: 2 } },
          lines: { read: 8, skipped: 1 },
        },
      },
    ],
  });
  expect(await rowsOf(dataDir, 'SELECT event_id FROM weir.clicks ORDER BY event_id')).toEqual([
    { event_id: 'a' },
    { event_id: 'b' },
  ]);
});

test('of a gzip file that ends too soon all is imported that can be read, and the exit code is 5', async () => {
  const directory = temporaryDirectory();
  const { file } = await writeShopFile(directory, { seed: 9, eventsPerSecond: 50, minutes: 1 });
  const packed = gzipSync(readFileSync(file));
  const cut = join(directory, 'cut.ndjson.gz');
  writeFileSync(cut, packed.subarray(0, Math.floor(packed.length / 2)));
  const dataDir = join(directory, 'data');
  const { exitCode, stderr } = await weir('import', 'ndjson', cut, '--data-dir', dataDir);
  expect(exitCode).toBe(5);
  expect(stderr).toContain('IMPORT_FILE_DAMAGED: ');
  const [, accepted = ''] = /click events: \d+ found = (\d+) accepted/.exec(stderr) ?? [];
  expect(Number(accepted)).toBeGreaterThan(500);
  expect(await rowsOf(dataDir, 'SELECT count() AS clicks FROM weir.clicks')).toEqual([
    { clicks: Number(accepted) },
  ]);
  // The whole file goes on where the cut one ended.
  expect(await weir('import', 'ndjson', file, '--data-dir', dataDir)).toMatchObject({
    exitCode: 0,
  });
});

test('of an Avro file that ends too soon the whole blocks are imported, and the exit code is 5', async () => {
  const directory = temporaryDirectory();
  const container = await avroContainer(1_000);
  const file = join(directory, 'counts.avro');
  writeFileSync(file, container.subarray(0, Math.floor(container.length / 2)));
  const dataDir = join(directory, 'data');
  const { exitCode, stderr } = await weir('import', 'avro', file, '--data-dir', dataDir);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 5,
    stderr: expect.stringContaining('IMPORT_FILE_DAMAGED: '),
  });
  const [row] = await rowsOf(dataDir, 'SELECT count() AS counts FROM weir.inventory');
  expect(row?.['counts']).toBeGreaterThan(100);
  expect(row?.['counts']).toBeLessThan(1_000);
});
