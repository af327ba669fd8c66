import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ALERTS } from '../../schemas/alert.ts';
import type { Value } from '../../schemas/panel.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildInventory, buildRate } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Minute, driftsOf, minuteByMinute } from '../../test/parity/minute-by-minute.ts';
import { createParityOperator } from './operator.ts';
import { PARITY_CURRENT, PARITY_SEGMENTS } from './row.ts';

const RUN_COUNT = Number(process.env['RUNS'] ?? 300);
const LATENESS_MINUTES = 60;
const OPERATOR = createParityOperator({
  allowedLatenessMs: LATENESS_MINUTES * MINUTE_MS,
  referenceChannel: 'dtc',
  toleranceBasisPoints: 100,
  fxBandBasisPoints: 200,
  dwellMs: 10 * MINUTE_MS,
  staleAfterMs: 45 * MINUTE_MS,
  taxBasisPointsOf: new Map([['retail', 1_900]]),
  owners: {},
});
const RULES = {
  dwellMinutes: 10,
  staleMinutes: 45,
  tolerance: 0.01,
  fxBand: 0.02,
  taxOf: { retail: 0.19 },
};

/** An event and how long after its event time it arrives. */
interface Arrival {
  readonly minute: number;
  readonly delayMinutes: number;
  readonly price:
    | {
        readonly channel: string;
        readonly minor: number;
        readonly promo: string | null;
        readonly isTaxed: boolean;
      }
    | { readonly rate: number; readonly isInverse: boolean };
}

const anyPrice = fc.oneof(
  fc.record({
    channel: fc.constant('dtc'),
    minor: fc.constantFrom(10_000, 10_080, 9_500),
    promo: fc.constantFrom(null, null, 'sale'),
    isTaxed: fc.constant(false),
  }),
  fc.record({
    channel: fc.constant('amazon'),
    minor: fc.constantFrom(10_000, 9_930, 9_800, 10_500, 9_500),
    promo: fc.constantFrom(null, 'sale'),
    isTaxed: fc.constant(false),
  }),
  fc.record({
    channel: fc.constant('retail'),
    minor: fc.constantFrom(49_700, 50_300, 48_000, 59_143),
    promo: fc.constant(null),
    isTaxed: fc.boolean(),
  }),
  fc.record({ rate: fc.constantFrom(4.97, 5, 5.06, 5.2), isInverse: fc.boolean() }),
);

function anyArrivals(delayMinutesMax: number): fc.Arbitrary<readonly Arrival[]> {
  return fc.array(
    fc.record({
      minute: fc.nat({ max: 240 }),
      delayMinutes: fc.nat({ max: delayMinutesMax }),
      price: anyPrice,
    }),
    { minLength: 1, maxLength: 24 },
  );
}

function eventOf({ minute, price }: Arrival, index: number): LawEvent {
  const occurred_at = DAY_ZERO_MS + minute * MINUTE_MS;
  const event_id = `e${String(index).padStart(3, '0')}`;
  if ('rate' in price) {
    const { rate, isInverse } = price;
    const pair = isInverse
      ? { base: 'RON', quote: 'EUR', rate: 1 / rate }
      : { base: 'EUR', quote: 'RON', rate };
    return { topic: 'weir.internal.sku', event: buildRate({ event_id, occurred_at, ...pair }) };
  }
  return {
    topic: 'weir.inventory',
    event: buildInventory({
      event_id,
      occurred_at,
      kind: 'price',
      sku: 'cup',
      channel: price.channel,
      on_hand: null,
      price_minor: price.minor,
      currency: price.channel === 'retail' ? 'RON' : 'EUR',
      promo_id: price.promo,
      tax_included: price.isTaxed,
    }),
  };
}

/** The events with the watermark at which each arrives: that of a task which never drops one of them. */
function inArrivalOrder(arrivals: readonly Arrival[]): readonly {
  readonly event: LawEvent;
  readonly watermarkMs: number;
}[] {
  const ordered = arrivals
    .map((arrival, index) => ({ arrival, event: eventOf(arrival, index) }))
    .toSorted(
      (a, b) =>
        a.arrival.minute + a.arrival.delayMinutes - b.arrival.minute - b.arrival.delayMinutes,
    );
  let newestMs = Number.NEGATIVE_INFINITY;
  return ordered.map(({ event }) => {
    const watermarkMs = newestMs - MINUTE_MS;
    newestMs = Math.max(newestMs, event.event.occurred_at);
    return { event, watermarkMs };
  });
}

function runOf(
  arrivals: readonly { readonly event: LawEvent; readonly watermarkMs: number }[],
  isRestarting = false,
): Run {
  const run = new Run([OPERATOR]);
  for (const { event, watermarkMs } of arrivals) {
    run.apply(event, watermarkMs);
    if (isRestarting) run.restart();
  }
  run.finish();
  return run;
}

function shownRows({ output }: Run): unknown {
  return [PARITY_CURRENT, PARITY_SEGMENTS, ALERTS].map((table) => {
    const withdrawn = table.columns.findIndex(({ name }) => name === 'withdrawn');
    return [...(output.rows.get(table.name)?.values() ?? [])]
      .filter((row) => withdrawn < 0 || row[withdrawn] === false)
      .map((row) => JSON.stringify(row))
      .toSorted();
  });
}

