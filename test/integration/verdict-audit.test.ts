import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import { auditWindows } from '../../processors/audit.ts';
import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { withClickHouse } from './tables.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const VISITORS = 600;
const START_MS = Date.UTC(2026, 0, 5, 6);
const DATA_DIR = mkdtempSync(join(tmpdir(), 'weir-verdict-audit-'));
const CONFIG: Config = {
  ...DEFAULT_CONFIG,
  data_dir: DATA_DIR,
  partitions: 2,
  log_level: 'error',
  bots: {
    ...DEFAULT_CONFIG.bots,
    allow: ['source friend', 'agent acmemonitor'],
    deny: ['source foe', 'network 10.0.0.0/8'],
    app_sources: ['app'],
    address_visitors: 5,
    // Lower, so that more sessions are near the edges.
    bot_score: 80,
    suspect_score: 50,
  },
};

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36';
const CRAWLER = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const AGENTS = [
  BROWSER,
  BROWSER,
  BROWSER,
  CRAWLER,
  'Our Shop/3.1 (iPhone) CFNetwork',
  `${BROWSER} AcmeMonitor/3`,
  null,
];
/** Of a crawler, a data centre, households, and one that a rule denies. */
const NETWORKS = ['66.249.66', '5.9.44', '198.51.100', '192.0.3', '192.0.4', '10.1.2'];
const SOURCES = ['shop', 'shop', 'shop', 'access-log', 'app', 'friend', 'foe'];
const URLS = ['/p', '/p?q=/a.css', '/robots.txt', '/a.css', '/x/y.JS?q=1', '/img.png#a', '/a.b/c'];
const KINDS = ['page_view', 'click', 'product_view', 'impression', 'beacon', 'add_to_cart'];
/** Around the ends of sessions, of ten minutes, and none at all. */
const PAUSES_MS = [0, 1, 1_000, MINUTE_MS, 30 * MINUTE_MS - 1, 30 * MINUTE_MS, 30 * MINUTE_MS + 1];
const RHYTHMS_MS: readonly (readonly [min: number, max: number])[] = [
  [10_000, 10_300],
  [10_000, 11_400],
  [10_000, 13_400],
  [0, 2_000],
];

afterAll(() => rmSync(DATA_DIR, { recursive: true }));

/** Visits that lie at the edges of everything that verdicts rest on, in no order. */
function eventsOf(random: Random): { readonly clicks: object[]; readonly orders: object[] } {
  const pick = <T>(values: readonly [T, ...T[]] | readonly T[]): T | undefined =>
    values[random.below(values.length)];
  const clicks: { readonly rank: number; readonly click: object }[] = [];
  const orders: object[] = [];
  for (let visitor = 0; visitor < VISITORS; visitor += 1) {
    const rhythm = random.chance(0.4) ? pick(RHYTHMS_MS) : undefined;
    const agent = pick(AGENTS) ?? null;
    const client = {
      source: pick(SOURCES),
      visitor_id: `v${visitor}`,
      ...(agent === null ? {} : { user_agent: agent }),
      ...(random.chance(0.1) ? {} : { ip: `${pick(NETWORKS)}.${random.below(3)}` }),
      ...(random.chance(0.1) ? { signed_in: true } : {}),
    };
    // Half of them within an hour and a half, where ids of one address meet.
    let timeMs = START_MS + random.below(random.chance(0.5) ? 90 * MINUTE_MS : DAY_MS);
    const count =
      rhythm === undefined ? 1 + random.below(random.chance(0.3) ? 2 : 12) : 7 + random.below(70);
    for (let at = 0; at < count; at += 1) {
      const isOdd = rhythm === undefined || random.chance(0.05);
      const click = {
        ...client,
        event_id: `c${visitor}-${at}`,
        occurred_at: timeMs,
        kind: isOdd ? pick(KINDS) : 'page_view',
        channel: 'search',
        url: isOdd ? pick(URLS) : '/p',
        ...(random.chance(0.1) ? { referrer: 'https://example.org/' } : {}),
        ...(random.chance(0.02) ? { pointer: true } : {}),
        ...(random.chance(0.01) ? { prefetch: true } : {}),
        ...(random.chance(0.02) ? { server_side: true } : {}),
      };
      clicks.push({ rank: random.unit(), click });
      if (rhythm !== undefined) timeMs += Math.floor(random.between(...rhythm));
      else timeMs += random.chance(0.05) ? random.below(40 * DAY_MS) : (pick(PAUSES_MS) ?? 0);
    }
    if (random.chance(0.3)) orders.push(delivery(visitor, START_MS + random.below(2 * DAY_MS)));
  }
  const inNoOrder = clicks.toSorted((a, b) => a.rank - b.rank).map(({ click }) => click);
  return { clicks: inNoOrder, orders };
}

/** Ten-minute windows of one address, more than are kept of it, with a visitor each. */
const BUSY_WINDOWS = 300;
/** Visitors that come late, and are a crowd in the first of these windows. */
const CROWD = 6;

function visitOfBusyAddress(name: string, occurred_at: number): object {
  const page = { source: 'shop', kind: 'page_view', channel: 'search', url: '/p' };
  const client = { user_agent: BROWSER, ip: '192.0.3.200' };
  return { ...page, ...client, event_id: name, visitor_id: name, occurred_at };
}

/** A visit of more half minutes than are kept, and only then faster than one request a second. */
function longVisit(): readonly object[] {
  const slow = Array.from({ length: 45 }, (_, at) => 50 * at + 15 * (at % 2));
  const fast = Array.from({ length: 70 }, (_, at) => 2_300 + 0.3 * at);
  return [...slow, ...fast].map((second, at) => ({
    ...visitOfBusyAddress(`long${at}`, START_MS + second * SECOND_MS),
    visitor_id: 'long',
    ip: '192.0.3.201',
  }));
}

