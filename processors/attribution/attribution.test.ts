import fc from 'fast-check';
import { expect, test } from 'vitest';

import { DAY_MS, HOUR_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import { attributionByBruteForce } from '../../test/attribution/brute-force.ts';
import {
  CONFIG,
  START_MS,
  anyBusyEvents,
  anyEvents,
  click,
  clicksOf,
  nearlyInOrder,
  order,
  ordersOf,
} from '../../test/attribution/events.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import type { AttributionConfig } from './config.ts';
import { createAttribution } from './processor.ts';
import { ATTRIBUTION_1H, MODELS } from './row.ts';

describeOperatorLaws({
  name: 'attribution',
  operators: createAttribution(CONFIG).operators,
  events: anyEvents,
  oracle: (events) => oracle(events, CONFIG),
  sumsTables: [ATTRIBUTION_1H],
  stateBytesMax: 15_000,
  expiresAfterMsMax: CONFIG.returnsKeptMs + CONFIG.allowedLatenessMs + MINUTE_MS,
  allowedLatenessMs: CONFIG.allowedLatenessMs,
  equivalences: [
    {
      name: 'cancelling every order leaves no row',
      more: (events) => ordersOf(events).map((event) => cancellationOf(event)),
      sameAs: () => [],
    },
    {
      name: 'an order that is placed and cancelled was never placed',
      more: () => [
        order({ event_id: 'x1', order_id: 'x', occurred_at: START_MS + DAY_MS, prices: [999] }),
        order({
          event_id: 'x2',
          order_id: 'x',
          occurred_at: START_MS + 2 * DAY_MS,
          status: 'cancelled',
        }),
      ],
      sameAs: (events) => events,
    },
  ],
});

test('every model hands out each order to the cent and each conversion to the thousandth', () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const rows = Object.entries(run(events).output.nonZeroSums(ATTRIBUTION_1H));
      const totals = MODELS.map((model) => {
        const own = rows.filter(([key]) => key.split('|')[1] === model).map(([, sums]) => sums);
        return {
          milli: own.reduce((sum, row) => sum + (row['conversions_milli'] ?? 0), 0),
          minor: own.reduce((sum, row) => sum + (row['credit_minor'] ?? 0), 0),
        };
      });
      expect((totals[0]?.milli ?? 0) % 1_000).toBe(0);
      for (const total of totals) expect(total).toEqual(totals[0]);
    }),
  );
});

test('what leaves the state while time goes by changes no row', () => {
  const latenessMs = durationMs(MINUTE_MS);
  const anyConfig = fc
    .record({
      lookbackMs: fc.constantFrom(30 * MINUTE_MS, HOUR_MS, DAY_MS),
      returnsKeptMs: fc.constantFrom(15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, DAY_MS),
      sessionGapMs: fc.constantFrom(MINUTE_MS, 15 * MINUTE_MS),
    })
    .map(({ lookbackMs, returnsKeptMs, sessionGapMs }) => ({
      ...CONFIG,
      lookbackMs: durationMs(lookbackMs),
      returnsKeptMs: durationMs(returnsKeptMs),
      sessionGapMs: durationMs(sessionGapMs),
      allowedLatenessMs: latenessMs,
    }));
  fc.assert(
    fc.property(anyBusyEvents, anyConfig, (events, config) => {
      const arriving = nearlyInOrder(events, latenessMs);
      expect(resultsOf(arriving, config)).toEqual(oracle(arriving, config));
    }),
    { numRuns: 1_000 },
  );
});

test('a return finds the path of its order when a younger order left the state before', () => {
  const hours = (count: number): number => START_MS + count * HOUR_MS;
  const config = {
    ...CONFIG,
    allowedLatenessMs: durationMs(MINUTE_MS),
    returnsKeptMs: durationMs(HOUR_MS),
  };
  const older = { order_id: 'older', occurred_at: hours(0) };
  const events = [
    click({ event_id: 'c', occurred_at: START_MS - MINUTE_MS, channel: 'search' }),
    order({ event_id: 'o1', ...older, prices: [100] }),
    order({ event_id: 'o2', order_id: 'younger', occurred_at: START_MS + 1, prices: [5] }),
    order({ event_id: 'o3', ...older, occurred_at: hours(1), prices: [] }),
    click({ event_id: 'c2', occurred_at: hours(1.2), channel: 'email' }),
    order({ event_id: 'o5', order_id: 'third', occurred_at: hours(1.5), prices: [7] }),
    order({ event_id: 'o4', ...older, occurred_at: hours(2), status: 'returned', prices: [100] }),
  ];
  expect(resultsOf(events, config)).toEqual(oracle(events, config));
});

