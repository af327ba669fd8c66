import { existsSync } from 'node:fs';

import { expect, test } from 'vitest';

import { readAccessLog } from './access-log.ts';
import type { ImportBatch } from './batch.ts';
import { readOrdersCsv } from './orders-csv.ts';
import { type ImportSummary, SummaryBuilder } from './summary.ts';

// The whole files are too large for the project; where they lie beside it, they are read.
const ORDERS = new URL('../../../shared/data/online-retail-2011-11.csv.gz', import.meta.url);
const LOG = new URL('../../../shared/data/access-log-a.log.gz', import.meta.url);

async function summaryOf(batches: AsyncGenerator<ImportBatch>): Promise<ImportSummary> {
  const summary = new SummaryBuilder();
  for await (const batch of batches) {
    const all = { accepted: batch.events.length, duplicates: 0, rejected: [] };
    summary.add(batch, batch.events.length === 0 ? undefined : all);
  }
  return summary.summary();
}

// Figures of an independent count with Python's csv and decimal modules.
test.skipIf(!existsSync(ORDERS))('a month of a real shop adds up to the penny', async () => {
  const { lines, events, rules } = await summaryOf(readOrdersCsv(ORDERS.pathname));
  expect(lines).toEqual({ read: 84_712, imported: 84_711, rejected: 0, skipped: 1 });
  expect(events).toMatchObject({ order: { found: 3_325 }, inventory: { found: 137 } });
  expect(rules).toMatchObject({
    gross_sales_minor: 150_949_633,
    cancelled_goods_minor: 4_774_008,
    sales_invoices: 3_021,
    orders_placed: 2_884,
    cancellations: 441,
    stock_correction_invoices: 137,
    lines_at_price_zero: 266,
    order_lines_at_price_zero: 129,
    sales_invoices_without_customer: 363,
    invoices_with_several_times: 3,
    units_sold: 771_598,
  });
});

// Figures of an independent count with awk.
test.skipIf(!existsSync(LOG))('every line of a real access log becomes a click', async () => {
  const { lines, events, rules } = await summaryOf(readAccessLog(LOG.pathname));
  expect(lines).toEqual({ read: 5_000, imported: 5_000, rejected: 0, skipped: 0 });
  expect(events).toMatchObject({ click: { found: 5_000 } });
  expect(rules).toEqual({
    page_views: 2_221,
    assets: 2_069,
    machine_files: 467,
    errors: 111,
    redirects: 112,
    other_methods: 20,
    repeated_lines: 16,
  });
});
