import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

import type { BotsAnswer } from '../../api/bots-answer.ts';
import { machineLines, machineReport } from '../../cli/import/machines.ts';
import { auditWindows } from '../../processors/audit.ts';
import { BOT_VERDICTS } from '../../processors/bots/row.ts';
import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { updateLists } from '../../processors/kept-lists.ts';
import { type ReplayResult, replay } from '../../processors/replay.ts';
import { withStoppedData } from '../../processors/stopped.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { type TestKeys, openTestKeys } from '../doubles/api-keys.ts';
import { serverOver } from '../doubles/api-server.ts';

/**
 * ```
 *            search                     email
 * ann        5 clicks, signed in        .
 * crawler    4 clicks, named by isbot   2 clicks
 * rented     .                          6 clicks from a network that a newer list knows
 * ```
 */
const START_MS = Date.UTC(2026, 0, 5, 12);
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36';
const CRAWLER = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const RANGE = {
  from: new Date(START_MS).toISOString(),
  to: new Date(START_MS + DAY_MS).toISOString(),
};

const DATA_DIR = mkdtempSync(join(tmpdir(), 'weir-verdicts-'));
const CONFIG: Config = {
  ...DEFAULT_CONFIG,
  data_dir: DATA_DIR,
  partitions: 2,
  log_level: 'error',
};

type Sent = Readonly<Record<string, unknown>>;

function clicks(visitor: string, channel: string, count: number, client: Sent): readonly Sent[] {
  return Array.from({ length: count }, (_, index) => ({
    event_id: `${visitor}-${channel}-${index}`,
    // Pauses that grow, so that nothing looks like a machine's rhythm.
    occurred_at: START_MS + index * (index + 3) * 7_000,
    source: 'shop',
    visitor_id: visitor,
    kind: 'page_view',
    channel,
    ip: '198.51.100.7',
    user_agent: BROWSER,
    ...client,
  }));
}

const SENT = [
  ...clicks('ann', 'search', 5, { signed_in: true }),
  ...clicks('crawler', 'search', 4, { user_agent: CRAWLER }),
  ...clicks('crawler', 'email', 2, { user_agent: CRAWLER }),
  ...clicks('rented', 'email', 6, { ip: '192.0.2.9' }),
];

function openLive(config: Config = CONFIG): Promise<Embedded> {
  return Embedded.open(config, (error) => {
    throw error;
  });
}

function replayed(config: Config): Promise<ReplayResult> {
  const range = { fromMs: START_MS, toMs: START_MS + DAY_MS };
  return withStoppedData(config, (data) =>
    replay(data, { sandbox: 'bots', isReplacing: true, lateness: 'live', ...range }),
  );
}

let live: Embedded;
let app: FastifyInstance;
let keys: TestKeys['keys'];
let crawler: string;

async function bots(): Promise<BotsAnswer> {
  const answer = await app.inject({
    url: '/v1/bots',
    query: RANGE,
    headers: bearer(keys.read),
  });
  expect(answer.statusCode).toBe(200);
  return answer.json();
}

