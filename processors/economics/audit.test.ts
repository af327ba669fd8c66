import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { START_MS, anyEvents, click, order } from '../../test/attribution/events.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import {
  ECONOMICS_TABLES,
  RAW_TABLES,
  insertRows,
  instantText,
  storeRawEvents,
} from '../../test/sql/raw-events.ts';
import { pathsView } from '../attribution/reads.ts';
import { auditWindows } from '../audit.ts';
import { loadConfig } from '../config.ts';
import { ClickHouse } from '../engine/sink/clickhouse.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const CONFIG = loadConfig({ file: undefined, environment: {} });
const directory = mkdtempSync(join(tmpdir(), 'weir-economics-'));
let clickHouse: ClickHouse;

const SKUS = ['mug', 'cup', null];

/** Visitors over three months: in every second pair both are one, and in every third one has a day withdrawn. */
beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  const { lookback: lookbackMs } = CONFIG.attribution;
  for (const statement of [
    'CREATE DATABASE weir',
    ...RAW_TABLES,
    ...ECONOMICS_TABLES,
    pathsView({ lookbackMs, sessionGapMs: CONFIG.sessions.gap }),
  ])
    await clickHouse.command(statement);
  const lists = fc.sample(anyEvents, { numRuns: 150, seed: SEED });
  const events = lists.flatMap((list, index) =>
    list.flatMap((each, at): LawEvent[] => {
      if (each.topic !== 'weir.clicks' && each.topic !== 'weir.orders') return [];
      const event_id = `${each.event.event_id}-${index}`;
      const visitor_id = visitorToken(`${each.event.visitor_id}-${index}`);
      const kind = (at + index) % 3;
      if (each.topic === 'weir.clicks')
        return [click({ ...each.event, event_id, visitor_id, sku: SKUS[kind] ?? null })];
      // The door lets nobody place an order without lines.
      const { status, lines } = each.event;
      if (lines.length === 0 && (status === 'placed' || status === 'returned')) return [];
      return [order({ ...each.event, event_id, visitor_id, promo_id: SKUS[kind] ?? null })];
    }),
  );
  await storeRawEvents(clickHouse, events);
  const at = (days: number): string => instantText(START_MS + days * DAY_MS);
  const everyOf = (step: number): number[] =>
    lists.flatMap((_, index) => (index % step === 0 ? [index] : []));
  await insertRows(
    clickHouse,
    'visitor_identities',
    everyOf(2).map((index) => [`v1-${index}`, `v2-${index}`]),
  );
  await insertRows(
    clickHouse,
    'bot_standings',
    everyOf(3).map((index) => [`v2-${index}`, at(index % 2), at((index % 2) + 1), 2, 'test']),
  );
  await insertRows(clickHouse, 'progress', [[at(60), DAY_MS]]);
  await insertRows(clickHouse, 'stock_sku_outages', [
    ['mug', at(0), at(7)],
    ['cup', at(30), null],
  ]);
  await insertRows(clickHouse, 'parity_segments', [
    ['mug', at(0), at(40), 'PARITY'],
    ['mug', at(7), at(30), 'UNDER'],
    ['cup', at(1), at(91), 'OVER'],
  ]);
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

test.each([
  ['attribution_paths', 100],
  ['paths', 10],
  ['order_values', 1],
  ['retention', 0],
  ['customer_cohorts', 1],
  ['carts', 4],
  ['segments', 3],
])('the read of %s is what the audit recomputes, of all events and of some', async (view, rows) => {
  const query = (...asked: Parameters<ClickHouse['query']>) => clickHouse.query(...asked);
  const counted: number[] = [];
  for (const [fromDay, toDay] of [
    [-1, 200],
    [0.03, 30],
    [29, 91.02],
  ] as const) {
    const range = { fromMs: START_MS + fromDay * DAY_MS, toMs: START_MS + toDay * DAY_MS };
    const result = await auditWindows(query, CONFIG, { view, range });
    expect(result.differences).toEqual([]);
    counted.push(result.rows);
  }
  expect(counted[0]).toBeGreaterThanOrEqual(rows);
});
