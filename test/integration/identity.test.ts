import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { audit } from '../../processors/audit.ts';
import { type Config, loadConfig } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';

const START_MS = Date.UTC(2026, 0, 5, 12);
const DATA_DIR = mkdtempSync(join(tmpdir(), 'weir-identity-'));
const CONFIG: Config = {
  ...loadConfig({
    file: undefined,
    environment: {
      WEIR_LIFT_TESTS: JSON.stringify([
        {
          id: 'half',
          channel: 'email',
          salt: 's',
          share: 0.5,
          start: START_MS - (START_MS % DAY_MS),
        },
      ]),
    },
  }),
  data_dir: DATA_DIR,
  log_level: 'error',
};
const RANGE = { fromMs: START_MS - DAY_MS, toMs: START_MS + DAY_MS };

let engine: Embedded;
let nextId = 0;

function common(afterMs: number): {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
} {
  nextId += 1;
  return { event_id: `e${nextId}`, occurred_at: START_MS + afterMs, source: 'test' };
}

function click(visitor_id: string, channel: string, minutes: number): object {
  return { ...common(minutes * MINUTE_MS), visitor_id, kind: 'click', channel };
}

function order(visitor_id: string, status: string, minutes: number): object {
  const lines = [{ line_id: '1', sku: 'S', quantity: 1, unit_price_minor: 12_000 }];
  return {
    ...common(minutes * MINUTE_MS),
    order_id: 'o',
    status,
    visitor_id,
    sales_channel: 'dtc',
    currency: 'EUR',
    lines,
  };
}

function link(visitor_id: string, into: string, minutes: number): object {
  return { ...common(minutes * MINUTE_MS), subject: 'login', kind: 'identity', visitor_id, into };
}

async function first(sql: string): Promise<unknown> {
  return (await engine.query(sql))[0];
}

function open(): Promise<Embedded> {
  return Embedded.open(CONFIG, (error) => {
    throw error;
  });
}

beforeAll(async () => {
  engine = await open();
  // Ann on two devices, and Bob, who never logs in.
  await engine.ingest('click', [
    click('laptop', 'search', 0),
    click('phone', 'search', 0),
    click('bob', 'search', 0),
    click('phone', 'email', 40),
  ]);
  await engine.ingest('order', [order('ann', 'placed', 50)]);
  await engine.drain();
});

afterAll(async () => {
  await engine.close();
  rmSync(DATA_DIR, { recursive: true });
});

const VISITORS = `SELECT toUInt32(sum(visitors)) AS visitors FROM weir.channel_1m WHERE channel = 'search'`;
const LINEAR = `SELECT toString(groupArray((channel, credit))) AS credit FROM
  (SELECT channel, toInt64(sum(credit_minor)) AS credit FROM weir.attribution_1h
   WHERE model = 'linear' GROUP BY channel HAVING credit != 0 ORDER BY channel)`;

test('without a link every id is a visitor of its own, and an order of another id has no path', async () => {
  expect(await first(VISITORS)).toEqual({ visitors: 3 });
  expect(await first(LINEAR)).toEqual({ credit: "[('unattributed',12000)]" });
});

test('links merge what happened before and what comes after, in whatever partition', async () => {
  await engine.ingest('reference', [link('laptop', 'ann', 51), link('phone', 'laptop', 52)]);
  await engine.drain();
  expect(await first(VISITORS)).toEqual({ visitors: 2 });
  expect(await first(LINEAR)).toEqual({ credit: "[('email',6000),('search',6000)]" });
  // A late click under an old id follows to the survivor.
  await engine.ingest('click', [click('laptop', 'social', 20)]);
  await engine.drain();
  expect(await first(LINEAR)).toEqual({
    credit: "[('email',4000),('search',4000),('social',4000)]",
  });
  expect(engine.status().identities).toEqual({ merged: 2, refused: 0 });
});

test('an order that is cancelled under another id of the visitor is that order', async () => {
  await engine.ingest('order', [order('phone', 'cancelled', 55)]);
  await engine.drain();
  expect(await first(LINEAR)).toEqual({ credit: '[]' });
  expect(await first('SELECT sum(returns_minor) AS returned FROM weir.channel_1m')).toEqual({
    returned: 12_000,
  });
});

test('the same link again changes nothing', async () => {
  const tables = 'SELECT toString(groupArray(tuple(*))) AS rows FROM weir.channel_1m';
  const before = await first(tables);
  await engine.ingest('reference', [link('laptop', 'ann', 56), link('ann', 'ann', 56)]);
  await engine.drain();
  expect(await first(tables)).toEqual(before);
  expect(engine.status().identities).toEqual({ merged: 2, refused: 0 });
});

test('a lost state is recomputed from the log, links and all, into the same tables', async () => {
  const tables = async (): Promise<readonly unknown[]> =>
    Promise.all(
      [
        'SELECT * EXCEPT (state) FROM weir.channel_1m ORDER BY window_start, channel, currency',
        'SELECT * EXCEPT (state) FROM weir.attribution_1h ORDER BY window_start, model, channel, campaign, currency',
        'SELECT * EXCEPT (state) FROM weir.lift_cohorts ORDER BY window_start, arm, stratum',
        'SELECT * FROM weir.visitor_identities ORDER BY visitor_token',
        'SELECT * EXCEPT (ingested_at, partition, offset) FROM weir.clicks ORDER BY event_id',
      ].map((sql) => engine.query(sql)),
    );
  const before = await tables();
  await engine.close();
  rmSync(join(DATA_DIR, 'state'), { recursive: true });
  engine = await open();
  await engine.drain();
  expect(await tables()).toEqual(before);
  expect(engine.status().identities).toEqual({ merged: 2, refused: 0 });
}, 60_000);

test('the audit finds no difference in any view', async () => {
  const query = (...call: Parameters<Embedded['query']>): ReturnType<Embedded['query']> =>
    engine.query(...call);
  const results = await audit(query, CONFIG, RANGE);
  expect(results.filter(({ differences }) => differences.length > 0)).toEqual([]);
  expect(results.find(({ view }) => view === 'visitor_identities')?.rows).toBe(2);
}, 120_000);
