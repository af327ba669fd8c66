import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { pathsView } from '../processors/attribution/reads.ts';
import { ClickHouse } from '../processors/engine/sink/clickhouse.ts';
import { visitorToken } from '../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../schemas/time.ts';
import { markovCredit } from '../statistics/markov.ts';
import { shapleyRate } from '../statistics/shapley-rate.ts';
import { START_MS, click, order } from '../test/attribution/events.ts';
import { openServer } from '../test/doubles/api-server.ts';
import { MemoryEngine } from '../test/doubles/memory-engine.ts';
import type { LawEvent } from '../test/laws/law-event.ts';
import { RAW_TABLES, insertRows, instantText, storeRawEvents } from '../test/sql/raw-events.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-api-paths-'));
let clickHouse: ClickHouse;
let visitorCount = 0;

beforeAll(async () => {
  clickHouse = await ClickHouse.openEmbedded(directory);
  await clickHouse.command('CREATE DATABASE weir');
  const view = pathsView({ lookbackMs: 30 * DAY_MS, sessionGapMs: 30 * MINUTE_MS });
  for (const statement of [...RAW_TABLES, view]) await clickHouse.command(statement);
});

beforeEach(async () => {
  for (const table of ['clicks', 'orders', 'order_lines', 'bot_standings', 'progress']) {
    await clickHouse.command(`TRUNCATE TABLE weir.${table}`);
  }
});

afterAll(async () => {
  await clickHouse.close();
  rmSync(directory, { recursive: true });
});

/** One visitor who touched `channels` a day apart, and ordered an hour after the last if `price` is given. */
function visit(channels: string, price?: number): readonly LawEvent[] {
  visitorCount += 1;
  const visitor_id = visitorToken(`v${visitorCount}`);
  const names = channels.split('>');
  const touches = names.map((channel, index) =>
    click({
      event_id: `${visitor_id}-${index}`,
      visitor_id,
      channel,
      occurred_at: START_MS + index * DAY_MS,
    }),
  );
  const occurred_at = START_MS + (names.length - 1) * DAY_MS + HOUR_MS;
  const placed = { event_id: `${visitor_id}-o`, order_id: visitor_id, visitor_id, occurred_at };
  return price === undefined ? touches : [...touches, order({ ...placed, prices: [price] })];
}

function visits(channels: string, conversions: number, nulls: number): readonly LawEvent[] {
  return [
    ...Array.from({ length: conversions }, () => visit(channels, 1_000)),
    ...Array.from({ length: nulls }, () => visit(channels)),
  ].flat();
}

test('the worked example of definitions.md, from raw events to the credits of every model', async () => {
  await storeRawEvents(clickHouse, [
    ...visits('A>B>C', 10, 0),
    ...visits('A>C', 5, 15),
    ...visits('B', 5, 20),
    ...visits('C', 0, 25),
    ...visits('A>B', 4, 16),
  ]);
  const answer = await read(START_MS + 60 * DAY_MS);
  expect(answer.paths).toEqual({ conversions: 24, nulls: 76, provisional: 0, unattributed: 0 });
  expect(answer.conversion_rate).toBeCloseTo(0.24, 12);
  expect(answer.unseen_sets).toBe(2);
  const creditOf = (model: string, channel: string): number | undefined =>
    answer.credits.find((credit) => credit.model === model && credit.channel === channel)?.credit;
  expect(creditOf('markov', 'A')).toBeCloseTo(7.3727506, 7);
  expect(creditOf('markov', 'B')).toBeCloseTo(7.2956298, 7);
  expect(creditOf('markov', 'C')).toBeCloseTo(9.3316195, 7);
  expect(creditOf('shapley_rate', 'A')).toBeCloseTo(24 * 0.375, 9);
  for (const model of ['markov', 'shapley_rate', 'markov_value']) {
    const credits = answer.credits.filter((credit) => credit.model === model);
    const whole = credits.map((credit) => credit.conversions_milli ?? credit.credit_minor ?? 0);
    expect(whole.reduce((sum, part) => sum + part, 0)).toBe(24_000);
  }
});

