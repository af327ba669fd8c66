import type fc from 'fast-check';

import type { LiftConfig } from '../../processors/lift/config.ts';
import type { LiftTest } from '../../processors/lift/row.ts';
import { ARMS } from '../../schemas/assignment.ts';
import { DAY_MS, HOUR_MS, durationMs } from '../../schemas/time.ts';
import { START_MS, anyEvents } from '../attribution/events.ts';
import type { LawEvent } from '../laws/law-event.ts';

/** A test of one channel; give what the test is about. */
export function liftTest(fields: Partial<LiftTest> = {}): LiftTest {
  return {
    id: 'search-1',
    channel: 'search',
    salt: 'salt',
    share: 0.5,
    startMs: START_MS,
    stopMs: undefined,
    horizonMs: 7 * DAY_MS,
    plannedVisitors: 5_000,
    outcome: 'converted',
    valueMinorMax: 1_000_000,
    ...fields,
  };
}

/** Three tests: two that start together, one that starts a day later with a short horizon; all stop. */
export const CONFIG: LiftConfig = {
  tests: [
    liftTest({ stopMs: START_MS + 60 * DAY_MS }),
    liftTest({
      id: 'email-1',
      channel: 'email',
      salt: 'other',
      horizonMs: 30 * DAY_MS,
      stopMs: START_MS + 40 * DAY_MS,
      valueMinorMax: 90_000_000,
    }),
    liftTest({
      id: 'email-2',
      channel: 'email',
      salt: 'third',
      startMs: START_MS + DAY_MS,
      stopMs: START_MS + 35 * DAY_MS,
      horizonMs: HOUR_MS,
    }),
  ],
  currency: 'EUR',
  withdrawalReachMs: 200 * DAY_MS,
  returnsKeptMs: durationMs(90 * DAY_MS),
  allowedLatenessMs: durationMs(130 * DAY_MS),
};

/** Clicks and orders of two visitors over three months; some orders have costs, some clicks name an arm. */
export const anyLiftEvents: fc.Arbitrary<readonly LawEvent[]> = anyEvents.map((events) =>
  events.map((event, index) => {
    if (event.topic === 'weir.orders') return withCosts(event, index);
    return event.topic === 'weir.clicks' ? withArm(event, index) : event;
  }),
);

function withArm(
  { topic, event }: LawEvent & { readonly topic: 'weir.clicks' },
  index: number,
): LawEvent {
  const arm = index % 3 === 0 ? (ARMS[index % 2] ?? null) : null;
  return { topic, event: { ...event, arm } };
}

function withCosts(
  lawEvent: LawEvent & { readonly topic: 'weir.orders' },
  index: number,
): LawEvent {
  const lines = lawEvent.event.lines.map((line, at) => ({
    ...line,
    unit_cost_minor:
      (index + at) % 3 === 0 ? null : Math.floor((line.unit_price_minor * (index % 5)) / 3),
  }));
  return { topic: lawEvent.topic, event: { ...lawEvent.event, lines } };
}
