import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import { ALERTS, alertValues } from '../../schemas/alert.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { ORDER_STATUSES } from '../../schemas/events/order.ts';
import { visitorToken } from '../../schemas/ids.ts';
import type { Row } from '../../schemas/panel.ts';
import type { QueryParameter } from '../../schemas/ports.ts';
import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { buildBotsConfig } from '../../test/doubles/bots.ts';
import { STOCK_CONFIG } from '../../test/doubles/stock-config.ts';
import { buildClick, buildLine, buildOrder } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { anyTrade, steadySales } from '../../test/stock/trade.ts';
import { ALERTS_PANEL, ALERT_TIMES_PANEL } from '../alerts/panel.ts';
import { createAlerts } from '../alerts/processor.ts';
import { createArchive } from '../archive/processor.ts';
import { createBots } from '../bots/processor.ts';
import type { Processor } from '../engine/operator/processor.ts';
import type { RowsTable, Table, Value } from '../engine/operator/table.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';
import { tsvRow } from '../engine/sink/lines.ts';
import { statementsOf } from '../engine/sink/migrate.ts';
import { STOCK_FORECASTS_SQL, profileParameters } from './audit-parameters.ts';
import { STOCK_PANEL } from './panel.ts';
import { createStock } from './processor.ts';
import {
  STOCK_CURRENT,
  STOCK_STATES,
  STOCK_INCIDENTS,
  stockCurrentValues,
  stockIncidentValues,
  stockAlert,
} from './row.ts';

const START_MS = Date.UTC(2026, 2, 1);
const RETURNS_KEPT_MS = 5 * HOUR_MS;
/** Weights of the 24 hours of a day. */
const PROFILE = Array.from({ length: 24 }, (_, hour) => 1 + (hour % 5));
const processors = processorsWith([]);
const tables: readonly Table[] = processors.flatMap((processor) => processor.tables);

function auditSql(...files: readonly string[]): string {
  return ['audit-beginning.sql', ...files]
    .map((each) => readFileSync(new URL(each, import.meta.url), 'utf8'))
    .join('');
}

function processorsWith(profile: readonly number[]): readonly Processor[] {
  const stock = createStock({ ...STOCK_CONFIG, returnsKeptMs: RETURNS_KEPT_MS, profile });
  const bots = createBots(buildBotsConfig({ isFiltering: false }));
  return [createArchive(), bots, stock, createAlerts()];
}

let path: string;
let clickHouse: ClickHouse;
let insertCount = 0;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'weir-stock-'));
  clickHouse = await ClickHouse.openEmbedded(path);
  await clickHouse.command('CREATE DATABASE weir');
  const identities = new URL('../engine/sink/identities.sql', import.meta.url);
  const files = [identities, ...processors.flatMap((processor) => processor.migrations)];
  for (const file of files) {
    for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
      await clickHouse.command(statement);
    }
  }
});

beforeEach(async () => {
  for (const { name } of tables) await clickHouse.command(`TRUNCATE TABLE weir.${name}`);
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(path, { recursive: true, force: true });
});

async function insert(
  table: string,
  columns: readonly string[],
  lines: readonly string[],
): Promise<void> {
  insertCount += 1;
  await clickHouse.insert({
    table,
    columns,
    rowCount: lines.length,
    body: Buffer.from(lines.map((line) => `${line}\n`).join('')),
    token: `t${insertCount}`,
  });
}

/** Stores rows as the engine does: the columns and a version. */
async function insertRows(
  table: RowsTable,
  rows: readonly (readonly Value[])[],
  version = 1,
): Promise<void> {
  const columns = [...table.columns.map(({ name }) => name), 'version'];
  await insert(
    table.name,
    columns,
    rows.map((values) => `${tsvRow(table.columns, values)}\t${version}`),
  );
}

/** Runs the operators over `events`, forwards included, and stores what they emit. */
async function load(events: readonly LawEvent[], profile: readonly number[] = []): Promise<void> {
  const run = new Run(processorsWith(profile).flatMap(({ operators }) => operators));
  for (const event of events) run.apply(event);
  for (const { topic, event } of run.output.forwarded) {
    if (topic === 'weir.internal.sku' && 'alert_id' in event) run.apply({ topic, event });
  }
  for (const table of tables) {
    if (table.kind === 'facts') {
      const facts: readonly (readonly Value[])[] = run.output.facts.get(table.name) ?? [];
      if (facts.length === 0) continue;
      const place = ['topic', 'partition', 'offset', 'index'];
      await insert(
        table.name,
        [...table.columns.map(({ name }) => name), ...place],
        facts.map((values, index) => `${tsvRow(table.columns, values)}\tweir\t0\t${index}\t0`),
      );
    } else if (table.kind === 'rows') {
      const rows = [...(run.output.rows.get(table.name)?.values() ?? [])];
      if (rows.length > 0) await insertRows(table, rows);
    }
  }
}

