import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  type SourceSequence,
  coverSequences,
  hasSequenceGap,
  noteSequenceNumber,
} from './sequence.ts';

interface Owner {
  sequences: SourceSequence[] | null;
}

const NEVER_MS = Number.NEGATIVE_INFINITY;

function note(owner: Owner, seq: number, timeMs: number, countMs = NEVER_MS): void {
  expect(noteSequenceNumber(owner, { source: 'till', seq, timeMs }, countMs)).toBe('ok');
}

test('numbers without a hole are no gap, wherever they begin', () => {
  const owner: Owner = { sequences: null };
  for (const seq of [41, 42, 43]) note(owner, seq, seq);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(false);
});

test('a missing number is a gap until it arrives', () => {
  const owner: Owner = { sequences: null };
  for (const seq of [1, 2, 4]) note(owner, seq, seq);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(true);
  note(owner, 3, 3);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(false);
});

test('a count at or after the number behind the hole closes the gap', () => {
  const owner: Owner = { sequences: null };
  for (const seq of [1, 2, 4]) note(owner, seq, seq * 10);
  coverSequences(owner.sequences ?? [], 39);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(true);
  coverSequences(owner.sequences ?? [], 40);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(false);
});

test('one source counts on its own: its numbers do not fill the holes of another', () => {
  const owner: Owner = { sequences: null };
  for (const seq of [1, 3]) note(owner, seq, seq);
  noteSequenceNumber(owner, { source: 'warehouse', seq: 2, timeMs: 2 }, NEVER_MS);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(true);
});

test('whether there is a gap follows from the numbers and the count, not from their order', () => {
  const arrival = fc.record({
    seq: fc.integer({ min: 1, max: 14 }),
    timeMs: fc.integer({ min: 0, max: 20 }),
    isCount: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 16 }), (arrivals) => {
      const owner: Owner = { sequences: null };
      let countMs = NEVER_MS;
      for (const { seq, timeMs, isCount } of arrivals) {
        if (isCount && timeMs > countMs) {
          countMs = timeMs;
          coverSequences(owner.sequences ?? [], countMs);
        }
        note(owner, seq, timeMs, countMs);
      }
      expect(hasSequenceGap(owner.sequences ?? [])).toBe(hasGapByDefinition(arrivals, countMs));
    }),
    { numRuns: 2_000 },
  );
});

test('a source with too many holes gives up the oldest and says so', () => {
  const owner: Owner = { sequences: null };
  const outcomes = Array.from({ length: 18 }, (_, index) =>
    noteSequenceNumber(owner, { source: 'till', seq: index * 2, timeMs: index }, NEVER_MS),
  );
  expect(outcomes.filter((outcome) => outcome !== 'ok')).toEqual([
    'STOCK_GAP_LIMIT',
    'STOCK_GAP_LIMIT',
  ]);
  expect(owner.sequences?.[0]?.runs).toHaveLength(16);
  expect(hasSequenceGap(owner.sequences ?? [])).toBe(true);
});

test('more sources than are told apart are counted', () => {
  const owner: Owner = { sequences: null };
  const outcomes = Array.from({ length: 9 }, (_, index) =>
    noteSequenceNumber(owner, { source: `source-${index}`, seq: 1, timeMs: 1 }, NEVER_MS),
  );
  expect(outcomes.at(-2)).toBe('ok');
  expect(outcomes.at(-1)).toBe('STOCK_SOURCE_LIMIT');
});

/** A number between the newest covered one (or the first) and the last that never came. */
function hasGapByDefinition(
  arrivals: readonly { readonly seq: number; readonly timeMs: number }[],
  countMs: number,
): boolean {
  const numbers = new Set(arrivals.map(({ seq }) => seq));
  const covered = arrivals.filter(({ timeMs }) => timeMs <= countMs).map(({ seq }) => seq);
  const from = covered.length > 0 ? Math.max(...covered) : Math.min(...numbers);
  for (let seq = from; seq < Math.max(...numbers); seq += 1) {
    if (seq > from && !numbers.has(seq)) return true;
  }
  return false;
}
