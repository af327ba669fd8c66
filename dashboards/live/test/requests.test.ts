import { expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS } from '../../../schemas/time.ts';
import { Acknowledgements } from '../src/live/acknowledgements.ts';
import { type ChannelRow, parseChannelRow } from '../src/live/rows.ts';
import { TodayHours } from '../src/live/today.ts';
import { VerdictDecisions, latestVerdicts, parseVerdict } from '../src/live/verdicts.ts';
import { VirtualClock } from './virtual-clock.ts';

const DAY_START_MS = Date.UTC(2026, 10, 21);
/** 20:46; the live view holds minutes from 17:47 on, so whole hours end at 18:00. */
const NEWEST_MS = DAY_START_MS + 20 * HOUR_MS + 46 * MINUTE_MS;

function row(start: number, orders: number): ChannelRow {
  const parsed = parseChannelRow({ window_start: start, channel: 'dtc', currency: 'EUR', orders });
  if (parsed === undefined) throw new TypeError('Expected a row');
  return parsed;
}

test('today joins stored hours and live minutes at a whole hour and counts nothing twice', async () => {
  const asked: string[] = [];
  const today = new TodayHours({
    clock: new VirtualClock(NEWEST_MS),
    changed: () => {},
    getJson: (path) => {
      asked.push(path);
      const isFirst = !path.includes('cursor');
      return Promise.resolve({
        rows: [row(DAY_START_MS + (isFirst ? 0 : 17) * HOUR_MS, isFirst ? 10 : 20)],
        next_cursor: isFirst ? 'a/b' : null,
      });
    },
  });
  expect(today.isComplete(NEWEST_MS)).toBe(false);
  await today.refresh(NEWEST_MS);
  const hours = `/v1/channels?grain=hour&from=${DAY_START_MS}&to=${DAY_START_MS + 18 * HOUR_MS}`;
  expect(asked).toEqual([hours, `${hours}&cursor=a%2Fb`]);
  expect(today.isComplete(NEWEST_MS)).toBe(true);
  const live = [
    row(DAY_START_MS + 18 * HOUR_MS - MINUTE_MS, 400),
    row(DAY_START_MS + 18 * HOUR_MS, 3),
  ];
  expect(today.join(live, NEWEST_MS).map(({ orders }) => orders)).toEqual([10, 20, 3]);
});

test('in the first hours of a day the live minutes are all there is, without those of yesterday', async () => {
  const today = new TodayHours({
    clock: new VirtualClock(DAY_START_MS),
    changed: () => {},
    getJson: () => Promise.reject(new Error('must not be asked')),
  });
  const newest = DAY_START_MS + HOUR_MS;
  await today.refresh(newest);
  expect(today.isComplete(newest)).toBe(true);
  expect(today.problem).toBeUndefined();
  const live = [row(DAY_START_MS - MINUTE_MS, 9), row(DAY_START_MS, 1)];
  expect(today.join(live, newest).map(({ orders }) => orders)).toEqual([1]);
});

test('stored hours are asked for again after a minute, and a failure is told and retried', async () => {
  const clock = new VirtualClock(NEWEST_MS);
  let askedCount = 0;
  const today = new TodayHours({
    clock,
    changed: () => {},
    getJson: () => {
      askedCount += 1;
      return askedCount === 1
        ? Promise.reject(new Error('the server answered 503'))
        : Promise.resolve({ rows: [] });
    },
  });
  await today.refresh(NEWEST_MS);
  expect(today.problem).toBe('the server answered 503');
  await today.refresh(NEWEST_MS);
  expect(askedCount).toBe(1);
  clock.advance(2_000);
  await today.refresh(NEWEST_MS);
  expect([askedCount, today.problem]).toEqual([2, undefined]);
  clock.advance(59_000);
  await today.refresh(NEWEST_MS);
  expect(askedCount).toBe(2);
  clock.advance(1_000);
  await today.refresh(NEWEST_MS);
  expect(askedCount).toBe(3);
});

test('an incident is acknowledged by one request, whose refusal is told and may be repeated', async () => {
  const posted: string[] = [];
  const answers = [
    { isOk: false, status: 403, body: { title: 'Forbidden', detail: 'The key may only read' } },
    { isOk: true, status: 200, body: {} },
  ];
  const acknowledgements = new Acknowledgements({
    changed: () => {},
    postJson: (path) => {
      posted.push(path);
      const answer = answers.shift();
      return answer === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(answer);
    },
  });
  const first = acknowledgements.acknowledge('out/1');
  await acknowledgements.acknowledge('out/1');
  await first;
  expect(acknowledgements.stateOf('out/1')).toEqual({
    kind: 'failed',
    reason: 'The key may only read',
  });
  await acknowledgements.acknowledge('out/1');
  await acknowledgements.acknowledge('out/1');
  expect(acknowledgements.stateOf('out/1')).toEqual({ kind: 'sent' });
  expect(posted).toEqual(['/v1/alerts/out%2F1/acknowledge', '/v1/alerts/out%2F1/acknowledge']);
  await acknowledgements.acknowledge('b');
  expect(acknowledgements.stateOf('b')).toEqual({
    kind: 'failed',
    reason: 'The server could not be reached',
  });
});

test('a verdict is answered once, and again when there is a newer one on the same visitor', async () => {
  const posted: string[] = [];
  const decisions = new VerdictDecisions({
    changed: () => {},
    postJson: (path) => {
      posted.push(path);
      return Promise.resolve({ isOk: true, status: 202, body: {} });
    },
  });
  const verdict = {
    visitor_token: 'v/1',
    to_state: 'bot',
    tier: 2,
    reason: 'behaviour',
    score: 94,
  };
  const rows = [
    { ...verdict, decided_at: 1, features: 'regular fast' },
    { ...verdict, decided_at: 2, features: '', actor: 'Ada' },
    { ...verdict, decided_at: 3, to_state: 'human' },
    { to_state: 'bot' },
  ];
  const verdicts = latestVerdicts(rows.flatMap((each) => parseVerdict(each) ?? []));
  expect(verdicts).toMatchObject([
    { decidedAt: 2, features: [], actor: 'Ada' },
    { visitorToken: 'v/1', score: 94, features: ['regular', 'fast'], actor: undefined },
  ]);
  const [second, first] = verdicts;
  if (first === undefined || second === undefined) throw new TypeError('Expected two verdicts');
  await decisions.decide(first, 'clear');
  await decisions.decide(first, 'confirm');
  await decisions.decide(second, 'confirm');
  expect(posted).toEqual(['/v1/bots/v%2F1/clear', '/v1/bots/v%2F1/confirm']);
  expect(decisions.stateOf(second)).toEqual({ kind: 'sent' });
});
