import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ALERTS } from '../../schemas/alert.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildInventory } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { alertIdOf } from '../engine/operator/incident.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { tsvRow } from '../engine/sink/lines.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { createCapacityOperator } from './capacity-operator.ts';
import { NODE_CAPACITY } from './row.ts';

const OPERATORS = [createCapacityOperator({ allowedLatenessMs: DAY_MS, owners: {} })];
/** Each reading of the laws is of 100 units, so that what is used is a percentage. */
const CAPACITY = 100;

function reading(id: string, nodeId: string, used: number, minute: number): LawEvent {
  return {
    topic: 'weir.inventory',
    event: buildInventory({
      event_id: id,
      occurred_at: DAY_ZERO_MS + minute * MINUTE_MS,
      kind: 'capacity',
      sku: 'whole',
      node_id: nodeId,
      capacity: CAPACITY,
      used,
    }),
  };
}

function taken(nodeId: string, openedMinute: number, minute: number): LawEvent {
  const openedMs = DAY_ZERO_MS + openedMinute * MINUTE_MS;
  const event: SkuEvent = {
    event_id: `taken-${minute}`,
    occurred_at: DAY_ZERO_MS + minute * MINUTE_MS,
    source: 'api',
    sku: 'whole',
    kind: 'acknowledged',
    node_id: nodeId,
    quantity: 0,
    demand: 0,
    order_id: null,
    sales_channel: null,
    alert_id: alertIdOf('capacity_low', ['whole', nodeId], openedMs),
    actor: 'ana',
  };
  return { topic: 'weir.internal.sku', event };
}

