import fc from 'fast-check';
import { expect, test } from 'vitest';

import { bucketOf } from '../../schemas/assignment.ts';
import type { Click } from '../../schemas/events/click.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, durationMs } from '../../schemas/time.ts';
import { START_MS, click, clicksOf, order, ordersOf } from '../../test/attribution/events.ts';
import { buildVerdict, createScriptedJudge } from '../../test/doubles/scripted-judge.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { liftByBruteForce } from '../../test/lift/brute-force.ts';
import { CONFIG, anyLiftEvents, liftTest } from '../../test/lift/events.ts';
import type { LiftConfig } from './config.ts';
import { createLift } from './processor.ts';
import { LIFT_COHORTS } from './row.ts';

describeOperatorLaws({
  name: 'lift',
  operators: createLift(CONFIG).operators,
  events: anyLiftEvents,
  oracle: (events) => ({
    sums: {
      [LIFT_COHORTS.name]: liftByBruteForce(clicksOf(events), ordersOf(events), CONFIG),
    },
    rows: {},
  }),
  sumsTables: [LIFT_COHORTS],
  signedSums: ['margin_minor'],
  stateBytesMax: 8_000,
  expiresAfterMsMax: CONFIG.returnsKeptMs + CONFIG.allowedLatenessMs + MINUTE_MS,
  allowedLatenessMs: CONFIG.allowedLatenessMs,
  equivalences: [
    {
      name: 'an order that is placed and cancelled after the first click leaves nothing behind',
      more: () => [
        order({ event_id: 'x1', order_id: 'x', occurred_at: START_MS + 100 * DAY_MS, prices: [9] }),
        order({
          event_id: 'x2',
          order_id: 'x',
          occurred_at: START_MS + 101 * DAY_MS,
          status: 'cancelled',
        }),
      ],
      sameAs: (events) => events,
    },
  ],
});

/** One test, which holds half of all visitors out of search for a week. */
const ONE: LiftConfig = { ...CONFIG, tests: [liftTest()] };

test('a visitor counts from the first click of any channel, in the arm that the salt gives it', () => {
  const visitors = Array.from({ length: 200 }, (_, index) => visitorToken(`v${index}`));
  const rows = rowsOf(
    visitors.map((visitor_id, index) =>
      click({ event_id: `c${index}`, occurred_at: START_MS, visitor_id, channel: 'direct' }),
    ),
  );
  const heldOut = visitors.filter((visitor) => bucketOf('salt', 'search', visitor) < 5_000).length;
  expect(heldOut).toBeGreaterThan(70);
  expect(rows).toEqual({
    [`${START_MS}|search-1|search|holdout|new`]: { visitors: heldOut },
    [`${START_MS}|search-1|search|treated|new`]: { visitors: 200 - heldOut },
  });
});

test('a click may name the arm of its visitor; one that names the other arm excludes it, and only in tests of its channel', () => {
  const assigned = bucketOf('salt', 'search', visitorToken('v1')) < 5_000 ? 'holdout' : 'treated';
  const other = assigned === 'holdout' ? 'treated' : 'holdout';
  const seen = { [`${START_MS}|search-1|search|${assigned}|new`]: { visitors: 1 } };
  const excluded = { [`${START_MS}|search-1|search|${assigned}|new`]: { excluded: 1 } };
  const first = click({ event_id: 'a', occurred_at: START_MS, channel: 'direct' });
  const later = (fields: Partial<Click>): LawEvent =>
    click({ event_id: 'b', occurred_at: START_MS + DAY_MS, ...fields });
  expect(rowsOf([first, later({ arm: assigned })])).toEqual(seen);
  expect(rowsOf([first, later({ arm: other, channel: 'email' })])).toEqual(seen);
  expect(rowsOf([first, later({ arm: other })])).toEqual(excluded);
  const counted = runOf([first, later({ arm: other })]).output.counts;
  expect(counted.get('LIFT_ARM_DIFFERS')).toBe(1);
});

test('impressions and beacons make nobody a visitor of a test', () => {
  expect(
    rowsOf([
      click({ event_id: 'a', occurred_at: START_MS, kind: 'impression' }),
      click({ event_id: 'b', occurred_at: START_MS, kind: 'beacon' }),
    ]),
  ).toEqual({});
});

test('clicks before the start and from the stop on do not count', () => {
  const config = { ...ONE, tests: [liftTest({ stopMs: START_MS + DAY_MS })] };
  const outside = [
    click({ event_id: 'a', occurred_at: START_MS - 1 }),
    click({ event_id: 'b', occurred_at: START_MS + DAY_MS }),
  ];
  expect(rowsOf(outside, config)).toEqual({});
  const inside = click({ event_id: 'c', occurred_at: START_MS + DAY_MS - 1 });
  expect(Object.values(rowsOf([...outside, inside], config))).toEqual([{ visitors: 1 }]);
});