test('the last 100 days of a visitor who comes and orders every day are kept, and no more', () => {
  const config = { ...CONFIG, allowedLatenessMs: durationMs(DAY_MS) };
  const [operator] = createAttribution(config).operators;
  const days = Array.from({ length: 400 }, (_, day) => START_MS + day * DAY_MS);
  const visits = days.flatMap((timeMs, day) => [
    click({ event_id: `c${day}`, occurred_at: timeMs }),
    order({ event_id: `p${day}`, order_id: `o${day}`, occurred_at: timeMs + HOUR_MS, prices: [1] }),
  ]);
  const short = run(visits.slice(0, 400), config).states[0]?.state;
  const long = run(visits, config).states[0]?.state;
  expect(operator?.stateBytes(long)).toBe(operator?.stateBytes(short));
});

test('a visitor of 10,000 clicks keeps the newest 100 touches, counted', () => {
  const clicks = Array.from({ length: 10_000 }, (_, index) =>
    click({
      event_id: `c${index}`,
      occurred_at: START_MS + index * HOUR_MS,
      channel: `channel ${index}`,
    }),
  );
  const placed = order({
    event_id: 'p',
    occurred_at: START_MS + 10_000 * HOUR_MS,
    prices: [100],
  });
  const lookback = { ...CONFIG, lookbackMs: durationMs(1_000 * DAY_MS) };
  const { output, states } = run([...clicks, placed], lookback);
  expect(output.counts.get('TOUCH_LIMIT_REACHED')).toBe(9_900);
  expect(creditOf(output, 'first')).toEqual({ 'channel 9900': 100 });
  expect(states.map(({ operator, state }) => operator.stateBytes(state))).toEqual([28_400]);
});

test('two full paths that a cancellation joins are credited with the newest touches alone', () => {
  const config = { ...CONFIG, touchesMax: 2 };
  const { output } = run(
    [
      click({ event_id: 'a', occurred_at: at(0), channel: 'a' }),
      click({ event_id: 'b', occurred_at: at(1), channel: 'b' }),
      order({ event_id: 'p1', order_id: 'o1', occurred_at: at(2), prices: [1] }),
      click({ event_id: 'c', occurred_at: at(3), channel: 'c' }),
      click({ event_id: 'd', occurred_at: at(4), channel: 'd' }),
      order({ event_id: 'p2', order_id: 'o2', occurred_at: at(5), prices: [10] }),
      order({ event_id: 'x', order_id: 'o1', occurred_at: at(6), status: 'cancelled' }),
    ],
    config,
  );
  expect(creditOf(output, 'linear')).toEqual({ c: 5, d: 5 });
});

test('a visitor of 1,001 orders keeps 1,000; the credit of the first stands, its return is too late', () => {
  const orders = Array.from({ length: 1_001 }, (_, index) =>
    order({
      event_id: `p${index}`,
      order_id: `o${index}`,
      occurred_at: START_MS + index * MINUTE_MS,
      prices: [100],
    }),
  );
  const returned = order({
    event_id: 'r',
    order_id: 'o0',
    status: 'returned',
    occurred_at: START_MS + DAY_MS,
    prices: [100],
  });
  const { output } = run([...orders, returned]);
  expect(output.counts.get('ORDER_LIMIT_REACHED')).toBe(2);
  expect(creditOf(output, 'last')).toEqual({ unattributed: 100_100 });
});

test('a conversion without a touch is unattributed', () => {
  const { output } = run([order({ event_id: 'p', occurred_at: START_MS, prices: [500] })]);
  expect(creditOf(output, 'linear')).toEqual({ unattributed: 500 });
});

test('a page view starts a session and is a touch; those that follow in the session are none', () => {
  const { output } = run([
    click({ event_id: 'a', occurred_at: at(0), kind: 'page_view', channel: 'email' }),
    click({ event_id: 'b', occurred_at: at(10), kind: 'page_view', channel: 'social' }),
    order({ event_id: 'p', occurred_at: at(20), prices: [500] }),
  ]);
  expect(creditOf(output, 'linear')).toEqual({ email: 500 });
});

test('impressions and beacons are no touches and keep no session alive', () => {
  const { output } = run([
    click({ event_id: 'a', occurred_at: at(0), kind: 'page_view', channel: 'email' }),
    click({ event_id: 'b', occurred_at: at(20), kind: 'impression', channel: 'display' }),
    click({ event_id: 'c', occurred_at: at(25), kind: 'beacon', channel: 'display' }),
    click({ event_id: 'd', occurred_at: at(40), kind: 'page_view', channel: 'social' }),
    order({ event_id: 'p', occurred_at: at(41), prices: [500] }),
  ]);
  expect(creditOf(output, 'linear')).toEqual({ email: 250, social: 250 });
});