test('the counts of attribution_paths add up over days, and the models are solved from them', async () => {
  await storeRawEvents(clickHouse, [
    ...visits('A>B>C', 10, 0),
    ...visits('A>C', 5, 15),
    ...visits('B', 5, 20),
    ...visits('C', 0, 25),
    ...visits('A>B', 4, 16),
  ]);
  await insertRows(clickHouse, 'progress', [[instantText(START_MS + 60 * DAY_MS), DAY_MS]]);
  const rows = await clickHouse.query(
    `SELECT kind, from_channel, to_channel, arrayStringConcat(channels, '>') AS touched,
       toUInt32(sum(paths)) AS paths, toUInt32(sum(conversions)) AS conversions, toFloat64(sum(value_minor)) AS value_minor
     FROM weir.attribution_paths WHERE state = 'matured' GROUP BY kind, from_channel, to_channel, touched`,
    {},
  );
  const transitions = rows
    .filter((row) => row['kind'] === 'transition')
    .map((row) => ({
      from: String(row['from_channel']),
      to: String(row['to_channel']),
      count: Number(row['paths']),
      valueMinor: Number(row['value_minor']),
    }));
  const sets = rows
    .filter((row) => row['kind'] === 'set')
    .map((row) => ({
      channels: String(row['touched']).split('>'),
      conversions: Number(row['conversions']),
      nulls: Number(row['paths']) - Number(row['conversions']),
    }));
  const markov = markovCredit(transitions, 'conversions');
  expect(markov.reached).toBeCloseTo(0.24, 12);
  expect(markov.channels.map(({ credit }) => Math.round(credit * 1e7) / 1e7)).toEqual([
    7.3727506, 7.2956298, 9.3316195,
  ]);
  const values = markovCredit(transitions, 'value').channels;
  expect(values.reduce((sum, { credit }) => sum + credit, 0)).toBeCloseTo(24_000, 6);
  expect(shapleyRate(sets).channels.map(({ share }) => Math.round(share * 1e9) / 1e9)).toEqual([
    0.375, 0.35, 0.275,
  ]);
});

test('while a look-back is not over attribution_paths has the path as provisional, on the day when it will be', async () => {
  await storeRawEvents(clickHouse, visits('A', 0, 1));
  const select =
    'SELECT toUnixTimestamp64Milli(window_start) AS day, to_channel, state FROM weir.attribution_paths';
  const open = await clickHouse.query(
    `${select} WHERE kind = 'transition' ORDER BY to_channel`,
    {},
  );
  const day = START_MS + 30 * DAY_MS;
  expect(open).toEqual([
    { day, to_channel: '(null)', state: 'provisional' },
    { day, to_channel: 'A', state: 'provisional' },
  ]);
  await insertRows(clickHouse, 'progress', [[instantText(day), DAY_MS]]);
  const ended = await clickHouse.query(`${select} WHERE kind = 'set'`, {});
  expect(ended).toEqual([{ day, to_channel: '', state: 'matured' }]);
});

test('a path without a conversion ends with its look-back: ranges as long as the look-back have some', async () => {
  await storeRawEvents(clickHouse, visits('A', 1, 3));
  const to = START_MS + 31 * DAY_MS;
  const { paths, complete } = await read(to, { from: START_MS + DAY_MS, to });
  expect(paths).toEqual({ conversions: 0, nulls: 3, provisional: 0, unattributed: 0 });
  expect(complete).toBe(true);
});

test('a path counts as null only when its look-back is over', async () => {
  await storeRawEvents(clickHouse, visits('A', 1, 3));
  const early = await read(START_MS + 30 * DAY_MS - 1);
  expect(early.paths).toMatchObject({ conversions: 1, nulls: 0, provisional: 3 });
  expect(early.complete).toBe(false);
  const late = await read(START_MS + 30 * DAY_MS);
  expect(late.paths).toMatchObject({ conversions: 1, nulls: 3, provisional: 0 });
});