async function decide(path: string, key: string, payload?: object) {
  const headers = bearer(key);
  const answer = await app.inject({
    method: 'POST',
    url: `/v1/bots/${path}`,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  await live.drain();
  return answer;
}

function bearer(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` };
}

beforeAll(async () => {
  live = await openLive();
  await live.ingest('click', SENT);
  await live.drain();
  crawler = live.visitorToken('crawler');
});

beforeEach(() => {
  const { guard, keys: made } = openTestKeys();
  keys = made;
  app = serverOver(live, { guard }).app;
});

afterAll(() => {
  rmSync(DATA_DIR, { recursive: true });
});

test('gross, GIVT, SIVT, suspect, net and what was withdrawn lately are told by channel and reason', async () => {
  const { total, channels, reasons, verdicts } = await bots();
  expect(total).toEqual({
    clicks_gross: 17,
    clicks_net: 11,
    clicks_givt: 6,
    clicks_sivt: 0,
    clicks_suspect: 0,
    withdrawn_lately: 6,
  });
  expect(channels).toMatchObject([
    { channel: 'search', clicks_gross: 9, clicks_net: 5, clicks_givt: 4, withdrawn_lately: 4 },
    { channel: 'email', clicks_gross: 8, clicks_net: 6, clicks_givt: 2, withdrawn_lately: 2 },
  ]);
  expect(reasons).toEqual([
    reasonOf('email', { clicks_givt: 2, withdrawn_lately: 2 }),
    reasonOf('search', { clicks_givt: 4, withdrawn_lately: 4 }),
  ]);
  expect(verdicts).toMatchObject([
    { visitor_token: crawler, state: 'bot', tier: 1, reason: 'agent_isbot', actor: null },
  ]);
});

function reasonOf(channel: string, counts: object): object {
  const none = { clicks_givt: 0, clicks_sivt: 0, clicks_suspect: 0, withdrawn_lately: 0 };
  return { channel, reason: 'agent_isbot', ...none, ...counts };
}

test('an import says how many lines each list flags, and whose they are, by token', async () => {
  const report = await machineReport((sql, bound) => live.query(sql, bound), 'shop');
  expect(report).toMatchObject({ lines: 17, suspect: 0 });
  expect(report.flagged.filter(({ lines }) => lines > 0)).toEqual([
    { reason: 'agent_isbot', lines: 6 },
  ]);
  const address = expect.stringMatching(/^i[\w-]{20,}$/);
  expect(report.flaggedAddresses).toEqual([
    { address, lines: 11, flagged: 6, reasons: ['agent_isbot'] },
  ]);
  expect(report.unflaggedAddresses).toEqual([{ address, lines: 6, flagged: 0, reasons: [] }]);
  expect(machineLines(report)).toEqual(
    expect.arrayContaining([
      'taken for machines: 6 of 17 lines (35.3 %)',
      '  by agent_isbot: 6 of 17 lines (35.3 %)',
      '  by behaviour: 0 of 17 lines (0.0 %)',
    ]),
  );
  expect(machineLines(report).join()).not.toMatch(/198\.51|192\.0\.2/);
});

test('only ops may clear a verdict, and only one that there is', async () => {
  expect((await decide(`${crawler}/clear`, keys.read)).statusCode).toBe(403);
  const unknown = await decide('nobody/clear', keys.ops);
  expect([unknown.statusCode, unknown.json()]).toMatchObject([404, { code: 'VISITOR_UNKNOWN' }]);
  expect((await bots()).total.clicks_net).toBe(11);
});

test('what a person clears comes back, what one confirms leaves, and who it was is written down', async () => {
  const cleared = await decide(`${crawler}/clear`, keys.ops, { actor: 'Ada' });
  expect([cleared.statusCode, cleared.json()]).toMatchObject([202, { decision: 'cleared' }]);
  const after = await bots();
  expect(after.total).toMatchObject({ clicks_net: 17, clicks_givt: 0, withdrawn_lately: 0 });
  expect(after.verdicts).toMatchObject([{ visitor_token: crawler, state: 'cleared', tier: 0 }]);
  await decide(`${crawler}/confirm`, keys.ops);
  // Clicks of a machine that somebody confirmed are withdrawn by tier 2.
  expect((await bots()).total).toMatchObject({ clicks_net: 11, clicks_givt: 0, clicks_sivt: 6 });
  // It changes nothing any more, and is written down all the same.
  await decide(`${crawler}/confirm`, keys.ops);
  const trail = await live.query(
    'SELECT from_state, to_state, reason, actor FROM weir.bot_verdicts ORDER BY decided_at',
  );
  const key = expect.stringMatching(/^key [0-9a-f]{12}$/);
  const named = expect.stringMatching(/^Ada, key [0-9a-f]{12}$/);
  expect(trail).toEqual([
    { from_state: 'human', to_state: 'bot', reason: 'agent_isbot', actor: null },
    { from_state: 'bot', to_state: 'cleared', reason: '', actor: named },
    { from_state: 'cleared', to_state: 'bot', reason: 'person', actor: key },
    { from_state: 'bot', to_state: 'bot', reason: 'person', actor: key },
  ]);
});

test('the audit log has what people did, with who, and before and after; administrators read it', async () => {
  const alert = { alertId: 'stockout/cup', entityKey: 'cup', nodeId: 'shop', actor: 'Bo, key 1' };
  await live.acknowledge(alert);
  const silence = { subject: 'alerts/silence/night', kind: 'rule', source: 'ops-tool' };
  await live.ingest('reference', [
    { ...silence, event_id: 's1', occurred_at: START_MS, rule: 'until 6' },
    { ...silence, event_id: 's2', occurred_at: START_MS + 1, rule: 'until 7' },
  ]);
  await live.drain();
  const read = (key: string) =>
    app.inject({ url: '/v1/audit-log', headers: { authorization: `Bearer ${key}` } });
  expect((await read(keys.ops)).statusCode).toBe(403);
  const { rows } = (await read(keys.admin)).json<{ readonly rows: readonly object[] }>();
  expect(rows).toHaveLength(6);
  const key = expect.stringContaining('key ');
  const verdict = { subject: crawler, actor: key };
  const rule = { actor: 'ops-tool', action: 'reference_rule', subject: silence.subject };
  expect(rows).toEqual(
    expect.arrayContaining(
      [
        { ...verdict, action: 'verdict_cleared', before: 'bot', after: 'cleared' },
        { ...verdict, action: 'verdict_confirmed', before: 'cleared', after: 'bot' },
        { ...verdict, action: 'verdict_confirmed', before: 'bot', after: 'bot' },
        {
          actor: 'Bo, key 1',
          action: 'alert_acknowledged',
          subject: 'stockout/cup',
          before: 'open',
          after: 'acknowledged',
        },
        { ...rule, before: null, after: 'until 6' },
        { ...rule, before: 'until 6', after: 'until 7' },
      ].map((row): unknown => expect.objectContaining(row)),
    ),
  );
});

test('the audit recomputes clicks by reason, and withdrawals add up to what is withdrawn', async () => {
  const range = { fromMs: START_MS, toMs: START_MS + DAY_MS };
  for (const view of ['channel_1m', 'bot_clicks_1m']) {
    const query = { view, range };
    const result = await auditWindows((sql, bound) => live.query(sql, bound), CONFIG, query);
    expect(result).toEqual({ view, rows: expect.any(Number), differences: [] });
    expect(result.rows).toBeGreaterThanOrEqual(4);
  }
  const [net] = await live.query('SELECT toUInt32(count()) AS clicks FROM weir.net_clicks');
  expect(net).toEqual({ clicks: 11 });
  const sums = async (from: string): Promise<unknown> =>
    live.query(`SELECT channel, reason, toInt32(sum(n)) AS clicks FROM (${from})
      GROUP BY channel, reason HAVING clicks != 0 ORDER BY channel, reason`);
  const withdrawn = await sums('SELECT channel, reason, clicks AS n FROM weir.bot_withdrawals_1m');
  expect(withdrawn).toEqual([
    { channel: 'email', reason: 'person', clicks: 2 },
    { channel: 'search', reason: 'person', clicks: 4 },
  ]);
  expect(withdrawn).toEqual(
    await sums('SELECT channel, reason, clicks_givt + clicks_sivt AS n FROM weir.bot_clicks_1m'),
  );
});

test('the audit recomputes what is held of visitors; how many other rules would judge otherwise it says apart', async () => {
  const audited = async (changed: Partial<Config['bots']>): Promise<readonly unknown[]> => {
    const config: Config = { ...CONFIG, bots: { ...CONFIG.bots, ...changed } };
    const query = { view: 'bot_standings', range: { fromMs: 0, toMs: START_MS + DAY_MS } };
    const result = await auditWindows((sql, bound) => live.query(sql, bound), config, query);
    return [result.differences, result.stated];
  };
  expect(await audited({})).toEqual([[], undefined]);
  // What a person has decided of the crawler stands, and somebody is allowed.
  const changed = { deny: ['agent  chrome/0', 'source shop'], allow: ['network 192.0.2.0/24'] };
  const stated = [{ reason: 'judged_by_other_settings', rows: 1 }];
  expect(await audited(changed)).toEqual([[], stated]);
});

test('somebody of whom nothing is held is withdrawn at a word, too, without a restart', async () => {
  await live.ingest('click', clicks('lodger', 'email', 1, {}));
  await live.drain();
  const lodger = live.visitorToken('lodger');
  expect((await bots()).total).toMatchObject({ clicks_gross: 18, clicks_net: 12 });
  expect((await decide(`${lodger}/confirm`, keys.ops)).statusCode).toBe(202);
  const { total, verdicts } = await bots();
  expect(total).toMatchObject({ clicks_gross: 18, clicks_net: 11, clicks_sivt: 7 });
  expect(verdicts[0]).toMatchObject({ visitor_token: lodger, from_state: 'human', state: 'bot' });
});

test('a verdict can be answered as soon as viewers see it, before it is stored', async () => {
  await live.ingest('click', clicks('scraper', 'email', 1, { user_agent: CRAWLER }));
  const scraper = live.visitorToken('scraper');
  const isShown = (): boolean =>
    live.current(BOT_VERDICTS.name, 0).updates.some(({ row }) => row['visitor_token'] === scraper);
  await vi.waitUntil(isShown, { interval: 1, timeout: 5_000 });
  expect((await decide(`${scraper}/confirm`, keys.ops)).statusCode).toBe(202);
});

test('viewers have the newest word on each visitor, also after a restart', async () => {
  const watched = (): readonly unknown[] =>
    live
      .current(BOT_VERDICTS.name, 0)
      .updates.map(({ row }) => [row['visitor_token'], row['reason']]);
  const words = [
    [crawler, 'person'],
    [live.visitorToken('lodger'), 'person'],
    [live.visitorToken('scraper'), 'agent_isbot'],
  ];
  expect(watched()).toEqual(words);
  await live.close();
  live = await openLive();
  expect(watched()).toEqual(words);
});

test('a replay knows what people decided; with a newer list its net is that of live with it', async () => {
  await live.close();
  const ranges = join(DATA_DIR, 'newer-ranges.json');
  writeFileSync(ranges, JSON.stringify({ version: 'newer', data_centres: ['192.0.2.0/24'] }));
  const { tables } = await replayed({ ...CONFIG, bots: { ...CONFIG.bots, ranges } });
  const channels = tables.find(({ table }) => table === 'channel_1m');
  expect(channels?.sums).toMatchObject({
    clicks_gross: { live: 19, sandbox: 19 },
    clicks_givt: { live: 1, sandbox: 7 },
    clicks_sivt: { live: 7, sandbox: 7 },
  });

  const damaged = join(DATA_DIR, 'damaged.json');
  writeFileSync(damaged, JSON.stringify([{ pattern: 'Acme(' }]));
  const isRecomputing = true;
  await expect(updateLists(CONFIG, [ranges, damaged], { isRecomputing })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
  expect(await updateLists(CONFIG, [ranges], { isRecomputing })).toEqual([
    { kind: 'ranges', version: 'newer', entries: 1 },
  ]);
  live = await openLive();
  await live.drain();
  const [row] = await live.query(
    `SELECT toInt32(sum(clicks_givt)) AS givt, toInt32(sum(clicks_sivt)) AS sivt,
       toInt32(sum(clicks_net)) AS net FROM weir.channel_1m`,
  );
  const versions = await live.query(
    `SELECT DISTINCT position(version, ', ranges newer, settings ') > 0 AS newer FROM weir.bot_verdicts`,
  );
  await live.close();
  expect(row).toEqual({ givt: 7, sivt: 7, net: 5 });
  expect(versions).toEqual([{ newer: 1 }]);
}, 60_000);
