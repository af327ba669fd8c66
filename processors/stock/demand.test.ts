import fc from 'fast-check';
import { expect, test } from 'vitest';

import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import {
  beliefOf,
  expectedUnits,
  intermittentRates,
  observeDay,
  phantomChanceOf,
  quietChance,
  rateOf,
} from './demand.ts';
import { lostSalesOf } from './incident.ts';
import { step } from './level.ts';
import {
  ALPHA,
  AT_MS,
  BETA,
  COUNT_MS,
  COUNT_ON_HAND,
  COUNT_RESERVED,
  FULL_LENGTH,
  type Position,
  SQUARES,
  createPosition,
} from './position.ts';
import { withPrice } from './prices.ts';
import { type StockRules, daysOfCover, stockoutChance } from './risk.ts';
import { HOURS_PER_WEEK, WeekProfile, decayOver } from './week-profile.ts';

/** A Monday. */
const START_MS = Date.UTC(2026, 2, 2);
const RULES: StockRules = {
  profile: new WeekProfile(),
  leadTimeMs: 5 * DAY_MS,
  reviewPeriodMs: DAY_MS,
};

/** On hand 42, reserved 6; 90 units sold one by one in 12.5 days in stock. */
function position(): Position {
  const at = createPosition();
  at[COUNT_MS] = START_MS;
  at[COUNT_ON_HAND] = 42;
  at[COUNT_RESERVED] = 6;
  at[ALPHA] = 90;
  at[SQUARES] = 90;
  at[BETA] = 12.5;
  at[AT_MS] = START_MS;
  return at;
}

/** So many significant digits of a number that is known. */
function digitsOf(value: number | undefined, digits: number): string {
  return (value ?? Number.NaN).toPrecision(digits);
}

test('42 on hand, 6 reserved, 7.2 a day and a lead time of 5 days: 5 days of cover, P .511253', () => {
  const at = position();
  expect(daysOfCover(at, START_MS, RULES)).toBe(5);
  expect(digitsOf(stockoutChance(at, START_MS, { rules: RULES, inbound: null }), 6)).toBe(
    '0.511253',
  );
});

test('no sale for .8 days at that rate has the chance .0037606', () => {
  expect(digitsOf(quietChance({ shape: 90, exposure: 12.5 }, 0.8), 5)).toBe('0.0037606');
});

test('out for .35 of a day at that rate loses 2.52 units (2.0264, 3.0666)', () => {
  // 18:00 to 22:30 of a day of which these hours weigh .35.
  const weights = Array.from({ length: 24 }, (_, hour) => {
    if (hour >= 18 && hour <= 21) return 0.07;
    return hour === 22 ? 0.14 : 0.58 / 19;
  });
  const profile = new WeekProfile(weights);
  const openedMs = START_MS + 18 * HOUR_MS;
  const untilMs = START_MS + 22.5 * HOUR_MS;
  expect(profile.daysBetween(openedMs, untilMs)).toBeCloseTo(0.35, 12);
  const lost = lostSalesOf(
    { openedMs, untilMs, openedUnits: 0, resolvedMs: untilMs, alpha: 90, squares: 90, beta: 12.5 },
    {
      profile,
      substitutionShare: 0,
      prices: withPrice(
        '',
        { timeMs: START_MS, eventId: 'p', amountMinor: 1_000, currency: 'EUR' },
        { fromMs: 0, horizonMs: 0 },
      ),
    },
  );
  expect(digitsOf(lost?.units, 6)).toBe('2.52000');
  expect(digitsOf(lost?.unitsLow, 5)).toBe('2.0264');
  expect(digitsOf(lost?.unitsHigh, 5)).toBe('3.0666');
  expect(lost?.cost).toEqual({ amountMinor: 2_520, currency: 'EUR' });
});

test('demand 0,2,0,0,3,0,1,0,0,0,4,0: Croston .9605436, SBA .9125164, TSB .5077566', () => {
  const at = position();
  while (at.length < FULL_LENGTH) at.push(0);
  for (const units of [0, 2, 0, 0, 3, 0, 1, 0, 0, 0, 4, 0]) observeDay(at, units);
  const rates = intermittentRates(at);
  expect(digitsOf(rates?.croston, 7)).toBe('0.9605436');
  expect(digitsOf(rates?.sba, 7)).toBe('0.9125164');
  // The definitions print .5077566; the digits after that are 66.
  expect(digitsOf(rates?.tsb, 9)).toBe('0.507756656');
});

test('units that sell in threes say less about the rate than units that sell one by one', () => {
  const single = position();
  const lumps = position();
  lumps[SQUARES] = 270;
  const [one, three] = [single, lumps].map((at) => beliefOf(at));
  expect(one && rateOf(one)).toBe(7.2);
  expect(three && rateOf(three)).toBeCloseTo(7.2, 12);
  const widths = [one, three].map((belief) => {
    const units = belief && expectedUnits(belief, 1);
    return (units?.high ?? 0) - (units?.low ?? 0);
  });
  expect((widths[1] ?? 0) / (widths[0] ?? 1)).toBeCloseTo(Math.sqrt(3), 1);
});

