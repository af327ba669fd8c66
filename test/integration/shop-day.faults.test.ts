import { join } from 'node:path';

import { afterEach, expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import type { ShopEvent } from '../../bench/shop/shop-event.ts';
import { Shop } from '../../bench/shop/shop.ts';
import type { MinuteTruth } from '../../bench/shop/truth.ts';
import { audit } from '../../processors/audit.ts';
import { type Config, loadConfig } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import type { Row } from '../../schemas/panel.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../schemas/time.ts';
import { EVENT_TYPES } from '../../schemas/topics.ts';
import { temporaryDirectory } from './command-line.ts';
import { tablesOf } from './tables.ts';

const TIMEOUT_MS = 300_000;
const START_MS = Date.UTC(2026, 5, 1);
const SEED = 20;
/** Events of one batch: small ones, so that the tasks' watermarks follow the senders closely. */
const BATCH_EVENTS = 4_000;
/** How far events of an orderly sender are out of order at most: below the bound of 60 s. */
const DISORDER_MS = 50 * SECOND_MS;
const LATE_SHARE = 0.05;
/** Latest that a late event comes: within the allowed 24 h, with room for the batches. */
const LATENESS_MS_MAX = 20 * HOUR_MS;

/** What the shop does not do: it refuses nothing and has no limits of capacity. Drift shows after days. */
const EMPTY_VIEWS = [
  'dead_letters',
  'identity_refusals',
  'late_events',
  'node_capacity',
  'parity_drift_1h',
];

let opened: Embedded | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

/** A day of a shop in the order in which it happened, and what is true of it. */
function shopDay(): {
  readonly events: readonly ShopEvent[];
  readonly minutes: readonly MinuteTruth[];
} {
  const shop = new Shop({
    seed: SEED,
    startMs: START_MS,
    durationMs: DAY_MS,
    dayLengthMs: DAY_MS,
    eventsPerSecond: 1,
    conversionRate: 0.2,
    loginShare: 0.5,
    duplicateShare: 0,
    disorderMsMax: 0,
  });
  const events = [...shop.next(START_MS + DAY_MS), ...shop.finish()];
  return {
    events: events.toSorted((a, b) => a.occurredAtMs - b.occurredAtMs),
    minutes: shop.truth().minutes,
  };
}

/** The same events as they come from a bad network: shuffled within a minute, 5 % late by hours, 10 % twice. */
function disturbed(events: readonly ShopEvent[]): readonly ShopEvent[] {
  const random = new Random(SEED, 'disturbed');
  const arrivals = events.flatMap((event) => {
    const delayMs = random.chance(LATE_SHARE)
      ? random.between(0, LATENESS_MS_MAX)
      : random.between(0, DISORDER_MS);
    const arrival = { event, atMs: event.occurredAtMs + delayMs };
    return random.chance(0.1)
      ? [arrival, { event, atMs: arrival.atMs + random.between(0, HOUR_MS) }]
      : [arrival];
  });
  return arrivals.toSorted((a, b) => a.atMs - b.atMs).map(({ event }) => event);
}

function configFor(dataDir: string): Config {
  return loadConfig({
    file: undefined,
    environment: {
      WEIR_DATA_DIR: dataDir,
      WEIR_LOG_LEVEL: 'error',
      WEIR_TOKENS_SECRET: '0123456789abcdef0123456789abcdef',
      WEIR_LIFT_TESTS: JSON.stringify([
        { id: 'half', channel: 'search', salt: 'pepper', share: 0.5, start: START_MS },
      ]),
    },
  });
}

/** Sends the events to a new Weir in live traffic, and checks its tables against its raw events. */
async function run(dataDir: string, events: readonly ShopEvent[]): Promise<readonly Row[]> {
  const config = configFor(dataDir);
  const engine = await Embedded.open(config, (error) => {
    throw error;
  });
  opened = engine;
  for (let start = 0; start < events.length; start += BATCH_EVENTS) {
    const batch = events.slice(start, start + BATCH_EVENTS);
    for (const type of EVENT_TYPES) {
      const answer = await engine.ingest(
        type,
        batch.filter((event) => event.type === type).map((event) => event.toObject()),
      );
      expect(answer.rejected).toEqual([]);
    }
    await engine.drain();
  }
  const { received, contributed, duplicate, late, dead_lettered, quarantined } =
    engine.status().counts;
  expect(received).toBe(events.length);
  expect({ contributed, duplicate, late, dead_lettered, quarantined }).toEqual({
    contributed: new Set(events).size,
    duplicate: events.length - new Set(events).size,
    late: 0,
    dead_lettered: 0,
    quarantined: 0,
  });
  const results = await audit((sql, parameters) => engine.query(sql, parameters), config, {
    fromMs: START_MS - DAY_MS,
    toMs: START_MS + 10 * DAY_MS,
  });
  expect(results.filter(({ differences }) => differences.length > 0)).toEqual([]);
  const rows = await engine.query(
    `SELECT toUnixTimestamp64Milli(window_start) AS window_start, channel, currency, impressions, clicks_gross,
       orders, units, revenue_minor, returns_minor
     FROM weir.channel_1m ORDER BY window_start, channel, currency`,
  );
  await engine.close();
  opened = undefined;
  return rows;
}

/** What the shop says of a minute, as the rows in which Weir keeps traffic and money apart. */
function rowsOfTruth(minutes: readonly MinuteTruth[]): readonly Row[] {
  return minutes.flatMap((minute) => {
    const { window_start, channel, currency } = minute;
    const traffic = { impressions: minute.impressions, clicks_gross: minute.clicks_gross };
    const { orders, units, revenue_minor, returns_minor } = minute;
    const sales = { orders, units, revenue_minor, returns_minor };
    return [
      { window_start, channel, currency: '', ...traffic, ...NO_SALES },
      { window_start, channel, currency: currency ?? '', ...NO_TRAFFIC, ...sales },
    ].filter((row) => isAnything(row));
  });
}

const NO_SALES = { orders: 0, units: 0, revenue_minor: 0, returns_minor: 0 };
const NO_TRAFFIC = { impressions: 0, clicks_gross: 0 };

function isAnything(row: Row): boolean {
  return [...Object.keys(NO_SALES), ...Object.keys(NO_TRAFFIC)].some((column) => row[column] !== 0);
}

function sorted(rows: readonly Row[]): readonly string[] {
  return rows
    .filter((row) => isAnything(row))
    .map((row) => JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .toSorted();
}

test(
  'a day of a shop comes out as the shop says, and shuffled, repeated and late it gives the same tables',
  async () => {
    const directory = temporaryDirectory();
    const { events, minutes } = shopDay();
    const orderly = await run(join(directory, 'orderly'), events);
    expect(sorted(orderly)).toEqual(sorted(rowsOfTruth(minutes)));

    await run(join(directory, 'disturbed'), disturbed(events));
    const expected = await tablesOf(join(directory, 'orderly'));
    expect(await tablesOf(join(directory, 'disturbed'))).toEqual(expected);
    const empty = Object.keys(expected).filter((view) => expected[view]?.rows === 0);
    expect(empty, 'views of which this day says nothing').toEqual(EMPTY_VIEWS);
  },
  TIMEOUT_MS,
);