/** Sessions of one visitor, each suspect, more than are kept with those whose suspicion is. */
const VISITS = 40;
const VISITS_KEPT = 24 + 8;
/** A midnight that no session spans, behind which few visitors were seen again. */
const RETAINED_FROM_MS = Date.UTC(2026, 0, 12);
/** Deliveries to one visitor, one more than are kept; its one visit comes after the first. */
const DELIVERIES = 9;
/** Stretches of days that a rule denies one visitor, more than are kept. */
const DENIED = 10;
const DENIED_KEPT = 8;

function visit(visitor: string, name: string, occurred_at: number): object {
  return { ...visitOfBusyAddress(name, occurred_at), visitor_id: visitor, ip: '192.0.3.202' };
}

/** What comes of three visitors that are beyond what is kept of one. */
function beyondBounds(): { readonly clicks: object[]; readonly orders: object[] } {
  const often = Array.from({ length: VISITS }, (_, at) =>
    visit('often', `often${at}`, START_MS + at * 2 * HOUR_MS),
  );
  const denied = Array.from({ length: DENIED }, (_, at) => ({
    ...visit('denied', `denied${at}`, START_MS - at * 45 * DAY_MS),
    source: 'foe',
  }));
  const loyal = visit('loyal', 'loyal', START_MS + HOUR_MS);
  const orders = Array.from({ length: DELIVERIES }, (_, at) => ({
    ...delivery(VISITORS + at, START_MS + at * 2 * HOUR_MS),
    visitor_id: 'loyal',
  }));
  return { clicks: [...often, ...denied, loyal], orders };
}

function delivery(visitor: number, occurred_at: number): object {
  return {
    event_id: `o${visitor}`,
    occurred_at,
    source: 'shop',
    visitor_id: `v${visitor}`,
    order_id: `o${visitor}`,
    status: 'delivered',
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: [],
  };
}

test(
  `SQL and the operators hold the same of visitors at every edge, seed ${SEED}`,
  async () => {
    const { clicks, orders } = eventsOf(new Random(SEED, 'verdicts'));
    const live = await Embedded.open(CONFIG, (error) => {
      throw error;
    });
    const importName = 'history';
    const beyond = beyondBounds();
    await live.ingest('order', [...orders, ...beyond.orders], { importName });
    for (let at = 0; at < clicks.length; at += 1_000) {
      const answer = await live.ingest('click', clicks.slice(at, at + 1_000), { importName });
      expect(answer.rejected).toEqual([]);
    }
    const busy = Array.from({ length: BUSY_WINDOWS }, (_, at) =>
      visitOfBusyAddress(`busy${at}`, START_MS + at * 10 * MINUTE_MS),
    );
    await live.ingest('click', [...busy, ...longVisit(), ...beyond.clicks], { importName });
    await live.drain();
    const crowd = Array.from({ length: CROWD }, (_, at) =>
      visitOfBusyAddress(`crowd${at}`, START_MS + at * SECOND_MS),
    );
    await live.ingest('click', crowd, { importName });
    await live.endImport(importName);
    await live.drain();
    const view = 'bot_standings';
    const range = { fromMs: 0, toMs: START_MS + 99 * DAY_MS };
    const result = await auditWindows((sql, bound) => live.query(sql, bound), CONFIG, {
      view,
      range,
    });
    const reasons = await live.query(
      'SELECT DISTINCT toString(reason) AS reason, toInt32(tier) AS tier FROM weir.bot_standings ORDER BY reason, tier',
      {},
    );
    await live.close();
    expect(reasons.map(({ reason, tier }) => `${String(reason)} ${String(tier)}`)).toEqual([
      'address 2',
      'agent_isbot 1',
      'behaviour 0',
      'behaviour 2',
      'data_centre 1',
      'deny_rule 1',
      'not_a_browser 1',
      'prefetch 1',
      'verified_crawler 1',
    ]);
    expect(result.rows).toBeGreaterThan(300);
    expect(result.differences).toEqual([]);
    // The operators have forgotten the half hour of the crowd, in which three others were there, too: of
    // each they hold a suspicion, and the recomputation an address.
    const rows = 2 * (CROWD + 3);
    // Of suspect sessions the newest are held. A delivery that was forgotten speaks for its visitor no
    // more. Where a denial was forgotten a suspicion is left.
    const beyondRows = VISITS - VISITS_KEPT + 1 + 2 * (DENIED - DENIED_KEPT);
    expect(result.stated).toEqual([
      { reason: 'address_beyond_bounds', rows },
      { reason: 'visitor_beyond_bounds', rows: beyondRows },
    ]);

    // The oldest clicks leave the table, as by a retention; what followed from them is still held.
    const kept = await withClickHouse(DATA_DIR, async (clickHouse) => {
      await clickHouse.command(
        `ALTER TABLE weir.clicks_log DELETE WHERE occurred_at < fromUnixTimestamp64Milli(${RETAINED_FROM_MS}) SETTINGS mutations_sync = 1`,
      );
      return auditWindows((sql, bound) => clickHouse.query(sql, bound), CONFIG, { view, range });
    });
    expect(kept.differences).toEqual([]);
    const past = kept.stated?.find(({ reason }) => reason === 'clicks_past_retention');
    expect(past?.rows).toBeGreaterThan(100);
  },
  60 * SECOND_MS,
);