const anySku = fc.nat({ max: 19 }).map((index) => `sku-${index}`);
const anyNode = fc.constantFrom(null, 'berlin', 'hamburg');
const anyTimeMs = fc.nat({ max: 240 }).map((step) => START_MS + step * 5 * MINUTE_MS);
const anyUnits = fc.option(fc.nat({ max: 12 }), { freq: 9 });
const anyInventory = fc
  .record({
    occurred_at: anyTimeMs,
    source: fc.constantFrom('till', 'warehouse'),
    isNumbered: fc.boolean(),
    sku: anySku,
    kind: fc.constantFrom('movement', 'movement', 'movement', 'count', 'price', 'inbound'),
    node_id: anyNode,
    on_hand: fc.oneof(anyUnits, fc.integer({ min: 30, max: 150 })),
    due_at: fc.nat({ max: 500 }).map((step) => START_MS + step * 5 * MINUTE_MS),
    lead_time_days: fc.constantFrom(null, null, 0.25, 1),
    reserved: fc.constantFrom(null, 2),
    safety: fc.constantFrom(null, 1),
    quantity: fc.option(fc.integer({ min: -9, max: 9 }), { freq: 9 }),
  })
  .map(({ isNumbered, ...fields }): LawEvent => {
    // Numbers rise with time, with holes and repeats.
    const seq = isNumbered ? Math.floor((fields.occurred_at - START_MS) / HOUR_MS) : null;
    return { topic: 'weir.inventory', event: { ...EMPTY_INVENTORY, ...fields, seq } };
  });
const anyOrder = fc
  .record({
    occurred_at: anyTimeMs,
    visitor_id: fc.constantFrom('v1', 'v2').map(visitorToken),
    order_id: fc.nat({ max: 25 }).map((index) => `o${index}`),
    status: fc.constantFrom(...ORDER_STATUSES, 'placed', 'returned', 'cancelled'),
    node_id: anyNode,
    lines: fc
      .array(fc.record({ sku: anySku, quantity: fc.integer({ min: 1, max: 4 }) }), { maxLength: 4 })
      .map((lines) => lines.map((line, index) => buildLine({ ...line, line_id: String(index) }))),
  })
  .map((fields): LawEvent => ({ topic: 'weir.orders', event: buildOrder(fields) }));
const anyEvents = fc
  .array(fc.oneof(anyOrder, anyInventory), { minLength: 800, maxLength: 800 })
  .map((events) => events.map((event, index) => withId(event, `e${index}`)));

const EMPTY_INVENTORY: Inventory = {
  event_id: '',
  occurred_at: START_MS,
  source: 'warehouse',
  seq: null,
  sku: 'sku-0',
  kind: 'movement',
  node_id: null,
  channel: null,
  on_hand: null,
  reserved: null,
  safety: null,
  quantity: null,
  lead_time_days: null,
  due_at: null,
  price_minor: null,
  currency: null,
  tax_included: null,
  promo_id: null,
  capacity: null,
  used: null,
};

function withId(lawEvent: LawEvent, id: string): LawEvent {
  if (lawEvent.topic === 'weir.orders') {
    return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id: id } };
  }
  if (lawEvent.topic === 'weir.inventory') {
    return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id: id } };
  }
  return lawEvent;
}

const AUDITED = 'sku, node_id, state, available, on_hand, reserved, safety, inbound, rate';

async function recomputed(
  sequenceGaps = true,
  profile: readonly number[] = [],
): Promise<readonly Row[]> {
  const sql = auditSql('audit-demand.sql', 'audit-chances.sql', 'audit.sql');
  return clickHouse.query(`SELECT ${AUDITED} FROM (${sql}) ORDER BY sku, node_id`, {
    ...parametersOf(profile),
    is_newest_only: true,
    sequence_gaps: sequenceGaps,
  });
}

function parametersOf(profile: readonly number[]): Readonly<Record<string, QueryParameter>> {
  return {
    returns_kept_ms: RETURNS_KEPT_MS,
    sequence_gaps: true,
    is_newest_only: false,
    lead_time_ms: STOCK_CONFIG.leadTimeMs,
    review_period_ms: STOCK_CONFIG.reviewPeriodMs,
    ...profileParameters(profile),
  };
}

