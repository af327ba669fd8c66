import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { EngineError } from '../schemas/errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import { windowViews } from './audit.ts';
import { BackgroundAudit, type LimitedQuery, type Settlement } from './background-audit.ts';
import { type Config, DEFAULT_CONFIG } from './config.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { Embedded } from './embedded.ts';
import { ClickHouse } from './engine/sink/clickhouse.ts';
import type { Clock } from './engine/time/clock.ts';

const START_MS = Date.UTC(2026, 0, 5, 12);
/** Looks after which it is the turn of the first view again. */
const ROUND = windowViews(DEFAULT_CONFIG).length;
const DATA_DIR = mkdtempSync(join(tmpdir(), 'weir-audit-'));
const CONFIG: Config = {
  ...DEFAULT_CONFIG,
  data_dir: DATA_DIR,
  partitions: 1,
  log_level: 'error',
};
/** Both hours of the events are closed, nothing is on its way. */
const SETTLED: Settlement = {
  watermarkMs: START_MS + 2 * HOUR_MS,
  ways: [
    { begun: 7, arrived: 7 },
    { begun: 0, arrived: 0 },
  ],
};

let clickHouse: ClickHouse;
let dataDir: DataDir;

function click(id: string, afterMs: number): object {
  const source = 'test';
  const occurred_at = START_MS + afterMs;
  return { event_id: id, occurred_at, source, visitor_id: id, kind: 'click', channel: 'email' };
}

beforeAll(async () => {
  const engine = await Embedded.open(CONFIG, (error) => {
    throw error;
  });
  await engine.ingest('click', [click('a', 0), click('b', 5 * MINUTE_MS), click('c', HOUR_MS)]);
  await engine.ingest('order', [
    {
      event_id: 'o',
      occurred_at: START_MS + 6 * MINUTE_MS,
      source: 'test',
      order_id: 'o',
      status: 'placed',
      visitor_id: 'b',
      sales_channel: 'dtc',
      currency: 'EUR',
      lines: [{ line_id: '1', sku: 'S', quantity: 1, unit_price_minor: 990 }],
    },
  ]);
  await engine.drain();
  await engine.close();
  dataDir = openDataDir(DATA_DIR, undefined);
  clickHouse = await ClickHouse.openEmbedded(dataDir.clickHousePath);
});

afterAll(async () => {
  await clickHouse.close();
  dataDir.release();
  rmSync(DATA_DIR, { recursive: true });
});

/** A clock on which sleeping takes no time; `slept` says how long it would have. */
class PatientClock implements Clock {
  slept: number[] = [];
  #nowMs = 0;

  nowMs(): number {
    return START_MS + DAY_MS;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number): Promise<void> {
    this.slept.push(durationMs);
    this.#nowMs += durationMs;
    return Promise.resolve();
  }

  /** Time that something else takes. */
  pass(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  random(): number {
    return 0;
  }
}

function auditOf(
  options: {
    readonly settlement?: () => Settlement;
    readonly query?: LimitedQuery;
    readonly clock?: Clock;
  } = {},
): BackgroundAudit {
  return new BackgroundAudit({
    // Without the limits: a busy machine must not decide what a look finds.
    query: options.query ?? ((sql, parameters) => clickHouse.query(sql, parameters)),
    close: () => Promise.resolve(),
    config: CONFIG,
    clock: options.clock ?? new PatientClock(),
    settlement: options.settlement ?? (() => SETTLED),
    onAudited: () => undefined,
  });
}

/** View, start of the windows in hours after the first event, result and differing rows of some looks. */
async function looks(audit: BackgroundAudit, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let look = 0; look < count; look += 1) {
    const audited = await audit.next();
    seen.push(
      audited === undefined
        ? undefined
        : [
            audited.view,
            (audited.fromMs - START_MS) / HOUR_MS,
            audited.result,
            audited.differences,
          ],
    );
  }
  return seen;
}

/** So that ClickHouse takes none of them for the repeat of an insert. */
let falseRows = 0;

/** Gives a window another number of clicks than its events have, until `undo`. */
async function falsify(afterMs: number): Promise<() => Promise<void>> {
  const at = `toDateTime64('${new Date(START_MS + afterMs).toISOString().slice(0, 19).replace('T', ' ')}', 3, 'UTC')`;
  await clickHouse.command(
    `INSERT INTO weir.channel_1m_rows (window_start, channel, currency, task, corrected_on, clicks_gross, version)
     VALUES (${at}, 'email', '', 'false', '1970-01-01', 1, ${(falseRows += 1)})`,
  );
  return () => clickHouse.command("DELETE FROM weir.channel_1m_rows WHERE task = 'false'");
}

test('every closed hour of every view with windows is looked at, newest first, round and round', async () => {
  const audit = auditOf();
  const round = (hour: number): unknown[] =>
    windowViews(DEFAULT_CONFIG).map(({ view }) => [view, hour, 'equal', 0]);
  expect(await looks(audit, 3 * ROUND)).toEqual([...round(1), ...round(0), ...round(1)]);
  // Three rows of traffic and one of sales in channel_1m, one of sales by region, seven models of one conversion, two rows of
  // how the order is fulfilled, and hour 1 twice.
  expect(audit.status).toEqual({ checked_rows: 15, differences: 0, last_at: START_MS + DAY_MS });
});

test('a window that has not closed is not looked at', async () => {
  const watermarkMs = START_MS + 1.5 * HOUR_MS + 1;
  const audit = auditOf({ settlement: () => ({ ...SETTLED, watermarkMs }) });
  expect(await looks(audit, 2)).toEqual([
    ['channel_1m', 0.5, 'equal', 0],
    ['region_1h', 0, 'equal', 0],
  ]);
});

