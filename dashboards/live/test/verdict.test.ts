import { expect, test } from 'vitest';

import { HOUR_MS, SECOND_MS } from '../../../schemas/time.ts';
import { Freshness } from '../src/live/freshness.ts';
import { judge } from '../src/live/verdict.ts';

const NOON_MS = Date.UTC(2026, 10, 21, 12);

test('a loss is called a disconnection after four seconds', () => {
  const freshness = new Freshness();
  const lost = {
    kind: 'lost',
    lostAt: NOON_MS,
    retryAt: NOON_MS + 5_000,
    closeCode: 1006,
  } as const;
  expect(judge(lost, freshness, NOON_MS + 4 * SECOND_MS - 1).kind).toBe('reconnecting');
  expect(judge(lost, freshness, NOON_MS + 4 * SECOND_MS)).toEqual({
    kind: 'disconnected',
    since: NOON_MS,
    waitMs: 1_000,
    closeCode: 1006,
  });
});

test('a disconnection is told in the time of the server', () => {
  const freshness = new Freshness();
  freshness.heard(NOON_MS + HOUR_MS, NOON_MS);
  const lost = { kind: 'lost', lostAt: NOON_MS, retryAt: undefined, closeCode: undefined } as const;
  expect(judge(lost, freshness, NOON_MS + 9 * SECOND_MS)).toMatchObject({
    since: NOON_MS + HOUR_MS,
    waitMs: undefined,
  });
});

test('an open connection without trouble is live, by the transport it has', () => {
  const open = { kind: 'open', transport: 'events', since: NOON_MS } as const;
  expect(judge(open, new Freshness(), NOON_MS)).toEqual({ kind: 'live', transport: 'events' });
  const connecting = { kind: 'connecting', since: NOON_MS } as const;
  expect(judge(connecting, new Freshness(), NOON_MS)).toEqual({ kind: 'connecting' });
});