test('current stock equals the SQL that recomputes it from the raw events, whatever its state', async () => {
  const seen = new Set<unknown>();
  for (const { seed, profile } of [
    { seed: 1, profile: [] },
    { seed: 4, profile: PROFILE },
  ]) {
    for (const { name } of tables) await clickHouse.command(`TRUNCATE TABLE weir.${name}`);
    const [events = []] = fc.sample(anyEvents, { seed, numRuns: 1 });
    await load([...steadySales(START_MS), ...events], profile);
    const live = await clickHouse.query(
      `SELECT sku, node_id, state, available, on_hand, reserved, safety, inbound, printf('%.3e', rate_per_day) AS rate
       FROM weir.stock_current ORDER BY sku, node_id`,
    );
    expect(await recomputed(true, profile), `batch ${seed}`).toEqual(live);
    for (const { state } of live) seen.add(state);
  }
  expect(STOCK_STATES.filter((state) => !seen.has(state))).toEqual([]);
});

test('stockouts begin and end where the SQL that recomputes them says', async () => {
  const resolutions: unknown[] = [];
  for (const seed of [1, 3, 4]) {
    for (const { name } of tables) await clickHouse.command(`TRUNCATE TABLE weir.${name}`);
    const [events = []] = fc.sample(anyEvents, { seed, numRuns: 1 });
    await load(events);
    const live = await clickHouse.query(
      `SELECT sku, node_id, opened_at, ifNull(toString(resolved_at), 'open') AS resolved
       FROM weir.alerts WHERE kind = 'stockout' ORDER BY sku, node_id, opened_at`,
    );
    const sql = `SELECT * FROM (${auditSql('audit-stockouts.sql')}) ORDER BY sku, node_id, opened_at`;
    expect(await clickHouse.query(sql, parametersOf([])), `batch ${seed}`).toEqual(live);
    resolutions.push(...live.map(({ resolved }) => resolved));
  }
  expect(resolutions).toContain('open');
  expect(new Set(resolutions).size).toBeGreaterThan(20);
});

test.each([{ profile: [] }, { profile: PROFILE }])(
  'forecasts, their error, pauses in sales and risks are those of the SQL that recomputes them: $profile.length weights',
  async ({ profile }) => {
    const [events = []] = fc.sample(anyEvents, { seed: 2, numRuns: 1 });
    await load([...anyTrade(new Random(5, 'trade'), START_MS), ...events], profile);
    const forecasts = auditSql('audit-demand.sql', 'audit-forecasts.sql');
    const shown = await clickHouse.query(`${STOCK_FORECASTS_SQL} ORDER BY sku, node_id`);
    expect(
      await clickHouse.query(
        `SELECT sku, node_id, phantom, tsb, croston, sba, error FROM (${forecasts}) ORDER BY sku, node_id`,
        parametersOf(profile),
      ),
    ).toEqual(shown);
    expect(shown.filter(({ error }) => error !== '').length).toBeGreaterThan(10);
    const risks = await clickHouse.query(
      `SELECT sku, node_id, opened_at, ifNull(toString(resolved_at), 'open') AS resolved
       FROM weir.alerts WHERE kind = 'at_risk' ORDER BY sku, node_id, opened_at`,
    );
    const sql = auditSql('audit-demand.sql', 'audit-chances.sql', 'audit-risks.sql');
    expect(
      await clickHouse.query(
        `SELECT * FROM (${sql}) ORDER BY sku, node_id, opened_at`,
        parametersOf(profile),
      ),
    ).toEqual(risks);
    expect(risks.filter(({ resolved }) => resolved === 'open').length).toBeGreaterThan(0);
    expect(risks.length).toBeGreaterThan(15);
  },
);

test('the recomputation follows the setting that turns sequence numbers off', async () => {
  const [events = []] = fc.sample(anyEvents, { seed: 6, numRuns: 1 });
  await load(events);
  const states = (await recomputed(false)).map(({ state }) => state);
  expect(states).toContain('OUT');
  expect(states).not.toContain('STALE');
});

test('the recomputation of nothing is nothing', async () => {
  expect(await recomputed()).toEqual([]);
});

const CURRENT = {
  sku: 'A-1',
  nodeId: 'berlin',
  state: 'IN_STOCK',
  available: 3,
  onHand: 4,
  reserved: 1,
  safety: 0,
  inboundUnits: 0,
  leadTimeDays: 5,
  demand: undefined,
  phantomChance: undefined,
  intermittent: undefined,
  forecastError: undefined,
  changedAtMs: START_MS,
  asOfMs: START_MS + 1,
  isExact: true,
  isWithdrawn: false,
} as const;
const STOCKOUT = {
  alertId: 'stockout:1:1',
  kind: 'stockout',
  lost: undefined,
  sku: 'A-1',
  nodeId: 'berlin',
  openedAtMs: START_MS,
  openedUnits: 0,
  resolvedAtMs: undefined,
  acknowledgedAtMs: START_MS + MINUTE_MS,
  acknowledgedBy: 'ana',
  isWithdrawn: false,
} as const;

