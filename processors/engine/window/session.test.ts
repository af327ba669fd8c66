import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Session, addToSessions } from './session.ts';

const GAP_MS = 30;

interface Visit {
  readonly timeMs: number;
  readonly first: string;
}

function insertAll(visits: readonly Visit[]): Session<string>[] {
  const sessions: Session<string>[] = [];
  for (const visit of visits) {
    addToSessions(sessions, visit, { gapMs: GAP_MS, isBefore: (a, b) => a < b });
  }
  return sessions;
}

/** Sort everything, then cut wherever the gap is too long. */
function cutSorted(visits: readonly Visit[]): Session<string>[] {
  const sorted = visits.toSorted((a, b) => a.timeMs - b.timeMs || (a.first < b.first ? -1 : 1));
  const sessions: Session<string>[] = [];
  for (const { timeMs, first } of sorted) {
    const last = sessions.at(-1);
    if (last !== undefined && timeMs - last.endMs <= GAP_MS) last.endMs = timeMs;
    else sessions.push({ startMs: timeMs, endMs: timeMs, first });
  }
  return sessions;
}

//  0    30        61   91
//  a─────b        c────d       gaps of exactly 30 join, of 31 part
test('a gap of exactly the limit continues a session and one above it starts the next', () => {
  expect(
    insertAll([
      { timeMs: 0, first: 'a' },
      { timeMs: 30, first: 'b' },
      { timeMs: 61, first: 'c' },
      { timeMs: 91, first: 'd' },
    ]),
  ).toEqual([
    { startMs: 0, endMs: 30, first: 'a' },
    { startMs: 61, endMs: 91, first: 'c' },
  ]);
});

//  0        30        60
//  a         .         c      two sessions until b arrives
//  a────────b────────c        one, and it starts where the first did
test('a late event between two sessions joins them', () => {
  const apart: Visit[] = [
    { timeMs: 60, first: 'c' },
    { timeMs: 0, first: 'a' },
  ];
  expect(insertAll(apart)).toHaveLength(2);
  expect(insertAll([...apart, { timeMs: 30, first: 'b' }])).toEqual([
    { startMs: 0, endMs: 60, first: 'a' },
  ]);
});

test('of two events at the same instant the one that comes before is the first', () => {
  const atOnce: Visit[] = [
    { timeMs: 5, first: 'b' },
    { timeMs: 5, first: 'a' },
  ];
  expect(insertAll(atOnce)).toEqual([{ startMs: 5, endMs: 5, first: 'a' }]);
  expect(insertAll(atOnce.toReversed())).toEqual([{ startMs: 5, endMs: 5, first: 'a' }]);
});

test('any order of arrival gives the sessions of the sorted events', () => {
  const visits = fc
    .array(fc.nat({ max: 400 }), { maxLength: 40 })
    .map((times) =>
      times.map((timeMs, index) => ({ timeMs, first: `e${String(index).padStart(2, '0')}` })),
    );
  fc.assert(
    fc.property(visits, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (list, ranks) => {
      const arrival = list
        .map((visit, index) => ({ visit, rank: ranks[index] ?? 0 }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ visit }) => visit);
      expect(insertAll(arrival)).toEqual(cutSorted(list));
    }),
    { numRuns: 2_000 },
  );
});
