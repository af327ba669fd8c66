import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { type RunningSql, startSql } from '../../api/sql/main.ts';
import { Shop } from '../../bench/shop/shop.ts';
import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { PANELS } from '../../processors/panels.ts';
import { erase } from '../../schemas/brand.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { EVENT_TYPES } from '../../schemas/topics.ts';
import { type Choices, expand } from './macros.ts';
import { DASHBOARDS, PANEL_QUERIES, type PanelQuery, type Provisioned } from './panel-queries.ts';

/** A day of this shop takes 20 minutes, so stockouts, restocks and returns happen in half an hour. */
const SHOP_MS = 30 * MINUTE_MS;
const START_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - SHOP_MS - 10 * MINUTE_MS;
const RANGE = {
  fromSeconds: START_MS / SECOND_MS,
  toSeconds: START_MS / SECOND_MS + 2 * 3_600,
  stepSeconds: 60,
};

const dataDir = mkdtempSync(join(tmpdir(), 'weir-grafana-'));
let engine: Embedded | undefined;
let sql: RunningSql | undefined;

beforeAll(async () => {
  const config: Config = {
    ...DEFAULT_CONFIG,
    data_dir: dataDir,
    partitions: 2,
    log_level: 'error',
  };
  engine = await Embedded.open(config, (error) => {
    throw error;
  });
  await fill(engine);
  sql = await startSql({ sql: engine.sql, host: '127.0.0.1', port: 0, logger: engine.logger });
}, 120_000);
afterAll(async () => {
  await sql?.close();
  await engine?.close();
  rmSync(dataDir, { recursive: true });
});

/** Half an hour of the simulated shop, then a click that comes days too late. */
async function fill(open: Embedded): Promise<void> {
  const shop = new Shop({
    seed: 3,
    startMs: START_MS,
    durationMs: SHOP_MS,
    eventsPerSecond: 8,
    conversionRate: 0.2,
  });
  const events = [...shop.next(START_MS + SHOP_MS), ...shop.finish()].filter(
    ({ occurredAtMs }) => occurredAtMs < Date.now(),
  );
  for (const type of EVENT_TYPES) {
    const ofType = events.filter((event) => event.type === type).map((event) => event.toObject());
    const { rejected } = await open.ingest(type, ofType);
    expect(rejected).toEqual([]);
  }
  await open.drain();
  const late = { event_id: 'late', occurred_at: START_MS - 3 * DAY_MS, source: 'old-phone' };
  await open.ingest('click', [{ ...late, visitor_id: 'v', kind: 'click', channel: 'email' }]);
  await open.drain();
}

/** Asks the read-only interface, which refuses stored tables. */
async function ask(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const url = new URL(sql?.url ?? '');
  url.searchParams.set('default_format', 'JSONEachRow');
  const response = await fetch(url, { method: 'POST', body: statement });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${text} in ${statement}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => erase<Readonly<Record<string, unknown>>>(JSON.parse(line)));
}

/** What Grafana chooses at first: all values of a filter, the first value of anything else. */
async function firstChoices(
  { uid, templating }: Provisioned,
  ofFilters: 'all' | 'first',
): Promise<Choices> {
  const kept = CHOICES.get(uid + ofFilters);
  if (kept !== undefined) return kept;
  const choices = new Map<string, readonly string[] | undefined>();
  for (const { name, query, includeAll } of templating.list ?? []) {
    const rows = await ask(expand(query, RANGE, choices));
    const [first] = rows.map((row) => String(Object.values(row)[0]));
    expect(first, `values of ${name}`).toBeDefined();
    choices.set(name, includeAll === true && ofFilters === 'all' ? undefined : [first ?? '']);
  }
  CHOICES.set(uid + ofFilters, choices);
  return choices;
}

const CHOICES = new Map<string, Choices>();
const STATEMENTS = PANEL_QUERIES.filter(({ target }) => target.rawSql !== undefined);

test('there are statements of all three dashboards', () => {
  expect(new Set(STATEMENTS.map(({ dashboard }) => dashboard.uid)).size).toBe(3);
  expect(DASHBOARDS).toHaveLength(3);
});

test.each(STATEMENTS)('$where has rows of the simulated shop', async (query: PanelQuery) => {
  const { dashboard, target } = query;
  const rows = await ask(expand(target.rawSql ?? '', RANGE, await firstChoices(dashboard, 'all')));
  expect(rows.length).toBeGreaterThan(0);
  const values = rows.flatMap((row) => Object.values(row));
  expect(values.filter((value) => value !== null && value !== '').length).toBeGreaterThan(0);
  if (target.queryType !== 'timeseries') return;
  const columns = Object.keys(rows[0] ?? {});
  expect([columns[0], columns.at(-1)]).toEqual(['time', 'Value']);
  expect(rows.every(({ Value }) => Value !== null && Number.isFinite(Number(Value)))).toBe(true);
});

test.each(PANELS)('/v1/$path is answered by views that have its columns', async ({ query }) => {
  for (const view of Object.values(query.views)) {
    const name = view.startsWith('weir.') ? view : `weir.${view}`;
    const rows = await ask(`SELECT ${query.columns.join(', ')} FROM ${name} LIMIT 0`);
    expect(rows).toEqual([]);
  }
});

/** Columns that hold the value of a filter, and the filter. */
const FILTERED = { channel: 'channel', Channel: 'channel', node_id: 'node', Node: 'node' } as const;

test.each(STATEMENTS)('$where shows only what its filters let through', async (query) => {
  const { dashboard, target } = query;
  const choices = await firstChoices(dashboard, 'first');
  const rows = await ask(expand(target.rawSql ?? '', RANGE, choices));
  for (const [column, variable] of Object.entries(FILTERED)) {
    const shown = new Set(rows.map((row) => row[column]).filter((value) => value !== undefined));
    const [choice] = choices.get(variable) ?? [];
    expect([...shown].every((value) => value === choice)).toBe(true);
  }
});
