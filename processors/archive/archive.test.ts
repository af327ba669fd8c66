import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Click } from '../../schemas/events/click.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import {
  DAY_ZERO_MS,
  buildClick,
  buildLine,
  buildOrder,
  buildReference,
} from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import type { FactsTable } from '../engine/operator/table.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { tsvRow } from '../engine/sink/lines.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { createArchive } from './processor.ts';
import { CLICKS_LOG, INVENTORY_LOG, ORDERS_LOG, ORDER_LINES_LOG, REFERENCE_LOG } from './row.ts';

const archive = createArchive();

const CLICK = buildClick({
  seq: 7,
  session_id: 's1',
  kind: 'add_to_cart',
  campaign: 'spring',
  sku: 'sku-1',
  url: 'https://shop.example/a\tb\\c\n',
  referrer: '',
  ip: 'token-ip',
  user_agent: 'token-agent',
  region: 'eu',
  signed_in: true,
  server_side: false,
  consent: { analytics: true, marketing: false },
});
const ORDER = buildOrder({
  seq: 0,
  customer_id: 'c1',
  lines: [
    buildLine({ line_id: '1' }),
    buildLine({ line_id: '2', quantity: 3, unit_cost_minor: null }),
  ],
  region: 'eu',
  zone: 'rural',
  fulfilment: 'locker',
  node_id: 'n1',
  due_at: DAY_ZERO_MS + 5,
  promo_id: 'p1',
  reason: 'damaged',
});
const { lines: LINES, ...ORDER_WITHOUT_LINES } = ORDER;
const INVENTORY: Inventory = {
  event_id: 'inventory-1',
  occurred_at: DAY_ZERO_MS,
  source: 'test',
  seq: 3,
  sku: 'sku-1',
  kind: 'movement',
  node_id: 'n1',
  channel: 'dtc',
  on_hand: 1,
  reserved: 2,
  safety: 3,
  quantity: -4,
  lead_time_days: 1.5,
  due_at: DAY_ZERO_MS,
  price_minor: 999,
  currency: 'EUR',
  tax_included: true,
  promo_id: 'p1',
  capacity: 10,
  used: 9,
};
const REFERENCE = buildReference({
  seq: 1,
  base: 'EUR',
  quote: 'USD',
  rate: 1.0825,
  channel: 'dtc',
  campaign: 'spring',
  amount_minor: 100,
  currency: 'EUR',
  metric: 'mix',
  value: 0.4,
  from: DAY_ZERO_MS,
  to: DAY_ZERO_MS + 1,
  rule: '{}',
  consent: { analytics: false, marketing: true },
});

const EVENTS: readonly LawEvent[] = [
  { topic: 'weir.clicks', event: CLICK },
  { topic: 'weir.clicks', event: buildClick({ event_id: 'click-2' }) },
  { topic: 'weir.orders', event: ORDER },
  { topic: 'weir.inventory', event: INVENTORY },
  { topic: 'weir.reference', event: REFERENCE },
];

function run(): Run {
  const result = new Run(archive.operators);
  for (const event of EVENTS) result.apply(event);
  return result;
}

/** The first fact of `table` by column name. */
function factOf(table: FactsTable): Readonly<Record<string, unknown>> {
  const [values = []] = run().output.facts.get(table.name) ?? [];
  expect(values).toHaveLength(table.columns.length);
  return Object.fromEntries(table.columns.map(({ name }, index) => [name, values[index]]));
}

/** An event's fields as columns: consent flat, lines apart, and when it was taken. */
function columnsOf(event: {
  readonly event_id: string;
  readonly consent?: Click['consent'];
}): Readonly<Record<string, unknown>> {
  const { consent, ...fields } = event;
  const columns = { ...fields, ingested_at: DAY_ZERO_MS };
  if (consent === undefined || consent === null) return columns;
  const { analytics, marketing } = consent;
  return { ...columns, consent_analytics: analytics, consent_marketing: marketing };
}

test('every field of an event is a column of its row', () => {
  expect(factOf(CLICKS_LOG)).toEqual(columnsOf(CLICK));
  expect(factOf(ORDERS_LOG)).toEqual(columnsOf(ORDER_WITHOUT_LINES));
  expect(factOf(INVENTORY_LOG)).toEqual(columnsOf(INVENTORY));
  expect(factOf(REFERENCE_LOG)).toEqual(columnsOf(REFERENCE));
});

test('an order has a row per line', () => {
  const lines = run().output.facts.get(ORDER_LINES_LOG.name) ?? [];
  expect(lines).toHaveLength(2);
  expect(factOf(ORDER_LINES_LOG)).toEqual({
    ...LINES[0],
    occurred_at: ORDER.occurred_at,
    event_id: ORDER.event_id,
    order_id: ORDER.order_id,
    status: ORDER.status,
    visitor_id: ORDER.visitor_id,
    sales_channel: ORDER.sales_channel,
    currency: ORDER.currency,
    ingested_at: DAY_ZERO_MS,
  });
});

let path: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-archive-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  for (const file of archive.migrations) {
    for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
      await clickHouse.command(statement);
    }
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

test('the views hold every value as it was sent, and a row that was written twice once', async () => {
  const { facts } = run().output;
  // Twice, in inserts that ClickHouse does not take for the same one.
  for (const round of ['a', 'b']) {
    for (const table of archive.tables) {
      if (table.kind !== 'facts') continue;
      const lines = (facts.get(table.name) ?? []).map(
        (values, index) => `${tsvRow(table.columns, values)}\tweir.test\t3\t${index}\t0\n`,
      );
      await clickHouse.insert({
        table: table.name,
        columns: [
          ...table.columns.map(({ name }) => name),
          'topic',
          'partition',
          'offset',
          'index',
        ],
        rowCount: lines.length,
        body: Buffer.from(lines.join('')),
        token: `${table.name}-${round}`,
      });
    }
  }
  const stored = (view: string) => clickHouse.query(`SELECT * FROM weir.${view} ORDER BY offset`);
  const dayZero = '2026-03-02 00:00:00.000';
  const position = { ingested_at: dayZero, occurred_at: dayZero, partition: 3, offset: 0 };
  const [click, bareClick] = await stored('clicks');
  expect(click).toEqual({ ...columnsOf(CLICK), ...position });
  expect(bareClick).toMatchObject({ campaign: null, signed_in: null, consent_marketing: null });
  expect(await stored('orders')).toEqual([
    { ...columnsOf(ORDER_WITHOUT_LINES), ...position, due_at: '2026-03-02 00:00:00.005' },
  ]);
  expect(await stored('order_lines')).toMatchObject(LINES);
  expect(await stored('inventory')).toEqual([
    { ...columnsOf(INVENTORY), ...position, due_at: dayZero },
  ]);
  expect(await stored('reference')).toEqual([
    { ...columnsOf(REFERENCE), ...position, from: dayZero, to: '2026-03-02 00:00:00.001' },
  ]);
});

test('every stored column says what it means', async () => {
  expect(
    await clickHouse.query(
      "SELECT table, name FROM system.columns WHERE database = 'weir' AND comment = ''",
    ),
  ).toEqual([]);
});