/** State, acknowledgement and resolution of the alerts that are not withdrawn, by when they opened. */
function alertsOf(run: Run): readonly (readonly unknown[])[] {
  const at = (name: string): number => ALERTS.columns.findIndex((column) => column.name === name);
  return [...(run.output.rows.get(ALERTS.name)?.values() ?? [])]
    .filter((row) => row[at('withdrawn')] !== true)
    .map((row) => [
      (Number(row[at('opened_at')]) - DAY_ZERO_MS) / MINUTE_MS,
      row[at('state')],
      row[at('acknowledged_by')],
    ])
    .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The newest reading of every node, and since when it has been above 85 %: minute by minute. */
function byHand(events: readonly LawEvent[]): Results {
  const rows: Record<string, readonly (string | number | null)[]> = {};
  const readings = events.flatMap(({ topic, event }) =>
    topic === 'weir.inventory' ? [event] : [],
  );
  for (const nodeId of new Set(readings.map(({ node_id }) => node_id ?? ''))) {
    const own = readings
      .filter(({ node_id }) => node_id === nodeId)
      .toSorted((a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1));
    const newest = own.at(-1);
    if (newest === undefined) continue;
    let sinceMs: number | null = null;
    for (let atMs = DAY_ZERO_MS; atMs <= newest.occurred_at; atMs += MINUTE_MS) {
      const used = own.findLast(({ occurred_at }) => occurred_at <= atMs)?.used ?? 0;
      if (used <= 85) sinceMs = null;
      else sinceMs ??= atMs;
    }
    rows[`whole|${nodeId}`] = ['whole', nodeId, CAPACITY, newest.used, sinceMs, newest.occurred_at];
  }
  return { sums: {}, rows: { [NODE_CAPACITY.name]: rows } };
}

const anyReadings = fc
  .array(
    fc.tuple(fc.constantFrom('n1', 'n2'), fc.constantFrom(80, 85, 86, 100), fc.nat({ max: 30 })),
    { maxLength: 14 },
  )
  .map((list) =>
    list.map(([nodeId, used, minute], index) => reading(`e${index}`, nodeId, used, minute)),
  );

describeOperatorLaws({
  name: 'node capacity',
  operators: OPERATORS,
  events: anyReadings,
  oracle: byHand,
  sumsTables: [],
  rowsTables: [NODE_CAPACITY],
  stateBytesMax: 5_000,
  expiresAfterMsMax: 'never',
  allowedLatenessMs: DAY_MS,
});

test('alerts follow from the set of readings, not from their order', () => {
  fc.assert(
    fc.property(anyReadings, fc.infiniteStream(fc.nat()), (events, ranks) => {
      const shuffled = events
        .map((event) => ({ event, rank: ranks.next().value ?? 0 }))
        .toSorted((a, b) => a.rank - b.rank);
      const [sorted, mixed] = [new Run(OPERATORS), new Run(OPERATORS)];
      for (const event of events) sorted.apply(event);
      for (const { event } of shuffled) mixed.apply(event);
      expect(alertsOf(mixed)).toEqual(alertsOf(sorted));
    }),
  );
});

test('a node with less than 15 % free is one incident until it has 15 % again', () => {
  const run = new Run(OPERATORS);
  run.apply(reading('a', 'berlin', 85, 0));
  expect(alertsOf(run)).toEqual([]);
  run.apply(reading('b', 'berlin', 86, 5));
  run.apply(reading('c', 'berlin', 99, 10));
  expect(alertsOf(run)).toEqual([[5, 'open', null]]);
  run.apply(taken('berlin', 5, 12));
  expect(alertsOf(run)).toEqual([[5, 'acknowledged', 'ana']]);
  run.apply(reading('d', 'berlin', 85, 20));
  expect(alertsOf(run)).toEqual([[5, 'resolved', 'ana']]);
  // A late reading shows that it began earlier, and who took it over still has it.
  run.apply(reading('e', 'berlin', 90, 3));
  expect(alertsOf(run)).toEqual([[3, 'resolved', 'ana']]);
});

test('what is settled still belongs to the breach that began with it', () => {
  const run = new Run(OPERATORS);
  run.apply(reading('a', 'berlin', 90, 0));
  const later = 3 * DAY_MS;
  run.apply(reading('b', 'berlin', 91, later / MINUTE_MS), DAY_ZERO_MS + later);
  run.apply(reading('c', 'berlin', 80, later / MINUTE_MS + 5), DAY_ZERO_MS + later);
  expect(alertsOf(run)).toEqual([[0, 'resolved', null]]);
});

let path: string;
let clickHouse: ClickHouse;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-capacity-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  for (const statement of statementsOf(
    readFileSync(new URL('capacity.sql', import.meta.url), 'utf8'),
  )) {
    await clickHouse.command(statement);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

test('a full node is told how much to move, and to the node with the most room', async () => {
  const run = new Run(OPERATORS);
  run.apply(reading('a', 'full', 92, 0));
  run.apply(reading('b', 'busy', 83, 0));
  run.apply(reading('c', 'roomy', 50, 0));
  run.apply(reading('d', 'quiet', 60, 0));
  const lines = [...(run.output.rows.get(NODE_CAPACITY.name)?.values() ?? [])].map(
    (values) => `${tsvRow(NODE_CAPACITY.columns, values)}\t1\n`,
  );
  await clickHouse.insert({
    table: NODE_CAPACITY.name,
    columns: [...NODE_CAPACITY.columns.map(({ name }) => name), 'version'],
    rowCount: lines.length,
    body: Buffer.from(lines.join('')),
    token: 'capacity',
  });
  const rows = await clickHouse.query(
    `SELECT node_id, round(buffer, 2) AS buffer, state, toInt32(shift_units) AS shift_units, shift_to,
       toUInt32(dateDiff('minute', {zero:DateTime64(3, 'UTC')}, breached_since)) AS minute
     FROM weir.node_capacity ORDER BY node_id`,
    { zero: new Date(DAY_ZERO_MS).toISOString().replace('T', ' ').replace('Z', '') },
  );
  const enough = { shift_units: 0, shift_to: '', minute: null };
  expect(rows).toEqual([
    { node_id: 'busy', buffer: 0.17, state: 'TARGET', ...enough },
    {
      node_id: 'full',
      buffer: 0.08,
      state: 'BREACH',
      shift_units: 12,
      shift_to: 'roomy',
      minute: 0,
    },
    { node_id: 'quiet', buffer: 0.4, state: 'ROOM', ...enough },
    { node_id: 'roomy', buffer: 0.5, state: 'ROOM', ...enough },
  ]);
});