//  first click          first click + 7 d
//  ├──── counts ────────┤  does not
test('orders count from the first click to the end of the horizon, the end excluded', () => {
  const first = click({ event_id: 'c', occurred_at: START_MS });
  const last = order({
    event_id: 'p1',
    order_id: 'o1',
    occurred_at: START_MS + 7 * DAY_MS - 1,
    prices: [300],
  });
  const tooLate = order({
    event_id: 'p2',
    order_id: 'o2',
    occurred_at: START_MS + 7 * DAY_MS,
    prices: [500],
  });
  expect(only(rowsOf([first, last, tooLate]))).toMatchObject({
    visitors: 1,
    converters: 1,
    orders: 1,
    revenue_minor: 300,
    revenue_squared_low: 90_000,
  });
});

test('a late click that comes first moves the visitor to its cohort, with all it has ordered', () => {
  const events = [
    click({ event_id: 'c', occurred_at: START_MS + 5 * HOUR_MS }),
    order({ event_id: 'p', occurred_at: START_MS + 6 * HOUR_MS, prices: [300] }),
    click({ event_id: 'd', occurred_at: START_MS + 2 * HOUR_MS }),
  ];
  const rows = rowsOf(events);
  expect(Object.keys(rows)).toHaveLength(1);
  expect(Object.keys(rows)[0]).toContain(String(START_MS + 2 * HOUR_MS));
  expect(only(rows)).toMatchObject({ visitors: 1, converters: 1, revenue_minor: 300 });
});

test('a return takes revenue back and leaves the conversion; a cancellation takes both', () => {
  const events = [
    click({ event_id: 'c', occurred_at: START_MS }),
    order({ event_id: 'p', occurred_at: START_MS + 1, prices: [300, 100] }),
    order({
      event_id: 'r',
      occurred_at: START_MS + 20 * DAY_MS,
      status: 'returned',
      prices: [100],
    }),
  ];
  expect(only(rowsOf(events))).toMatchObject({ converters: 1, orders: 1, revenue_minor: 300 });
  const cancelled = order({
    event_id: 'x',
    occurred_at: START_MS + 21 * DAY_MS,
    status: 'cancelled',
  });
  expect(only(rowsOf([...events, cancelled]))).toEqual({ visitors: 1 });
});

test('what was ordered in the 14 days before makes a visitor known, whatever became of it', () => {
  const rows = rowsOf([
    order({ event_id: 'p', occurred_at: START_MS - 14 * DAY_MS, prices: [300] }),
    order({ event_id: 'q', order_id: 'o2', occurred_at: START_MS - 14 * DAY_MS - 1, prices: [7] }),
    order({ event_id: 'x', occurred_at: START_MS + HOUR_MS, status: 'cancelled' }),
    click({ event_id: 'c', occurred_at: START_MS }),
  ]);
  expect(Object.keys(rows)[0]).toMatch(/known$/);
  expect(only(rows)).toEqual({ visitors: 1, before_minor: 300, before_squared_low: 90_000 });
});

test('revenue is capped per visitor, and squares of the cap stay exact', () => {
  const config = { ...ONE, tests: [liftTest({ valueMinorMax: 90_000_000 })] };
  const row = only(
    rowsOf(
      [
        click({ event_id: 'c', occurred_at: START_MS }),
        order({ event_id: 'p', occurred_at: START_MS + 1, prices: [90_000_001] }),
      ],
      config,
    ),
  );
  expect(row['revenue_minor']).toBe(90_000_000);
  expect(
    BigInt(row['revenue_squared_high'] ?? 0) * 2n ** 26n + BigInt(row['revenue_squared_low'] ?? 0),
  ).toBe(90_000_000n ** 2n);
});

test('an order in another currency is a conversion without a value, and is counted', () => {
  const run = runOf([
    click({ event_id: 'c', occurred_at: START_MS }),
    order({ event_id: 'p', occurred_at: START_MS + 1, currency: 'RON', prices: [300] }),
  ]);
  expect(only(run.output.nonZeroSums(LIFT_COHORTS))).toEqual({
    visitors: 1,
    converters: 1,
    orders: 1,
    orders_squared: 1,
  });
  expect(run.output.counts).toEqual(new Map([['LIFT_CURRENCY_DIFFERS', 1]]));
});

test('a visitor of 400 order events keeps 300, counted', () => {
  const orders = Array.from({ length: 400 }, (_, index) =>
    order({
      event_id: `p${index}`,
      order_id: `o${index}`,
      occurred_at: START_MS + index,
      prices: [1],
    }),
  );
  const run = runOf([click({ event_id: 'c', occurred_at: START_MS }), ...orders]);
  expect(only(run.output.nonZeroSums(LIFT_COHORTS))).toMatchObject({ orders: 300 });
  expect(run.output.counts).toEqual(new Map([['LIFT_ORDER_LIMIT_REACHED', 100]]));
});

