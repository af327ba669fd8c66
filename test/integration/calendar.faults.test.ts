import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { AUDIT_ZERO, auditOf } from './audit.ts';
import { startWeir, temporaryDirectory } from './command-line.ts';
import { rowsOf, tablesOf } from './tables.ts';

const TIMEOUT_MS = 120_000;

/** The leap day of 2024 and its neighbours, and the hours in which clocks were set in Berlin and New York. */
const INSTANTS = [
  '2024-02-28T23:59:59.999Z',
  '2024-02-29T00:00:00.000Z',
  '2024-02-29T23:59:59.999Z',
  '2024-03-01T00:00:00.000Z',
  '2024-03-10T06:59:59.999Z',
  '2024-03-10T07:00:00.000Z',
  '2024-03-31T00:59:59.999Z',
  '2024-03-31T01:00:00.000Z',
  '2024-10-27T00:30:00.000Z',
  '2024-10-27T01:30:00.000Z',
];

/** A click and an order at each instant. */
function lines(): string {
  const events = INSTANTS.flatMap((instant, index) => {
    const common = { occurred_at: Date.parse(instant), source: 'test', visitor_id: 'v' };
    const line = { line_id: '1', sku: 'A', quantity: 1, unit_price_minor: 100 };
    return [
      { event: 'click', event_id: `c${index}`, ...common, kind: 'click', channel: 'email' },
      {
        event: 'order',
        event_id: `o${index}`,
        ...common,
        order_id: `o${index}`,
        status: 'placed',
        sales_channel: 'dtc',
        currency: 'EUR',
        lines: [line],
      },
    ];
  });
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

async function imported(zone: string, file: string): Promise<string> {
  const dataDir = join(temporaryDirectory(), 'data');
  const command = ['import', 'ndjson', file, '--data-dir', dataDir];
  expect(await startWeir(command, { TZ: zone }).finished).toMatchObject({
    exitCode: 0,
    stderr: '',
  });
  return dataDir;
}

test(
  'the leap day is a day of its own, and neither the zone of the machine nor summer time moves a window',
  async () => {
    const file = join(temporaryDirectory(), 'events.ndjson');
    writeFileSync(file, lines());
    const dataDir = await imported('UTC', file);
    const hours = await rowsOf(
      dataDir,
      `SELECT formatDateTime(window_start, '%FT%H', 'UTC') AS hour, toUInt32(sum(clicks_gross)) AS clicks
       FROM weir.channel_1h WHERE channel = 'email' GROUP BY hour ORDER BY hour`,
    );
    expect(hours).toEqual(INSTANTS.map((instant) => ({ hour: instant.slice(0, 13), clicks: 1 })));
    const days = await rowsOf(
      dataDir,
      `SELECT formatDateTime(window_start, '%F', 'UTC') AS day, toUInt32(sum(orders)) AS orders
       FROM weir.channel_1d WHERE channel = 'dtc' GROUP BY day ORDER BY day`,
    );
    expect(days).toEqual([
      { day: '2024-02-28', orders: 1 },
      { day: '2024-02-29', orders: 2 },
      { day: '2024-03-01', orders: 1 },
      { day: '2024-03-10', orders: 2 },
      { day: '2024-03-31', orders: 2 },
      { day: '2024-10-27', orders: 2 },
    ]);
    expect(await auditOf(dataDir)).toEqual(AUDIT_ZERO);
    for (const zone of ['Europe/Berlin', 'America/New_York'])
      expect(await tablesOf(await imported(zone, file)), zone).toEqual(await tablesOf(dataDir));
  },
  TIMEOUT_MS,
);