//  touch A    31 days    touch B   order
test('a pause longer than the look-back ends a path', async () => {
  const visitor_id = visitorToken('paused');
  await storeRawEvents(clickHouse, [
    click({ event_id: 'a', visitor_id, channel: 'A', occurred_at: START_MS }),
    click({ event_id: 'b', visitor_id, channel: 'B', occurred_at: START_MS + 31 * DAY_MS }),
    order({ event_id: 'o', visitor_id, occurred_at: START_MS + 32 * DAY_MS, prices: [5] }),
  ]);
  const { paths, transitions } = await read(START_MS + 90 * DAY_MS);
  expect(paths).toEqual({ conversions: 1, nulls: 1, provisional: 0, unattributed: 0 });
  expect(transitions).toEqual(
    expect.arrayContaining([
      { from: 'A', to: '(null)', count: 1 },
      { from: 'B', to: '(conversion)', count: 1 },
    ]),
  );
});

test('cancelled orders, orders without a touch and what is withdrawn are no conversions of a path', async () => {
  const visitor_id = visitorToken('other');
  const bot = visit('A', 100);
  await storeRawEvents(clickHouse, [
    ...bot,
    order({ event_id: 'o', visitor_id, order_id: 'x', occurred_at: START_MS, prices: [5] }),
    order({ event_id: 'p', visitor_id, order_id: 'y', occurred_at: START_MS, prices: [5] }),
    order({ event_id: 'q', visitor_id, order_id: 'y', occurred_at: START_MS, status: 'cancelled' }),
  ]);
  await insertRows(clickHouse, 'bot_standings', [
    [`v${visitorCount}`, instantText(START_MS), instantText(START_MS + DAY_MS), 1, 'test'],
  ]);
  expect((await read(START_MS + 60 * DAY_MS)).paths).toEqual({
    conversions: 0,
    nulls: 0,
    provisional: 0,
    unattributed: 1,
  });
});

test('the thirteenth channel and those behind it are one', async () => {
  const names = Array.from(
    { length: 14 },
    (_, index) => `channel-${String(index).padStart(2, '0')}`,
  );
  await storeRawEvents(
    clickHouse,
    names.flatMap((name, index) => visits(name, 14 - index, 1)),
  );
  const { credits } = await read(START_MS + 60 * DAY_MS);
  const channels = credits.filter(({ model }) => model === 'markov').map(({ channel }) => channel);
  expect(channels).toHaveLength(12);
  expect(channels).toContain('other');
});

test('a range that is empty or too long is refused', async () => {
  const { app } = openServer({ engine: new MemoryEngine(clickHouse) });
  for (const query of ['from=2000&to=1000', `from=0&to=${93 * DAY_MS}`]) {
    const answer = await app.inject(`/v1/attribution/paths?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'QUERY_INVALID' });
  }
});

interface Answer {
  readonly paths: Readonly<Record<string, number>>;
  readonly conversion_rate: number;
  readonly unseen_sets: number;
  readonly complete: boolean;
  readonly credits: readonly {
    readonly model: string;
    readonly channel: string;
    readonly credit: number;
    readonly conversions_milli?: number;
    readonly credit_minor?: number;
  }[];
  readonly transitions: readonly unknown[];
}

async function read(
  watermark: number,
  { from, to } = { from: START_MS, to: START_MS + 40 * DAY_MS },
): Promise<Answer> {
  const engine = new MemoryEngine(clickHouse);
  engine.setStatus({ watermark });
  const { app } = openServer({ engine });
  const answer = await app.inject(`/v1/attribution/paths?from=${from}&to=${to}`);
  expect(answer.statusCode).toBe(200);
  return answer.json();
}
