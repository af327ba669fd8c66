import fc from 'fast-check';
import { expect, test } from 'vitest';

import { CLICK_KINDS, type Click } from '../../schemas/events/click.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildClick } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { createTrafficOperator } from './operator.ts';
import { CHANNEL_1M, CHANNEL_VISITORS_1D, CHANNEL_VISITORS_1H } from './row.ts';
import { CELLS_MAX, CHANNELS_MAX } from './visits.ts';

const CONFIG = {
  sessionGapMs: 30 * MINUTE_MS,
  allowedLatenessMs: DAY_MS,
  withdrawalReachMs: 0,
};
const TABLES = [CHANNEL_1M, CHANNEL_VISITORS_1H, CHANNEL_VISITORS_1D];

/** Applies clicks given as "minute channel kind", such as "12 dtc click", of one visitor. */
function visit(...clicks: readonly string[]): Run {
  const run = new Run([createTrafficOperator(CONFIG)]);
  for (const text of clicks) apply(run, text);
  return run;
}

function apply(run: Run, text: string): void {
  const [minute = '', channel = '', kind = 'page_view'] = text.split(' ');
  const event = buildClick({
    event_id: text,
    occurred_at: DAY_ZERO_MS + Number(minute) * MINUTE_MS,
    channel,
    kind: CLICK_KINDS.find((name) => name === kind) ?? 'page_view',
  });
  run.apply({ topic: 'weir.clicks', event });
}

/** The rows of channel_1m with times as minutes of the first day. */
function minutesOf(run: Run): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return Object.fromEntries(
    Object.entries(run.output.nonZeroSums(CHANNEL_1M)).map(([key, sums]) => {
      const [startMs = '', ...dimensions] = key.split('|');
      return [[(Number(startMs) - DAY_ZERO_MS) / MINUTE_MS, ...dimensions].join('|'), sums];
    }),
  );
}

function total(run: Run, sum: string): number {
  return Object.values(run.output.nonZeroSums(CHANNEL_1M)).reduce(
    (result, sums) => result + (sums[sum] ?? 0),
    0,
  );
}

function totalVisitors(
  run: Run,
  table: typeof CHANNEL_VISITORS_1H | typeof CHANNEL_VISITORS_1D,
): number {
  return Object.values(run.output.nonZeroSums(table)).reduce(
    (result, { visitors = 0 }) => result + visitors,
    0,
  );
}

test('every kind of click counts in its own columns', () => {
  expect(
    minutesOf(visit('0 dtc impression', '1 dtc click', '1.5 dtc add_to_cart', '2 dtc beacon')),
  ).toEqual({
    '0|dtc|': { impressions: 1 },
    '1|dtc|': { clicks_gross: 2, add_to_carts: 1, visitors: 1, sessions: 1 },
  });
});

//  0 min      30         61
//  dtc────────dtc        amazon      30 min continues the session, 31 min starts another
test('a session is counted in the minute and channel of its first click', () => {
  expect(minutesOf(visit('0 dtc', '30 amazon', '61 amazon'))).toEqual({
    '0|dtc|': { clicks_gross: 1, visitors: 1, sessions: 1 },
    '30|amazon|': { clicks_gross: 1, visitors: 1 },
    '61|amazon|': { clicks_gross: 1, visitors: 1, sessions: 1 },
  });
});

//  0 min        30           60
//  dtc                       dtc      two sessions
//  dtc──────────dtc──────────dtc      the late click joins them
//  retail────────…                    an even later one moves the start
test('a late click merges sessions or moves their start', () => {
  const run = visit('0 dtc', '60 dtc');
  expect(total(run, 'sessions')).toBe(2);
  apply(run, '30 dtc');
  expect(total(run, 'sessions')).toBe(1);
  expect(minutesOf(run)['0|dtc|']?.['sessions']).toBe(1);
  apply(run, '-5 retail');
  expect(minutesOf(run)['0|dtc|']?.['sessions']).toBeUndefined();
  expect(minutesOf(run)['-5|retail|']?.['sessions']).toBe(1);
});

test('of two first clicks at the same instant the channel that sorts first has the session', () => {
  expect(minutesOf(visit('0 retail', '0 dtc'))['0|dtc|']?.['sessions']).toBe(1);
  expect(minutesOf(visit('0 dtc', '0 retail'))['0|dtc|']?.['sessions']).toBe(1);
});