test('without a watermark, and before the first event, there is nothing to look at', async () => {
  const none = auditOf({ settlement: () => ({ ...SETTLED, watermarkMs: -Infinity }) });
  expect(await looks(none, 2)).toEqual([undefined, undefined]);
  const before = auditOf({ settlement: () => ({ ...SETTLED, watermarkMs: START_MS - HOUR_MS }) });
  expect(await looks(before, 2)).toEqual([undefined, undefined]);
  expect(before.status).toEqual({ checked_rows: 0, differences: 0, last_at: null });
});

test('a false row is found, is news once, and is forgotten when it is right again', async () => {
  const audit = auditOf();
  const undo = await falsify(5 * MINUTE_MS);
  await looks(audit, ROUND);
  expect(await audit.next()).toMatchObject({
    view: 'channel_1m',
    fromMs: START_MS,
    result: 'different',
    differences: 1,
    isNews: true,
  });
  expect(audit.status).toMatchObject({ differences: 1 });
  await looks(audit, 2 * ROUND - 1);
  expect(await audit.next()).toMatchObject({ fromMs: START_MS, differences: 1, isNews: false });
  expect(audit.status).toMatchObject({ differences: 1 });
  await undo();
  await looks(audit, 2 * ROUND - 1);
  expect(await audit.next()).toMatchObject({ fromMs: START_MS, result: 'equal' });
  expect(audit.status).toMatchObject({ differences: 0 });
});

test('a false row is found although rows are always on their way', async () => {
  const undo = await falsify(HOUR_MS);
  let begun = 7;
  const settlement = (): Settlement => {
    begun += 1;
    return { ...SETTLED, ways: [{ begun, arrived: begun - 1 }] };
  };
  const busy = auditOf({ settlement });
  expect(await looks(busy, 2)).toEqual([
    ['channel_1m', 1, 'different', 1],
    ['region_1h', 1, 'equal', 0],
  ]);
  expect(busy.status).toMatchObject({ differences: 1 });
  await undo();
});

test('rows that are right once what was on its way has arrived are no difference', async () => {
  const undo = await falsify(HOUR_MS);
  const clock = new PatientClock();
  let arrived = 7;
  const audit = auditOf({
    clock,
    settlement: () => ({ ...SETTLED, ways: [{ begun: 8, arrived }] }),
  });
  // It arrives while the audit waits for it.
  const waiting = clock.sleep.bind(clock);
  clock.sleep = async (durationMs) => {
    await undo();
    arrived = 8;
    return waiting(durationMs);
  };
  expect(await looks(audit, 1)).toEqual([['channel_1m', 1, 'equal', 0]]);
  expect(clock.slept).toHaveLength(1);
});

test('a difference says nothing while what is on its way does not arrive, and is looked at again', async () => {
  const undo = await falsify(HOUR_MS);
  const clock = new PatientClock();
  const stuck = auditOf({
    clock,
    settlement: () => ({
      ...SETTLED,
      ways: [
        { begun: 9, arrived: 9 },
        { begun: 8, arrived: 7 },
      ],
    }),
  });
  expect(await looks(stuck, 6)).toEqual([
    ...Array.from({ length: 5 }, () => ['channel_1m', 1, 'unsettled', 0]),
    // After five attempts the others have their turn. No difference is none, whatever is on its way.
    ['region_1h', 1, 'equal', 0],
  ]);
  expect(stuck.status).toMatchObject({ checked_rows: 0, differences: 0 });
  expect(clock.monotonicMs()).toBeLessThan(5 * MINUTE_MS);
  await undo();
});

test('a query that takes too long is given fewer windows', async () => {
  const spans: number[] = [];
  const audit = auditOf({
    query: (sql, parameters) => {
      const { from, to } = parameters;
      if (typeof from !== 'string' || typeof to !== 'string') {
        return clickHouse.query(sql, parameters);
      }
      const span = (Date.parse(`${to}Z`) - Date.parse(`${from}Z`)) / MINUTE_MS;
      spans.push(span);
      if (span <= 15) return clickHouse.query(sql, parameters);
      const message = 'Expected an answer in time';
      throw new EngineError({ code: 'CLICKHOUSE_UNAVAILABLE', kind: 'transient', message });
    },
  });
  expect(await looks(audit, 3)).toEqual([
    ['channel_1m', 1, 'failed', 0],
    ['channel_1m', 1.5, 'failed', 0],
    ['channel_1m', 1.75, 'equal', 0],
  ]);
  expect(new Set(spans)).toEqual(new Set([60, 30, 15]));
});

test('it runs one query at a time on one thread, and takes at most a fiftieth of the time', async () => {
  const clock = new PatientClock();
  let running = 0;
  let busyMs = 0;
  let queries = 0;
  const { promise: enough, resolve } = Promise.withResolvers<undefined>();
  const audit = auditOf({
    clock,
    query: async (sql, parameters, limits) => {
      running += 1;
      expect(running).toBe(1);
      expect(limits).toEqual({ secondsMax: 2, threadsMax: 1 });
      const rows = await clickHouse.query(sql, parameters);
      clock.pass(400);
      busyMs += 400;
      queries += 1;
      if (queries === 20) resolve(undefined);
      running -= 1;
      return rows;
    },
  });
  audit.start((error) => {
    throw error;
  });
  await enough;
  await audit.stop();
  expect(busyMs / clock.monotonicMs()).toBeLessThanOrEqual(0.02);
  expect(Math.min(...clock.slept)).toBeGreaterThanOrEqual(5 * SECOND_MS);
});
