import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import avro from 'avsc';
import { expect, test } from 'vitest';

import { bucketOf, isHeldOut } from '../../schemas/assignment.ts';
import { erase } from '../../schemas/brand.ts';
import { EngineError, assert } from '../../schemas/errors.ts';
import { isObject } from '../../schemas/events/check-record.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { EVENT_TYPES } from '../../schemas/topics.ts';
import type { ShopOptions } from './options.ts';
import { readBack } from './read-back.ts';
import { Shop, generateShop } from './shop.ts';

function textOf(options: Partial<ShopOptions>): string {
  return Array.from(generateShop(options), (event) => event.line).join('');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const TEN_MINUTES: Partial<ShopOptions> = { durationMs: 10 * MINUTE_MS, eventsPerSecond: 60 };

test('the same options give the same bytes and another seed gives others', () => {
  const bytes = hashOf(textOf({ ...TEN_MINUTES, seed: 7, lateShare: 0.02 }));
  expect(hashOf(textOf({ ...TEN_MINUTES, seed: 7, lateShare: 0.02 }))).toBe(bytes);
  expect(hashOf(textOf({ ...TEN_MINUTES, seed: 8, lateShare: 0.02 }))).not.toBe(bytes);
});

test('runs that differ share no event id, and a longer run begins like a shorter one', () => {
  const short = { durationMs: 2 * MINUTE_MS };
  const idsOf = (options: Partial<ShopOptions>): string[] =>
    readBack(textOf(options)).lines.map((event) => event.event_id);
  const ids = new Set(idsOf(short));
  const isShared = (id: string): boolean => ids.has(id);
  expect(idsOf({ ...short, seed: 2 }).some(isShared)).toBe(false);
  expect(idsOf({ ...short, startMs: Date.UTC(2026, 0, 6) }).some(isShared)).toBe(false);
  expect(idsOf({ ...short, botShare: 0.2 }).some(isShared)).toBe(false);
  const longer = new Shop({ durationMs: 4 * MINUTE_MS });
  const shorter = new Shop(short);
  const untilMs = shorter.nowMs + MINUTE_MS;
  expect(longer.next(untilMs)).toEqual(shorter.next(untilMs));
});

test('the events and their order do not depend on how often the shop is asked', () => {
  const options: Partial<ShopOptions> = {
    durationMs: 3 * MINUTE_MS,
    lateShare: 0.05,
    latenessMsMax: 5 * MINUTE_MS,
  };
  const linesAt = (stepMs: number): string[] => {
    const shop = new Shop(options);
    const lines: string[] = [];
    for (let untilMs = shop.nowMs; !shop.isOver; untilMs += stepMs) {
      for (const event of shop.next(untilMs)) lines.push(event.line);
    }
    return lines;
  };
  const lines = linesAt(100);
  expect(linesAt(7_310)).toEqual(lines);
  expect(linesAt(HOUR_MS)).toEqual(lines);
  expect(Array.from(generateShop(options), (event) => event.line)).toEqual(lines);
});

test('every event is valid by the Avro schema of its type and has no field beside it', () => {
  const typeOf = new Map(
    EVENT_TYPES.map((name) => {
      const schema: unknown = JSON.parse(
        readFileSync(new URL(`../../schemas/events/${name}.avsc`, import.meta.url), 'utf8'),
      );
      return [name, avro.Type.forSchema(erase(schema), { wrapUnions: 'never' })];
    }),
  );
  const kinds = new Set<string>();
  const invalid: string[] = [];
  for (const event of generateShop({ ...TEN_MINUTES, dayLengthMs: 3 * MINUTE_MS })) {
    const object = event.toObject();
    assert(isObject(object), 'an event must be an object');
    const isValid = typeOf.get(event.type)?.isValid(object, { noUndeclaredFields: true });
    if (isValid !== true || object['occurred_at'] !== event.occurredAtMs) invalid.push(event.json);
    kinds.add(`${event.type} ${String(object['status'] ?? object['kind'])}`);
  }
  expect(invalid).toEqual([]);
  expect([...kinds].toSorted()).toEqual([
    'click add_to_cart',
    'click beacon',
    'click checkout',
    'click click',
    'click impression',
    'click page_view',
    'click product_view',
    'inventory count',
    'inventory inbound',
    'inventory movement',
    'inventory price',
    'order cancelled',
    'order delivered',
    'order placed',
    'order returned',
    'order shipped',
    'reference fx',
    'reference spend',
    'reference target',
  ]);
});

test('events arrive out of order, in time by less than 59 s, and every event lies within the run', () => {
  const options = new Shop(TEN_MINUTES).options;
  let newestMs = 0;
  let worstMs = 0;
  let outOfOrder = 0;
  let count = 0;
  for (const { occurredAtMs } of generateShop(TEN_MINUTES)) {
    expect(occurredAtMs).toBeGreaterThanOrEqual(options.startMs);
    expect(occurredAtMs).toBeLessThan(options.startMs + options.durationMs + SECOND_MS);
    worstMs = Math.max(worstMs, newestMs - occurredAtMs);
    if (occurredAtMs < newestMs) outOfOrder += 1;
    newestMs = Math.max(newestMs, occurredAtMs);
    count += 1;
  }
  expect(outOfOrder / count).toBeGreaterThan(0.8);
  expect(worstMs).toBeGreaterThan(50 * SECOND_MS);
  expect(worstMs).toBeLessThanOrEqual(59 * SECOND_MS);
});

test('a shop asked in real time hands out an event only after it has happened', () => {
  const shop = new Shop({ durationMs: Number.POSITIVE_INFINITY, disorderMsMax: 0 });
  const { startMs } = shop.options;
  for (let untilMs = startMs + 500; untilMs < startMs + MINUTE_MS; untilMs += 500) {
    for (const { occurredAtMs } of shop.next(untilMs)) {
      expect(occurredAtMs).toBeLessThan(untilMs);
      expect(occurredAtMs).toBeGreaterThanOrEqual(untilMs - 500 - 100);
    }
  }
  expect(shop.isClosed).toBe(false);
});

test('the shop makes as many events and bot clicks as asked for, with any rhythm, shares and stock', () => {
  for (const options of [
    { eventsPerSecond: 100, durationMs: 40 * MINUTE_MS },
    {
      eventsPerSecond: 150,
      durationMs: 20 * MINUTE_MS,
      rhythmRatio: 1,
      botShare: 0.4,
      skuCount: 10,
      nodeCount: 5,
    },
    {
      eventsPerSecond: 20,
      durationMs: 2 * HOUR_MS,
      dayLengthMs: HOUR_MS,
      botShare: 0,
      conversionRate: 0.1,
    },
  ] satisfies Partial<ShopOptions>[]) {
    const shop = new Shop(options);
    shop.next(Number.MAX_SAFE_INTEGER);
    const { minutes, summary } = shop.truth();
    const { click, order, inventory, reference } = summary.events;
    const wanted = (options.eventsPerSecond * options.durationMs) / SECOND_MS;
    expect((click + order + inventory + reference) / wanted).toBeGreaterThan(0.95);
    expect((click + order + inventory + reference) / wanted).toBeLessThan(1.05);
    const botClicks = minutes.reduce((sum, minute) => sum + minute.clicks_bot, 0);
    expect(Math.abs(botClicks / click - shop.options.botShare)).toBeLessThan(
      0.1 * shop.options.botShare + 1e-9,
    );
  }
});

test('visits follow the rhythm of the day', () => {
  const shop = new Shop({
    dayLengthMs: DAY_MS,
    durationMs: DAY_MS,
    rhythmRatio: 1,
    eventsPerSecond: 5,
    botShare: 0,
  });
  shop.next(Number.MAX_SAFE_INTEGER);
  const { minutes, summary } = shop.truth();
  const clicksByHour = Array.from({ length: 24 }, () => 0);
  for (const { window_start: startMs, clicks_gross: clicks } of minutes) {
    const hour = new Date(startMs).getUTCHours();
    clicksByHour[hour] = (clicksByHour[hour] ?? 0) + clicks;
  }
  const total = clicksByHour.reduce((sum, clicks) => sum + clicks, 0);
  expect(summary.hour_profile.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(24, 9);
  for (const [hour, clicks] of clicksByHour.entries()) {
    const expected = (total * (summary.hour_profile[hour] ?? 0)) / 24;
    // A visit makes about five clicks, so the count varies more than a Poisson's; visits also reach into the next hour.
    expect(Math.abs(clicks - expected)).toBeLessThan(4 * Math.sqrt(8 * expected) + 0.03 * expected);
  }
});

test('options that cannot be used are refused by name', () => {
  const refused: [Partial<ShopOptions>, string][] = [
    [{ seed: 0.5 }, 'seed'],
    [{ durationMs: 0 }, 'durationMs'],
    [{ eventsPerSecond: Number.NaN }, 'eventsPerSecond'],
    [{ eventsPerSecond: 1, skuCount: 5_000 }, 'eventsPerSecond'],
    [{ disorderMsMax: 60_000 }, 'disorderMsMax'],
    [{ botShare: 1 }, 'botShare'],
    [{ conversionRate: 0.6 }, 'conversionRate'],
    [{ skuCount: 100_000, nodeCount: 100 }, 'skuCount'],
    [{ salesChannels: [] }, 'salesChannels'],
    [{ salesChannels: [{ name: 'x"y', weight: 1, currency: 'EUR', fx: 1 }] }, 'salesChannels'],
    [{ salesChannels: [{ name: 'dtc', weight: 1, currency: 'XXX', fx: 1 }] }, 'salesChannels'],
    [
      {
        clickChannels: [
          {
            name: 'ads',
            weight: 1,
            campaigns: [],
            costPerClickMinor: 1,
            holdout: { share: 0.1, salt: 's', trueLift: 0 },
          },
        ],
      },
      'clickChannels',
    ],
  ];
  for (const [options, path] of refused) {
    let thrown: unknown;
    try {
      new Shop(options).next(0);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(EngineError);
    expect(thrown).toMatchObject({ code: 'CONFIG_INVALID', details: { path } });
  }
});

test('people who log in come from two devices of the same arms, and the shop says that both are their account', () => {
  const shop = new Shop({
    seed: 3,
    durationMs: 10 * MINUTE_MS,
    dayLengthMs: 2 * MINUTE_MS,
    loginShare: 1,
    botShare: 0,
  });
  const events = [...shop.next(Number.MAX_SAFE_INTEGER), ...shop.finish()];
  const seen = new Set(events.map(({ line }) => /"visitor_id":"([^"]+)"/.exec(line)?.[1]));
  const idsOf = new Map<string, Set<string>>();
  for (const { line } of events) {
    const [, id = '', account = ''] =
      /"kind":"identity","visitor_id":"([^"]+)","into":"([^"]+)"/.exec(line) ?? [];
    if (account !== '') idsOf.set(account, (idsOf.get(account) ?? new Set()).add(id));
  }
  const people = [...idsOf.values()];
  expect(people.length).toBeGreaterThan(100);
  expect(people.flatMap((ids) => [...ids]).filter((id) => !seen.has(id))).toEqual([]);
  expect(people.filter(({ size }) => size === 2).length).toBeGreaterThan(3);
  expect(people.filter(({ size }) => size > 2)).toEqual([]);
  for (const { name, holdout } of shop.options.clickChannels) {
    if (holdout === undefined) continue;
    const armsOf = (ids: ReadonlySet<string>): number =>
      new Set([...ids].map((id) => isHeldOut(bucketOf(holdout.salt, name, id), holdout.share)))
        .size;
    expect(people.filter((ids) => armsOf(ids) > 1)).toEqual([]);
  }
});
