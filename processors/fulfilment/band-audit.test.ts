import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import { ALERTS } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { Order } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import type { Row, Value } from '../../schemas/panel.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildInventory, buildOrder } from '../../test/laws/event-builders.ts';
import { Run } from '../../test/laws/law-run.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { createFulfilment } from './processor.ts';

const RETURNS_KEPT_MS = 30 * DAY_MS;
const HOURS = 14 * 24;

let path: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-band-audit-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

/** Two weeks of orders of all zones, in some days of which deliveries take twice as long. */
function anyOrders(random: Random): readonly Order[] {
  const orders: Order[] = [];
  for (let number = 0; number < 2_500; number += 1) {
    const id = `o${number}`;
    const placedMs = DAY_ZERO_MS + random.below(HOURS * HOUR_MS);
    const zone = (['urban', 'suburban', 'rural', null] as const)[random.below(4)] ?? null;
    const usualHours = zone === 'urban' ? 10 : zone === 'suburban' ? 18 : 40;
    const isSlow = Math.floor((placedMs - DAY_ZERO_MS) / DAY_MS) % 5 === 2;
    const cycleMs = usualHours * HOUR_MS * (0.2 + random.unit() * (isSlow ? 3 : 1));
    const add = (status: Order['status'], occurred_at: number): void => {
      const of = { order_id: id, zone, visitor_id: visitorToken(id) };
      orders.push(buildOrder({ ...of, status, occurred_at, event_id: `${id}-${status}` }));
    };
    add('placed', placedMs);
    if (random.chance(0.95)) add('delivered', Math.round(placedMs + cycleMs));
    if (random.chance(0.1)) add('cancelled', placedMs + random.below(90 * HOUR_MS));
  }
  return orders;
}

/** Readings every hour that go up and down. */
function anyReadings(random: Random): readonly Inventory[] {
  return Array.from({ length: HOURS }, (_, hour) =>
    buildInventory({
      event_id: `c${hour}`,
      occurred_at: DAY_ZERO_MS + hour * HOUR_MS,
      kind: 'capacity',
      sku: 'whole',
      node_id: random.chance(0.5) ? 'berlin' : null,
      capacity: 100,
      used: 80 + random.below(12),
    }),
  );
}

function alertsOf(run: Run, kind: string, columns: readonly string[]): readonly Row[] {
  const at = (name: string): number => ALERTS.columns.findIndex((column) => column.name === name);
  const textOf = (value: Value | undefined): string =>
    value === null
      ? 'open'
      : new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '');
  return [...(run.output.rows.get(ALERTS.name)?.values() ?? [])]
    .filter((row) => row[at('kind')] === kind && row[at('withdrawn')] !== true)
    .map((row) => ({
      ...Object.fromEntries(columns.map((name) => [name, row[at(name)] ?? null])),
      opened_at: textOf(row[at('opened_at')]),
      resolved: textOf(row[at('resolved_at')]),
    }));
}

function sqlOf(files: readonly string[]): string {
  return files.map((file) => readFileSync(new URL(file, import.meta.url), 'utf8')).join('');
}

/** As one value, so that the order of rows does not matter. */
function sorted(rows: readonly Row[]): readonly string[] {
  return rows
    .map(({ opened_at, resolved, ...about }) => JSON.stringify([about, opened_at, resolved]))
    .toSorted();
}

test('bands are broken and kept again where the SQL that recomputes them says', async () => {
  const orders = anyOrders(new Random(1, 'bands'));
  const run = new Run(
    createFulfilment({ allowedLatenessMs: DAY_MS, returnsKeptMs: RETURNS_KEPT_MS, owners: {} })
      .operators,
  );
  for (const event of orders) {
    run.apply({ topic: 'weir.orders', event });
    for (const { event: forwarded } of run.output.forwarded.splice(0))
      if ('alert_id' in forwarded) run.apply({ topic: 'weir.internal.sku', event: forwarded });
  }
  run.finish();
  await clickHouse.command(`CREATE VIEW weir.progress AS SELECT
    fromUnixTimestamp64Milli(toInt64(${run.newestMs}), 'UTC') AS watermark`);
  await clickHouse.command(`CREATE TABLE weir.visitor_orders (visitor_id String, order_id String,
    event_id String, status String, occurred_at DateTime64(3, 'UTC'), due_at Nullable(DateTime64(3, 'UTC')),
    zone Nullable(String), node_id Nullable(String), fulfilment Nullable(String), reason Nullable(String))
    ENGINE = Memory`);
  const values = orders.map(({ visitor_id, order_id, event_id, status, occurred_at, zone }) => {
    const zoneText = zone === null ? 'NULL' : `'${zone}'`;
    return `('${visitor_id}','${order_id}','${event_id}','${status}',fromUnixTimestamp64Milli(toInt64(${occurred_at}),'UTC'),NULL,${zoneText},NULL,NULL,NULL)`;
  });
  await clickHouse.command(`INSERT INTO weir.visitor_orders VALUES ${values.join(',')}`);
  const live = alertsOf(run, 'delivery_late', ['subject']);
  const recomputed = await clickHouse.query(sqlOf(['audit-beginning.sql', 'audit-bands.sql']), {
    returns_kept_ms: RETURNS_KEPT_MS,
  });
  expect(live.length).toBeGreaterThan(5);
  expect(sorted(recomputed)).toEqual(sorted(live));
});

test('nodes are full and have room again where the SQL that recomputes it says', async () => {
  const readings = anyReadings(new Random(1, 'capacity'));
  const run = new Run(
    createFulfilment({ allowedLatenessMs: HOURS * HOUR_MS, returnsKeptMs: DAY_MS, owners: {} })
      .operators,
  );
  for (const event of readings) run.apply({ topic: 'weir.inventory', event });
  await clickHouse.command(`CREATE TABLE weir.inventory (event_id String, occurred_at DateTime64(3, 'UTC'),
    kind String, sku String, node_id Nullable(String), capacity Nullable(Int64), used Nullable(Int64))
    ENGINE = Memory`);
  const values = readings.map(({ event_id, occurred_at, node_id, capacity, used }) => {
    const node = node_id === null ? 'NULL' : `'${node_id}'`;
    return `('${event_id}',fromUnixTimestamp64Milli(toInt64(${occurred_at}),'UTC'),'capacity','whole',${node},${capacity},${used})`;
  });
  await clickHouse.command(`INSERT INTO weir.inventory VALUES ${values.join(',')}`);
  const live = alertsOf(run, 'capacity_low', ['entity_key', 'node_id']);
  expect(live.length).toBeGreaterThan(20);
  expect(sorted(await clickHouse.query(sqlOf(['audit-breaches.sql']), {}))).toEqual(sorted(live));
});