test('the rows are those of a walk minute by minute over the events', () => {
  fc.assert(
    fc.property(anyArrivals(0), (arrivals) => {
      const ordered = inArrivalOrder(arrivals);
      const run = runOf(ordered);
      const events = ordered.map(({ event }) => event);
      for (const channel of ['amazon', 'retail']) {
        const current = run.output.rows.get(PARITY_CURRENT.name)?.get(`cup|${channel}`);
        const minutes = minuteByMinute(
          events,
          { sku: 'cup', channel, untilMs: run.newestMs },
          RULES,
        );
        expect(shownOf(current)).toEqual(expectedOf(minutes));
        expect(alertsOf(run, channel)).toEqual(
          driftsOf(minutes).map((text) => text.split(' ').slice(0, 2).join(' ')),
        );
      }
    }),
    { numRuns: RUN_COUNT },
  );
});

test('the segments hold the gap of every minute', () => {
  fc.assert(
    fc.property(anyArrivals(0), (arrivals) => {
      const ordered = inArrivalOrder(arrivals);
      const run = runOf(ordered);
      const events = ordered.map(({ event }) => event);
      for (const channel of ['amazon', 'retail']) {
        const segments = [...(run.output.rows.get(PARITY_SEGMENTS.name)?.values() ?? [])]
          .filter((row) => row[1] === channel && row.at(-1) === false)
          .toSorted((a, b) => Number(a[2]) - Number(b[2]));
        const place = { sku: 'cup', channel, untilMs: run.newestMs };
        for (const { timeMs, isKnown, gap } of minuteByMinute(events, place, RULES)) {
          const found = segments.findLast((row) => Number(row[2]) <= timeMs);
          const isOn = found !== undefined && timeMs < Number(found[12]);
          // Half a billionth is what a gap is rounded by.
          const isRight = isOn ? Math.abs(Number(found[9]) - gap * 1e9) <= 0.5001 : !isKnown;
          expect(isRight, `${channel} at ${timeMs}`).toBe(true);
        }
      }
    }),
    { numRuns: RUN_COUNT },
  );
});

test('prices and rates in any order of arrival give the same rows', () => {
  fc.assert(
    fc.property(anyArrivals(LATENESS_MINUTES - 2), (arrivals) => {
      const inOrder = inArrivalOrder(arrivals.map((each) => ({ ...each, delayMinutes: 0 })));
      expect(shownRows(runOf(inArrivalOrder(arrivals)))).toEqual(shownRows(runOf(inOrder)));
    }),
    { numRuns: RUN_COUNT },
  );
});

test('storing and restoring the state between any two events changes nothing', () => {
  fc.assert(
    fc.property(anyArrivals(LATENESS_MINUTES - 2), (arrivals) => {
      const ordered = inArrivalOrder(arrivals);
      expect(shownRows(runOf(ordered, true))).toEqual(shownRows(runOf(ordered)));
    }),
    { numRuns: RUN_COUNT },
  );
});

test('what can no longer change is forgotten', () => {
  const prices = Array.from({ length: 5_000 }, (_, index) => ({
    minute: index * 10,
    delayMinutes: 0,
    price: {
      channel: index % 2 === 0 ? 'dtc' : 'amazon',
      minor: 10_000 + (index % 7) * 100,
      promo: null,
      isTaxed: false,
    },
  }));
  const run = runOf(inArrivalOrder(prices));
  for (const { operator, state } of run.states) {
    expect(operator.stateBytes(state)).toBeLessThan(3_000);
    expect(JSON.stringify(state).length).toBeLessThan(6_000);
  }
});

/** Opening and end of every drift on the channel, as the inbox shows them. */
function alertsOf({ output }: Run, channel: string): readonly string[] {
  return [...(output.rows.get(ALERTS.name)?.values() ?? [])]
    .filter(
      (row) => row[1] === 'price_drift' && row[4] === `cup on ${channel}` && row.at(-1) === false,
    )
    .toSorted((a, b) => Number(a[8]) - Number(b[8]))
    .map((row) => `${String(row[8])} ${row[11] === null ? 'open' : String(row[11])}`);
}

/** Status and gap of a current row; undefined for none. */
function shownOf(row: readonly Value[] | undefined): unknown {
  return row && { status: row[2], gap: row[5] === null ? undefined : rounded(Number(row[5])) };
}

/** The same as the minutes have it; a channel of which nothing could ever be compared may have no row. */
function expectedOf(minutes: readonly Minute[]): unknown {
  const last = minutes.at(-1);
  if (last === undefined || !last.hasPrice) return undefined;
  const known = ['UNDER', 'PARITY', 'OVER'][last.status + 1];
  return {
    status: last.isKnown ? known : last.isSilent ? 'STALE' : 'UNKNOWN',
    gap: last.isKnown ? rounded(last.gap) : undefined,
  };
}

/** To a hundred-millionth, because a sum of roundings is not what is tested. */
function rounded(gap: number): number {
  return Math.round(gap * 1e8) / 1e8 + 0;
}

test.each([
  { name: 'with a channel beside it', others: ['amazon'] },
  { name: 'with none', others: [] },
])(
  'of a reference that changes every second no more is kept than has a bound, $name',
  ({ others }) => {
    const run = new Run([OPERATOR]);
    let count = 0;
    const price = (channel: string, second: number): void => {
      count += 1;
      const event = buildInventory({
        event_id: `p${count}`,
        occurred_at: DAY_ZERO_MS + second * SECOND_MS,
        kind: 'price',
        channel,
        price_minor: 10_000 + (count % 2),
        currency: 'EUR',
      });
      run.apply({ topic: 'weir.inventory', event });
    };
    for (const channel of others) price(channel, 0);
    for (let second = 1; second <= 3_000; second += 1) price('dtc', second);
    // Twice 256 of 130 bytes, and the cell.
    expect(run.bytes).toBeLessThan(70_000);
    expect(run.output.counts.get('PARITY_HISTORY_FULL')).toBeGreaterThan(2_000);
  },
);
