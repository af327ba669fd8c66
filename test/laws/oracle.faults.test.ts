import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type AuditResult, audit } from '../../processors/audit.ts';
import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import { migrate } from '../../processors/engine/sink/migrate.ts';
import { recordTests } from '../../processors/lift-tests.ts';
import { migrationsOf, viewsOf } from '../../processors/registry.ts';
import { erase } from '../../schemas/brand.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { DAY_ZERO_MS } from './event-builders.ts';
import type { LawEvent } from './law-event.ts';
import { anyEvents } from './node-laws.ts';
import { passThrough } from './node-run.ts';
import { CONFIG, PROCESSORS } from './registered.ts';

const LISTS = Math.ceil(Number(process.env['RUNS'] ?? 100) / 2);
const SEED = Number(process.env['SEED'] ?? 1);

const TIMEOUT_MS = 240_000;

/** One view of each processor: of these the lists say something. */
const FILLED = [
  'attribution_1h',
  'bot_standings',
  'channel_1m',
  'fulfilment_1h',
  'lift_cohorts',
  'parity_current',
  'stock_current',
];

/** The ids by which events belong together. */
const IDS: ReadonlySet<string> = new Set(['event_id', 'into', 'order_id', 'sku', 'visitor_id']);

/** The events with ids of their own, so that many lists go into one database. */
function apart(events: readonly LawEvent[], list: number): readonly LawEvent[] {
  const renamed = (value: unknown, name: string): unknown =>
    IDS.has(name) && typeof value === 'string' ? `${list}-${value}` : value;
  return events.map((event) => erase<LawEvent>(withIds(event, renamed)));
}

function withIds(value: unknown, renamed: (value: unknown, name: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((element) => withIds(element, renamed));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, renamed(withIds(field, renamed), name)]),
  );
}

function auditOf(clickHouse: ClickHouse, fromMs: number, toMs: number) {
  return audit((sql, values) => clickHouse.query(sql, values), CONFIG, { fromMs, toMs });
}

function isWrong({ differences }: AuditResult): boolean {
  return differences.length > 0;
}

test(
  `oracle: for every registered processor the tables are what independent SQL makes of the events, seed ${SEED}`,
  async () => {
    const lists = fc.sample(anyEvents, { numRuns: LISTS, seed: SEED });
    const events = lists.flatMap((list, index) => apart(list, index));
    const clickHouse = await ClickHouse.openEmbedded(temporaryDirectory());
    try {
      await migrate(clickHouse, migrationsOf(PROCESSORS), viewsOf(PROCESSORS));
      await recordTests(clickHouse, CONFIG, DAY_ZERO_MS);
      await passThrough({ processors: PROCESSORS }, clickHouse, events, {
        partitions: 3,
        batches: [events.length],
      });
      const results = await auditOf(clickHouse, DAY_ZERO_MS - DAY_MS, DAY_ZERO_MS + 10 * DAY_MS);
      expect(results.filter(isWrong)).toEqual([]);
      // A range that begins and ends in the middle of windows.
      const part = await auditOf(clickHouse, DAY_ZERO_MS + 90_500, DAY_ZERO_MS + 1.4 * HOUR_MS);
      expect(part.filter(isWrong)).toEqual([]);
      const filled = results.filter(({ rows }) => rows > 0).map(({ view }) => view);
      expect(filled).toEqual(expect.arrayContaining(FILLED));
    } finally {
      await clickHouse.close();
    }
  },
  TIMEOUT_MS,
);
