import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { expect, test } from 'vitest';

import type { ImportSummary } from '../../cli/import/summary.ts';
import { erase } from '../../schemas/brand.ts';
import { temporaryDirectory, weir } from './command-line.ts';
import { rowsOf, tablesOf } from './tables.ts';

const DATA = join(import.meta.dirname, '../../../shared/data');
const ORDERS = join(DATA, 'online-retail-2011-11.csv.gz');
const LOG = join(DATA, 'access-log-a.log.gz');
/** The whole files are not part of the repository; samples of them are tested beside the readers. */
const hasFiles = existsSync(ORDERS) && existsSync(LOG);
const TIMEOUT_MS = 300_000;

async function importFile(
  kind: 'orders-csv' | 'access-log',
  file: string,
  dataDir: string,
): Promise<ImportSummary> {
  const { exitCode, stdout, stderr } = await weir(
    'import',
    kind,
    file,
    '--data-dir',
    dataDir,
    '--json',
  );
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  const { files } = erase<{ readonly files: readonly { readonly summary: ImportSummary }[] }>(
    JSON.parse(stdout),
  );
  const [only] = files;
  if (only === undefined) throw new Error('the import reported no file');
  return only.summary;
}

async function differences(dataDir: string): Promise<unknown> {
  const { exitCode, stdout } = await weir('audit', '--data-dir', dataDir, '--json');
  const { results } = erase<{
    readonly results: readonly {
      readonly view: string;
      readonly differences: readonly unknown[];
    }[];
  }>(JSON.parse(stdout));
  return { exitCode, differing: results.filter((result) => result.differences.length > 0) };
}

/** The file with its lines in reverse; the first of `headerLines` stay first. */
function reversed(file: string, directory: string, headerLines: number): string {
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
  const target = join(directory, 'reversed');
  writeFileSync(
    target,
    [...lines.slice(0, headerLines), ...lines.slice(headerLines).toReversed(), ''].join('\n'),
  );
  return target;
}

/** Sales and returns per minute, computed by ClickHouse from the CSV alone, beside what Weir shows. */
const MINUTES_FROM_CSV = `
  WITH
    lines AS (
      SELECT InvoiceNo AS invoice, toInt64(Quantity) AS quantity, toDecimal64(toString(UnitPrice), 2) AS price,
        min(parseDateTimeBestEffort(toString(InvoiceDate), 'UTC')) OVER (PARTITION BY InvoiceNo) AS at
      FROM file('${ORDERS}', 'CSVWithNames', 'InvoiceNo String, StockCode String, Description String, Quantity Int64, InvoiceDate String, UnitPrice String, CustomerID String, Country String')
    ),
    invoices AS (
      SELECT invoice, any(at) AS at, startsWith(invoice, 'C') AS is_return,
        sumIf(quantity, quantity > 0) AS units,
        toInt64(sum(abs(quantity) * price) * 100) AS value_minor,
        countIf(quantity > 0) AS sold_lines
      FROM lines GROUP BY invoice
    )
  SELECT toStartOfMinute(at) AS minute,
    toInt64(countIf(NOT is_return AND sold_lines > 0)) AS orders,
    sumIf(units, NOT is_return) AS units,
    sumIf(value_minor, NOT is_return AND sold_lines > 0) AS revenue_minor,
    sumIf(value_minor, is_return) AS returns_minor
  FROM invoices GROUP BY minute
  HAVING orders != 0 OR units != 0 OR revenue_minor != 0 OR returns_minor != 0`;

const MINUTES_OF_WEIR = `
  SELECT toDateTime(window_start, 'UTC') AS minute, sum(orders) AS orders, sum(units) AS units,
    sum(revenue_minor) AS revenue_minor, sum(returns_minor) AS returns_minor
  FROM weir.channel_1m WHERE currency = 'GBP' GROUP BY minute
  HAVING orders != 0 OR units != 0 OR revenue_minor != 0 OR returns_minor != 0`;

test.skipIf(!hasFiles)(
  'a real month of orders and a real access log come out as an independent SQL over the files says, in any order, once',
  async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    const orders = await importFile('orders-csv', ORDERS, dataDir);
    expect(orders.lines).toEqual({ read: 84_712, imported: 84_711, rejected: 0, skipped: 1 });
    expect(orders.events.order).toEqual({
      found: 3_325,
      accepted: 3_325,
      duplicates: 0,
      rejected: 0,
    });
    expect(orders.rules).toMatchObject({
      sales_invoices: 3_021,
      cancellations: 441,
      stock_correction_invoices: 137,
      lines_at_price_zero: 266,
      sales_invoices_without_customer: 363,
      invoices_with_several_times: 3,
      gross_sales_minor: 150_949_633,
      cancelled_goods_minor: 4_774_008,
    });
    const log = await importFile('access-log', LOG, dataDir);
    expect(log.events.click).toEqual({ found: 5_000, accepted: 5_000, duplicates: 0, rejected: 0 });

    const disagreeing = await rowsOf(
      dataDir,
      `((${MINUTES_FROM_CSV}) EXCEPT (${MINUTES_OF_WEIR})) UNION ALL ((${MINUTES_OF_WEIR}) EXCEPT (${MINUTES_FROM_CSV}))`,
    );
    expect(disagreeing).toEqual([]);
    expect(await differences(dataDir)).toEqual({ exitCode: 0, differing: [] });

    const tables = await tablesOf(dataDir);
    expect((await importFile('orders-csv', ORDERS, dataDir)).events.order).toEqual({
      found: 3_325,
      accepted: 0,
      duplicates: 3_325,
      rejected: 0,
    });
    expect((await importFile('access-log', LOG, dataDir)).events.click.duplicates).toBe(5_000);
    expect(await tablesOf(dataDir)).toEqual(tables);

    const backwards = temporaryDirectory();
    const backwardsDir = join(backwards, 'data');
    await importFile('access-log', reversed(LOG, backwards, 0), backwardsDir);
    await importFile('orders-csv', reversed(ORDERS, backwards, 1), backwardsDir);
    expect(await tablesOf(backwardsDir)).toEqual(tables);
  },
  TIMEOUT_MS,
);