test('touches of a channel that follow one another in a session are one, with the first one’s campaign', () => {
  const { output } = run([
    click({ event_id: 'a', occurred_at: at(0), channel: 'search', campaign: 'brand' }),
    click({ event_id: 'b', occurred_at: at(5), channel: 'search', campaign: 'shoes' }),
    click({ event_id: 'c', occurred_at: at(10), channel: 'email' }),
    order({ event_id: 'p', occurred_at: at(20), prices: [500] }),
  ]);
  expect(output.nonZeroSums(ATTRIBUTION_1H)).toMatchObject({
    [`${START_MS}|linear|search|brand|EUR`]: { conversions_milli: 500, credit_minor: 250 },
    [`${START_MS}|linear|email||EUR`]: { conversions_milli: 500, credit_minor: 250 },
  });
});

//  search   email   order       late click
//  0 min    10 min  20 min      5 min, by social
test('a late click takes its share from the conversion it preceded', () => {
  const events = [
    click({ event_id: 'a', occurred_at: at(0), channel: 'search' }),
    click({ event_id: 'b', occurred_at: at(10), channel: 'email' }),
    order({ event_id: 'p', occurred_at: at(20), prices: [900] }),
  ];
  const late = click({ event_id: 'c', occurred_at: at(5), channel: 'social' });
  const current = run(events);
  expect(creditOf(current.output, 'linear')).toEqual({ search: 450, email: 450 });
  current.apply(late);
  expect(creditOf(current.output, 'linear')).toEqual({ search: 300, email: 300, social: 300 });
});

test('a late click that joins two sessions ends the later one’s claim to a touch', () => {
  const current = run([
    click({ event_id: 'a', occurred_at: at(0), kind: 'page_view', channel: 'search' }),
    click({ event_id: 'b', occurred_at: at(40), kind: 'page_view', channel: 'email' }),
    order({ event_id: 'p', occurred_at: at(50), prices: [900] }),
  ]);
  expect(creditOf(current.output, 'linear')).toEqual({ search: 450, email: 450 });
  current.apply(click({ event_id: 'c', occurred_at: at(20), kind: 'beacon', channel: 'x' }));
  expect(creditOf(current.output, 'linear')).toEqual({ search: 450, email: 450 });
  current.apply(click({ event_id: 'd', occurred_at: at(20), kind: 'page_view', channel: 'x' }));
  expect(creditOf(current.output, 'linear')).toEqual({ search: 900 });
});

test('a conversion ends the path; when it is cancelled the path goes on', () => {
  const current = run([
    click({ event_id: 'a', occurred_at: at(0), channel: 'search' }),
    order({ event_id: 'p1', order_id: 'o1', occurred_at: at(10), prices: [100] }),
    order({ event_id: 'p2', order_id: 'o2', occurred_at: at(20), prices: [700] }),
  ]);
  expect(creditOf(current.output, 'last')).toEqual({ search: 100, unattributed: 700 });
  current.apply(order({ event_id: 'x', order_id: 'o1', status: 'cancelled', occurred_at: at(30) }));
  expect(creditOf(current.output, 'last')).toEqual({ search: 700 });
});

test('an order that came back whole keeps its conversion and loses its credit', () => {
  const { output } = run([
    click({ event_id: 'a', occurred_at: at(0), channel: 'search' }),
    order({ event_id: 'p', occurred_at: at(10), prices: [100, 200] }),
    order({ event_id: 'r', status: 'returned', occurred_at: at(90), prices: [100, 200] }),
  ]);
  expect(output.nonZeroSums(ATTRIBUTION_1H)[`${START_MS}|last|search||EUR`]).toEqual({
    conversions_milli: 1_000,
  });
});

test('a return that arrives before its order waits for it; one of an unknown order changes nothing', () => {
  const current = run([
    order({ event_id: 'r', status: 'returned', occurred_at: at(90), prices: [100] }),
    order({ event_id: 's', order_id: 'z', status: 'returned', occurred_at: at(91), prices: [7] }),
  ]);
  expect(creditOf(current.output, 'last')).toEqual({});
  current.apply(order({ event_id: 'p', occurred_at: at(10), prices: [100, 200] }));
  expect(creditOf(current.output, 'last')).toEqual({ unattributed: 200 });
});

test('a return in another currency changes no credit and is counted', () => {
  const { output } = run([
    order({ event_id: 'p', occurred_at: at(0), prices: [500] }),
    order({ event_id: 'r', occurred_at: at(1), status: 'returned', currency: 'RON', prices: [1] }),
  ]);
  expect(creditOf(output, 'last')).toEqual({ unattributed: 500 });
  expect(output.counts).toEqual(new Map([['RETURN_CURRENCY_DIFFERS', 1]]));
});