//  23:58      23:59      00:00
//  v1 v1      v1         v1          minutes: 1 1 1, hours: 1 1, days: 1 1
test('a visitor counts once per minute, hour and day of a channel', () => {
  const run = visit('1438 dtc click', '1438.2 dtc', '1439 dtc', '1440 dtc');
  expect(total(run, 'visitors')).toBe(3);
  expect(totalVisitors(run, CHANNEL_VISITORS_1H)).toBe(2);
  expect(totalVisitors(run, CHANNEL_VISITORS_1D)).toBe(2);
});

test('impressions and beacons make no visitor and no session', () => {
  const run = visit('0 dtc impression', '1 dtc beacon');
  expect(total(run, 'visitors') + total(run, 'sessions')).toBe(0);
  expect(totalVisitors(run, CHANNEL_VISITORS_1D)).toBe(0);
});

test('a visitor beyond the bound stays exact when its clicks come in order', () => {
  const run = new Run([createTrafficOperator(CONFIG)]);
  const minuteCount = 3 * CELLS_MAX;
  for (let minute = 0; minute < minuteCount; minute += 1) apply(run, `${minute} dtc`);
  expect(total(run, 'visitors')).toBe(minuteCount);
  expect(total(run, 'sessions')).toBe(1);
  expect(totalVisitors(run, CHANNEL_VISITORS_1H)).toBe(Math.ceil(minuteCount / 60));
  expect(totalVisitors(run, CHANNEL_VISITORS_1D)).toBe(Math.ceil(minuteCount / 1_440));
  expect(run.output.counts.size).toBe(0);
  expect(bytesOf(run)).toBeLessThan(100_000);

  apply(run, '5 dtc');
  expect(total(run, 'clicks_gross')).toBe(minuteCount + 1);
  expect(total(run, 'visitors')).toBe(minuteCount);
  expect(run.output.counts).toEqual(new Map([['TRAFFIC_VISITOR_HISTORY_FULL', 1]]));
});

test('what the watermark has passed leaves the state and no number changes', () => {
  const run = new Run([createTrafficOperator(CONFIG)]);
  const dayCount = 40;
  let clickCount = 0;
  for (let minute = 0; minute < dayCount * 1_440; minute += 45) {
    const event = buildClick({ occurred_at: DAY_ZERO_MS + minute * MINUTE_MS });
    run.apply({ topic: 'weir.clicks', event }, event.occurred_at - MINUTE_MS);
    clickCount += 1;
  }
  expect(total(run, 'sessions')).toBe(clickCount);
  expect(totalVisitors(run, CHANNEL_VISITORS_1D)).toBe(dayCount);
  expect(bytesOf(run)).toBeLessThan(10_000);
});

test('a sender of random channel names cannot grow the state of a visitor without bound', () => {
  const run = new Run([createTrafficOperator(CONFIG)]);
  for (let index = 0; index < 2 * CHANNELS_MAX; index += 1) apply(run, `0 channel-${index}`);
  expect(total(run, 'clicks_gross')).toBe(2 * CHANNELS_MAX);
  expect(total(run, 'visitors')).toBe(CHANNELS_MAX);
  expect(run.output.counts).toEqual(new Map([['TRAFFIC_VISITOR_HISTORY_FULL', CHANNELS_MAX]]));
});

function bytesOf(run: Run): number {
  return Math.max(...run.states.map(({ operator, state }) => operator.stateBytes(state)));
}

// Steps of 10 min make gaps of exactly 30 min, equal times and hours and days of their own likely.
const anyClick: fc.Arbitrary<Omit<Click, 'event_id'>> = fc
  .record({
    step: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 400 })),
    jitterMs: fc.constantFrom(0, 0, 1),
    visitor: fc.constantFrom('v1', 'v2'),
    channel: fc.constantFrom('dtc', 'amazon', 'retail'),
    kind: fc.constantFrom(...CLICK_KINDS, 'page_view', 'click'),
  })
  .map(({ step, jitterMs, visitor, channel, kind }) =>
    buildClick({
      occurred_at: DAY_ZERO_MS + step * 10 * MINUTE_MS + jitterMs,
      visitor_id: visitorToken(visitor),
      channel,
      kind,
    }),
  );

const anyClicks: fc.Arbitrary<readonly LawEvent[]> = fc
  .array(anyClick, { maxLength: 60 })
  .map((clicks) =>
    clicks.map((click, index) => ({
      topic: 'weir.clicks',
      event: { ...click, event_id: `e${index}` },
    })),
  );

