import fc from 'fast-check';
import { expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { STOCK_LEVELS_CONFIG } from '../../test/doubles/stock-config.ts';
import { insertChange, insertCount, insertInbound } from './insertion.ts';
import {
  type Timeline,
  append,
  createTimeline,
  foldTimeline,
  isAfterEverything,
  newestOf,
  spellsOf,
} from './timeline.ts';
import { WeekProfile } from './week-profile.ts';

const START_MS = Date.UTC(2026, 2, 1);
const STEP_MS = 20 * MINUTE_MS;
/** A lead time so short that risks come back sometimes too late to be the same ones. */
const rules = { ...STOCK_LEVELS_CONFIG.rules, leadTimeMs: 8 * HOUR_MS };

/** What happens at a node: time goes on by `steps`, and something is told of `stepsAgo` before. */
interface Happening {
  readonly kind: 'sale' | 'return' | 'count' | 'inbound';
  readonly steps: number;
  readonly stepsAgo: number;
  readonly units: number;
}

/** So many that marks are thinned out, so few units that spells begin and end all the time. */
const anyHappenings = fc.array(
  fc.record({
    kind: fc.constantFrom('sale', 'sale', 'sale', 'sale', 'sale', 'return', 'count', 'inbound'),
    steps: fc.constantFrom(0, 1, 1, 1, 2),
    stepsAgo: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 400 }) },
    ),
    units: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 150, maxLength: 400 },
);

function take(timeline: Timeline, { kind, units }: Happening, timeMs: number): void {
  if (kind === 'inbound') {
    insertInbound(timeline, { timeMs, dueMs: timeMs + units * HOUR_MS, units, leadDays: 0 });
    return;
  }
  const isCount = kind === 'count';
  const count = { timeMs, eventId: `${units}`, onHand: 6 * units, reserved: 0, safety: 0 };
  const instant = {
    timeMs,
    units: isCount ? 0 : kind === 'sale' ? -units : units,
    demand: kind === 'sale' ? units : 0,
    count: isCount ? { ...count, leadDays: 0 } : undefined,
  };
  if (isAfterEverything(timeline, timeMs)) append(timeline, instant, rules);
  else if (instant.count !== undefined) insertCount(timeline, instant.count);
  else insertChange(timeline, instant);
}

test('what is remembered of a busy node is what going over everything again gives, to the last bit', () => {
  const seen = { outages: 0, risks: 0, marks: 0 };
  fc.assert(
    fc.property(anyHappenings, fc.integer({ min: 40, max: 300 }), (happenings, keptSteps) => {
      const remembering = createTimeline();
      const forgetting = createTimeline();
      let nowMs = START_MS;
      for (const happening of happenings) {
        nowMs += happening.steps * STEP_MS;
        const timeMs = nowMs - happening.stepsAgo * STEP_MS;
        const horizonMs = nowMs - keptSteps * STEP_MS;
        for (const timeline of [remembering, forgetting]) {
          take(timeline, happening, timeMs);
          newestOf(timeline, rules);
          foldTimeline(timeline, { horizonMs, latenessMs: nowMs - horizonMs }, rules);
          forgetting.course = null;
        }
        expect(newestOf(remembering, rules)).toEqual(newestOf(forgetting, rules));
        const spells = spellsOf(remembering, rules);
        expect(spells).toEqual(spellsOf(forgetting, rules));
        seen.outages = Math.max(seen.outages, spells.outages.length);
        seen.risks = Math.max(seen.risks, spells.risks.length);
        seen.marks = Math.max(seen.marks, remembering.course?.marks.length ?? 0);
      }
    }),
    { numRuns: 40 },
  );
  expect(seen.outages).toBeGreaterThan(5);
  expect(seen.risks).toBeGreaterThan(5);
  expect(seen.marks).toBeGreaterThan(14);
  expect(seen.marks).toBeLessThanOrEqual(16 + 400 / 64);
});

test('an event out of order costs what comes after it, however much is kept', () => {
  let stepCount = 0;
  class CountingProfile extends WeekProfile {
    override evidenceBetween(fromMs: number, toMs: number): number {
      stepCount += 1;
      return super.evidenceBetween(fromMs, toMs);
    }
  }
  const counting = { ...rules, profile: new CountingProfile() };
  const timeline = createTimeline();
  const count = { eventId: 'c', onHand: 9_000, reserved: 0, safety: 0, leadDays: 0 };
  const atMs = (index: number): number => START_MS + index * MINUTE_MS;
  insertCount(timeline, { ...count, timeMs: atMs(0) });
  for (let index = 1; index <= 4_000; index += 1) {
    append(timeline, { timeMs: atMs(index), units: -1, demand: 1, count: undefined }, counting);
  }
  const stepsFor = (index: number): number => {
    stepCount = 0;
    insertChange(timeline, { timeMs: atMs(index) + 1, units: -1, demand: 1 });
    newestOf(timeline, counting);
    return stepCount;
  };
  expect(stepsFor(3_990)).toBeLessThan(11 + 8 + 4);
  expect(stepsFor(3_000)).toBeLessThan(1_001 + 64 + 4);
});