test('a delivery that is due within the lead time counts, and what sells out before it is a risk', () => {
  const chance = (inbound: readonly number[] | null): number =>
    stockoutChance(position(), START_MS, { rules: RULES, inbound });
  const plenty = 1_000;
  const atOnce = chance([START_MS - 1, START_MS + HOUR_MS, plenty, 0]);
  const atTheEnd = chance([START_MS - 1, START_MS + 5 * DAY_MS - 1, plenty, 0]);
  const afterwards = chance([START_MS - 1, START_MS + 6 * DAY_MS, plenty, 0]);
  expect(atOnce).toBeLessThan(1e-20);
  expect(digitsOf(atTheEnd, 5)).toBe('0.51125');
  expect(afterwards).toBe(chance(null));
});

// in stock  day 0 ─── 10          20 ─── 25        of them sold: 30 and 10
// out               10 ─── 20
test('the rate is that of the time in stock: what is out of stock is censored', () => {
  const at = createPosition();
  const run = (day: number, units: number, demand: number): void => {
    const timeMs = START_MS + day * DAY_MS;
    step(at, { timeMs, count: undefined, units, demand }, { rules: RULES, inbound: null });
  };
  const count = {
    timeMs: START_MS,
    eventId: 'c',
    onHand: 30,
    reserved: 0,
    safety: 0,
    leadDays: 0,
  };
  step(at, { timeMs: START_MS, count, units: 0, demand: 0 }, { rules: RULES, inbound: null });
  run(10, -30, 30);
  run(20, 40, 0);
  run(25, -10, 10);
  const decay = (days: number): number => decayOver(days * DAY_MS);
  const evidence = (age: number, length: number): number =>
    ((decay(age) - decay(age + length)) * 28) / Math.LN2;
  const units = 30 * decay(15) + 10 + 0.5 * decay(25);
  const days = evidence(15, 10) + evidence(0, 5);
  const belief = beliefOf(at);
  expect(belief && rateOf(belief)).toBeCloseTo(units / days, 10);
});

test('phantom stock: the chance of the pause is that of the belief at the last sale', () => {
  const at = createPosition();
  const context = { rules: RULES, inbound: null };
  const count = { timeMs: START_MS, eventId: 'c', onHand: 99, reserved: 0, safety: 0, leadDays: 0 };
  step(at, { timeMs: START_MS, count, units: 0, demand: 0 }, context);
  expect(phantomChanceOf(at)).toBeNull();
  for (let day = 1; day <= 20; day += 1) {
    step(at, { timeMs: START_MS + day * DAY_MS, count: undefined, units: -1, demand: 1 }, context);
  }
  const belief = beliefOf(at);
  step(at, { timeMs: START_MS + 23 * DAY_MS, count: undefined, units: 1, demand: 0 }, context);
  const expected = belief && (belief.exposure / (belief.exposure + 3)) ** belief.shape;
  expect(phantomChanceOf(at)).toBeCloseTo(expected ?? Number.NaN, 10);
});

const anyWeights = fc
  .array(fc.nat({ max: 9 }), { minLength: HOURS_PER_WEEK, maxLength: HOURS_PER_WEEK })
  .filter((weights) => weights.some((weight) => weight > 0));
const anySpan = fc.tuple(fc.nat({ max: 40 * 24 * 60 }), fc.nat({ max: 40 * 24 * 60 }));

test('weighted time is the sum over the hours of the week, decayed or not', () => {
  fc.assert(
    fc.property(anyWeights, anySpan, (weights, [startMinutes, lengthMinutes]) => {
      const profile = new WeekProfile(weights);
      const fromMs = START_MS + startMinutes * 60_000;
      const toMs = fromMs + lengthMinutes * 60_000;
      const mean = weights.reduce((sum, weight) => sum + weight, 0) / HOURS_PER_WEEK;
      let days = 0;
      let evidence = 0;
      for (let hourMs = START_MS; hourMs < toMs; hourMs += HOUR_MS) {
        const hour = ((hourMs - START_MS) / HOUR_MS) % HOURS_PER_WEEK;
        const weight = (weights[hour] ?? 0) / mean;
        const a = Math.max(fromMs, hourMs);
        const b = Math.min(toMs, hourMs + HOUR_MS);
        if (b <= a) continue;
        days += (weight * (b - a)) / DAY_MS;
        evidence += (weight * (decayOver(toMs - b) - decayOver(toMs - a)) * 28) / Math.LN2;
      }
      expect(profile.daysBetween(fromMs, toMs)).toBeCloseTo(days, 8);
      expect(profile.evidenceBetween(fromMs, toMs)).toBeCloseTo(evidence, 8);
      const endMs = days > 0 ? profile.after(fromMs, days) : fromMs;
      expect(profile.daysBetween(fromMs, endMs)).toBeCloseTo(days, 8);
    }),
  );
});