describeOperatorLaws({
  name: 'traffic',
  operators: [createTrafficOperator(CONFIG)],
  events: anyClicks,
  oracle: byBruteForce,
  sumsTables: TABLES,
  stateBytesMax: 5_000,
  expiresAfterMsMax: 2 * DAY_MS,
  allowedLatenessMs: CONFIG.allowedLatenessMs,
});

// Nearly in order and over many days, so that the watermark passes most of the visitor's history
// while late clicks still come for what it has not passed.
const busyConfig = { ...CONFIG, allowedLatenessMs: HOUR_MS };
const busyClicks = fc
  .array(fc.tuple(anyClick, fc.nat({ max: 130 * MINUTE_MS })), { minLength: 130, maxLength: 160 })
  .map((clicks) =>
    clicks
      .map(([click, delayMs], index) => {
        const occurredAtMs = click.occurred_at + Math.floor(index / 8) * 8 * HOUR_MS;
        return {
          click: { ...click, visitor_id: visitorToken('v1'), occurred_at: occurredAtMs },
          delayMs,
        };
      })
      .toSorted((a, b) => a.click.occurred_at + a.delayMs - b.click.occurred_at - b.delayMs)
      .map(({ click }, index): LawEvent => ({
        topic: 'weir.clicks',
        event: { ...click, event_id: `e${index}` },
      })),
  );

describeOperatorLaws({
  name: 'traffic of a busy visitor',
  operators: [createTrafficOperator(busyConfig)],
  events: busyClicks,
  oracle: byBruteForce,
  sumsTables: TABLES,
  stateBytesMax: 8_000,
  expiresAfterMsMax: 2 * DAY_MS,
  allowedLatenessMs: busyConfig.allowedLatenessMs,
});

/** Counts everything from the sorted list, with sets and no state. */
function byBruteForce(events: readonly LawEvent[]): Results {
  const rows = new Map<string, Record<string, number>>();
  const sets = new Map<string, Set<string>>();
  const add = (timeMs: number, channel: string, sum: string): void => {
    const key = `${Math.floor(timeMs / MINUTE_MS) * MINUTE_MS}|${channel}|`;
    const row = rows.get(key) ?? {};
    row[sum] = (row[sum] ?? 0) + 1;
    rows.set(key, row);
  };
  const see = (windowMs: number, click: Click): void => {
    const key = `${windowMs}|${Math.floor(click.occurred_at / windowMs) * windowMs}|${click.channel}`;
    sets.set(key, (sets.get(key) ?? new Set()).add(click.visitor_id));
  };
  const clicks = events
    .flatMap(({ topic, event }) => (topic === 'weir.clicks' ? [event] : []))
    .toSorted((a, b) => a.occurred_at - b.occurred_at || (a.channel < b.channel ? -1 : 1));
  const lastMs = new Map<string, number>();
  for (const click of clicks) {
    const { kind, channel, occurred_at: timeMs, visitor_id: visitor } = click;
    if (kind === 'beacon') continue;
    if (kind === 'impression') {
      add(timeMs, channel, 'impressions');
      continue;
    }
    add(timeMs, channel, 'clicks_gross');
    if (kind === 'add_to_cart') add(timeMs, channel, 'add_to_carts');
    for (const windowMs of [MINUTE_MS, HOUR_MS, DAY_MS]) see(windowMs, click);
    const pauseMs = timeMs - (lastMs.get(visitor) ?? Number.NEGATIVE_INFINITY);
    if (pauseMs > CONFIG.sessionGapMs) add(timeMs, channel, 'sessions');
    lastMs.set(visitor, timeMs);
  }
  const distinct = (windowMs: number): [string, number][] =>
    [...sets].flatMap(([key, visitors]) => {
      const [period, startMs, channel] = key.split('|');
      return period === String(windowMs) ? [[`${startMs}|${channel}`, visitors.size]] : [];
    });
  for (const [key, visitors] of distinct(MINUTE_MS)) {
    rows.set(`${key}|`, { ...rows.get(`${key}|`), visitors });
  }
  const table = (windowMs: number) =>
    Object.fromEntries(distinct(windowMs).map(([key, visitors]) => [key, { visitors }]));
  return {
    sums: {
      [CHANNEL_1M.name]: Object.fromEntries(rows),
      [CHANNEL_VISITORS_1H.name]: table(HOUR_MS),
      [CHANNEL_VISITORS_1D.name]: table(DAY_MS),
    },
    rows: {},
  };
}