test('orders that no test can count any more leave the state', () => {
  const config = { ...ONE, allowedLatenessMs: ONE.returnsKeptMs };
  const [operator] = createLift(config).operators;
  const run = new Run(createLift(config).operators);
  run.apply(click({ event_id: 'c', occurred_at: START_MS }), START_MS);
  for (let day = 0; day < 1_000; day += 1) {
    const timeMs = START_MS + day * DAY_MS;
    run.apply(
      order({ event_id: `p${day}`, order_id: `o${day}`, occurred_at: timeMs, prices: [1] }),
      timeMs,
    );
  }
  const bytes = run.states.map(({ state }) => operator?.stateBytes(state) ?? 0);
  // The 180 days in which an order or its return may still come, and those of the week that counted.
  expect(bytes[0]).toBeLessThan(200 * 200);
  expect(run.output.counts.size).toBe(0);
});

/** Verdicts on `v1` and `v2`: a day and what follows, one day alone, or nothing of what they did. */
const anyVerdicts = fc.array(
  fc
    .record({
      visitor_id: fc.constantFrom('v1', 'v2').map(visitorToken),
      kind: fc.constantFrom('confirmed' as const, 'marked' as const, 'cleared' as const),
      about: fc.constantFrom(-14, 0, 1, 7, 29, 31).map((days) => START_MS + days * DAY_MS),
    })
    .map((fields) => ({ topic: 'weir.internal.visitor', event: fields }) as const),
  { minLength: 1, maxLength: 4 },
);

test('whenever verdicts come, the rows are those of the days that count in the end', () => {
  fc.assert(
    fc.property(
      anyLiftEvents,
      anyVerdicts,
      fc.infiniteStream(fc.nat()),
      (events, verdicts, ranks) => {
        const told = verdicts.map(({ event }, revision): LawEvent => ({
          topic: 'weir.internal.visitor',
          event: buildVerdict({ ...event, event_id: `verdict-${revision}`, revision }),
        }));
        const shuffled = [...events, ...told]
          .map((event) => ({ event, rank: ranks.next().value ?? 0 }))
          .toSorted((a, b) => a.rank - b.rank);
        const run = new Run([createScriptedJudge(), ...createLift(CONFIG).operators]);
        for (const { event } of shuffled) {
          run.apply(event);
          run.restart();
        }
        const isWithdrawn = (visitor: string, atMs: number): boolean => {
          const last = verdicts.findLast(({ event }) => event.visitor_id === visitor)?.event;
          if (last === undefined || last.kind === 'cleared' || atMs < last.about) return false;
          return last.kind === 'confirmed' || atMs < last.about + DAY_MS;
        };
        expect(run.output.nonZeroSums(LIFT_COHORTS)).toEqual(
          liftByBruteForce(clicksOf(events), ordersOf(events), CONFIG, isWithdrawn),
        );
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 100) },
  );
});

test('a visitor found to be a bot leaves its arm, is counted as removed, and comes back when it is cleared', () => {
  const run = new Run([createScriptedJudge(), ...createLift(ONE).operators]);
  run.apply(click({ event_id: 'c', occurred_at: START_MS }));
  run.apply(order({ event_id: 'p', occurred_at: START_MS + 1, prices: [300] }));
  const rows = (): unknown => only(run.output.nonZeroSums(LIFT_COHORTS));
  const before = rows();
  const verdict = { about: START_MS, visitor_id: visitorToken('v1') };
  run.apply({
    topic: 'weir.internal.visitor',
    event: buildVerdict({ ...verdict, event_id: 'b', kind: 'confirmed', revision: 1 }),
  });
  expect(rows()).toEqual({ filtered: 1 });
  run.apply({
    topic: 'weir.internal.visitor',
    event: buildVerdict({ ...verdict, event_id: 'h', kind: 'cleared', revision: 2 }),
  });
  expect(rows()).toEqual(before);
});

test('days beyond the reach of verdicts leave the state and stay as they were counted', () => {
  const config = { ...ONE, withdrawalReachMs: 8 * DAY_MS, allowedLatenessMs: durationMs(DAY_MS) };
  const run = new Run([createScriptedJudge(), ...createLift(config).operators]);
  for (let day = 0; day < 100; day += 1) {
    const timeMs = START_MS + day * DAY_MS;
    run.apply(click({ event_id: `c${day}`, occurred_at: timeMs }), timeMs);
  }
  expect(run.states.at(-1)?.state).toMatchObject({ days: [START_MS, expect.any(Number)] });
  run.apply({
    topic: 'weir.internal.visitor',
    event: buildVerdict({ about: START_MS + 90 * DAY_MS, kind: 'confirmed' }),
  });
  expect(only(run.output.nonZeroSums(LIFT_COHORTS))).toEqual({ visitors: 1 });
});

test('without a test nothing is remembered', () => {
  expect(createLift({ ...CONFIG, tests: [] }).operators).toEqual([]);
});

function runOf(events: readonly LawEvent[], config = ONE): Run {
  const run = new Run(createLift(config).operators);
  for (const event of events) run.apply(event, run.newestMs);
  return run;
}

function rowsOf(
  events: readonly LawEvent[],
  config = ONE,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return runOf(events, config).output.nonZeroSums(LIFT_COHORTS);
}

function only(
  rows: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Readonly<Record<string, number>> {
  expect(Object.keys(rows)).toHaveLength(1);
  return Object.values(rows)[0] ?? {};
}