test('a return counts up to 90 days after the last event of its order, not a millisecond later', () => {
  const returned = { status: 'returned', prices: [1] } as const;
  const { output } = run([
    order({ event_id: 'p', occurred_at: at(0), prices: [500] }),
    order({ ...returned, event_id: 'r1', occurred_at: at(0) + 90 * DAY_MS }),
    order({ ...returned, event_id: 'r2', occurred_at: at(0) + 180 * DAY_MS }),
    order({ ...returned, event_id: 'r3', occurred_at: at(0) + 270 * DAY_MS + 1 }),
  ]);
  expect(creditOf(output, 'last')).toEqual({ unattributed: 498 });
});

test('an order id that is used again after more than 90 days is another order', () => {
  const { output } = run([
    order({ event_id: 'p1', occurred_at: at(0), prices: [500] }),
    order({ event_id: 'p2', occurred_at: at(0) + 90 * DAY_MS + 1, prices: [70] }),
  ]);
  expect(creditOf(output, 'last')).toEqual({ unattributed: 570 });
});

test('an order of more than 100 events takes no more, counted', () => {
  const returns = Array.from({ length: 101 }, (_, index) =>
    order({ event_id: `r${index}`, occurred_at: at(2), status: 'returned', prices: [1] }),
  );
  const { output } = run([order({ event_id: 'p', occurred_at: at(0), prices: [500] }), ...returns]);
  expect(output.counts).toEqual(new Map([['ORDER_EVENT_LIMIT_REACHED', 2]]));
  expect(creditOf(output, 'last')).toEqual({ unattributed: 500 - 99 });
});

test('an order with 100 events still takes its placement', () => {
  const returns = Array.from({ length: 100 }, (_, index) =>
    order({ event_id: `r${index}`, occurred_at: at(2), status: 'returned', prices: [1] }),
  );
  const { output } = run([
    ...returns,
    order({ event_id: 'p2', occurred_at: at(1), prices: [500] }),
    order({ event_id: 'p1', occurred_at: at(0), prices: [700] }),
  ]);
  expect(creditOf(output, 'last')).toEqual({ unattributed: 700 - 100 });
});

test('of an order that is placed twice the earlier event counts', () => {
  const { output } = run([
    order({ event_id: 'p2', occurred_at: at(30), prices: [700] }),
    order({ event_id: 'p1', occurred_at: at(10), prices: [100] }),
  ]);
  expect(creditOf(output, 'last')).toEqual({ unattributed: 100 });
  expect(output.counts.get('ORDER_PLACED_AGAIN')).toBe(1);
});

test('only configured models have rows', () => {
  const { output } = run([order({ event_id: 'p', occurred_at: at(0), prices: [5] })], {
    ...CONFIG,
    models: ['linear'],
  });
  expect(Object.keys(output.nonZeroSums(ATTRIBUTION_1H))).toEqual([
    `${START_MS}|linear|unattributed||EUR`,
  ]);
});

function run(events: readonly LawEvent[], config: AttributionConfig = CONFIG): Run {
  const current = new Run(createAttribution(config).operators);
  for (const event of events) current.apply(event, current.newestMs);
  return current;
}

function at(minutes: number): number {
  return START_MS + minutes * MINUTE_MS;
}

function resultsOf(events: readonly LawEvent[], config: AttributionConfig): Results {
  const { output } = run(events, config);
  return { sums: { [ATTRIBUTION_1H.name]: output.nonZeroSums(ATTRIBUTION_1H) }, rows: {} };
}

function oracle(events: readonly LawEvent[], config: AttributionConfig): Results {
  const rows = attributionByBruteForce(clicksOf(events), ordersOf(events), config);
  return { sums: { [ATTRIBUTION_1H.name]: rows }, rows: {} };
}

/** Channel → credit in minor units by one model, over all windows. */
function creditOf(output: Run['output'], model: string): Record<string, number> {
  const credit: Record<string, number> = {};
  for (const [key, sums] of Object.entries(output.nonZeroSums(ATTRIBUTION_1H))) {
    const [, rowModel, channel = ''] = key.split('|');
    if (rowModel !== model) continue;
    credit[channel] = (credit[channel] ?? 0) + (sums['credit_minor'] ?? 0);
  }
  return credit;
}

function cancellationOf(event: ReturnType<typeof ordersOf>[number]): LawEvent {
  return {
    topic: 'weir.orders',
    event: { ...event, event_id: `${event.event_id}x`, status: 'cancelled', lines: [] },
  };
}