test('a view shows the newest version of a row', async () => {
  await insertRows(STOCK_CURRENT, [stockCurrentValues(CURRENT)], 1);
  await insertRows(STOCK_CURRENT, [stockCurrentValues({ ...CURRENT, available: 2 })], 2);
  await insertRows(ALERTS, [alertValues(stockAlert(STOCKOUT, {}))]);
  await insertRows(STOCK_INCIDENTS, [stockIncidentValues(STOCKOUT)]);
  expect(await clickHouse.query('SELECT * FROM weir.stock_current')).toMatchObject([
    { available: 2, changed_at: '2026-03-01 00:00:00.000', as_of: '2026-03-01 00:00:00.001' },
  ]);
  const alert = {
    state: 'acknowledged',
    acknowledged_at: '2026-03-01 00:01:00.000',
    acknowledged_by: 'ana',
    resolved_at: null,
  };
  expect(await clickHouse.query('SELECT * FROM weir.alerts')).toMatchObject([alert]);
  expect(await clickHouse.query('SELECT * FROM weir.stock_incidents')).toMatchObject([alert]);
});

test('a withdrawn row is not shown', async () => {
  const withdrawn = { ...STOCKOUT, isWithdrawn: true };
  await insertRows(STOCK_CURRENT, [stockCurrentValues({ ...CURRENT, isWithdrawn: true })]);
  await insertRows(ALERTS, [alertValues(stockAlert(withdrawn, {}))]);
  await insertRows(STOCK_INCIDENTS, [stockIncidentValues(withdrawn)]);
  for (const view of ['stock_current', 'alerts', 'stock_incidents']) {
    expect(await clickHouse.query(`SELECT * FROM weir.${view}`)).toEqual([]);
  }
});

test.each([STOCK_PANEL, ALERTS_PANEL, ALERT_TIMES_PANEL])(
  'the columns of the panel $path are those of its view',
  async (panel) => {
    const { views, columns } = panel.query;
    const described = await clickHouse.query(`DESCRIBE TABLE ${views.all}`);
    expect(described.map(({ name }) => name)).toEqual(columns);
  },
);

test('420 views while it was out, at 6.2 units a hundred views in stock, are 26.04 units lost', async () => {
  const soldMs = START_MS + HOUR_MS;
  const views = Array.from({ length: 1_420 }, (_, index): LawEvent => {
    const occurred_at = index < 1_000 ? START_MS + index * 1_000 : soldMs + index * 1_000;
    const about = { event_id: `view-${index}`, visitor_id: visitorToken(`v${index}`), sku: 'lamp' };
    return {
      topic: 'weir.clicks',
      event: buildClick({ ...about, occurred_at, kind: 'product_view' }),
    };
  });
  const count = { ...EMPTY_INVENTORY, event_id: 'count', sku: 'lamp', on_hand: 62 };
  const lines = [buildLine({ sku: 'lamp', quantity: 62 })];
  await load([
    { topic: 'weir.inventory', event: { ...count, kind: 'count' } },
    ...views,
    { topic: 'weir.orders', event: buildOrder({ occurred_at: soldMs, status: 'placed', lines }) },
  ]);
  const [lost] = await clickHouse.query('SELECT * FROM weir.stock_lost_views');
  expect(lost).toMatchObject({ sku: 'lamp', units_per_view: 0.062 });
  expect(Number(lost?.['views_while_out'])).toBe(420);
  expect(lost?.['lost_units']).toBeCloseTo(26.04, 12);
});

test('every view of stock can be read', async () => {
  const [events = []] = fc.sample(anyEvents, { seed: 7, numRuns: 1 });
  await load(events);
  const views = [
    'stock_phantoms',
    'stock_sku_outages',
    'stock_lost_views',
    'stock_lost_ad_spend',
    'alert_times',
  ];
  for (const view of views) {
    const [row] = await clickHouse.query(`SELECT toUInt32(count()) AS rows FROM weir.${view}`);
    expect([view, row?.['rows']]).toEqual([view, expect.any(Number)]);
  }
  const [outages] = await clickHouse.query(
    'SELECT toUInt32(count()) AS rows FROM weir.stock_sku_outages',
  );
  expect(outages?.['rows']).toBeGreaterThan(0);
});
