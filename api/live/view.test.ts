import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Panel, Row, Update } from '../../schemas/panel.ts';
import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { type Filter, NO_FILTER, matches } from './filter.ts';
import { LiveView } from './view.ts';

const T0 = Date.UTC(2026, 2, 1, 10);
const FIRST_SEQ = 1_000;

const CHANNELS: Panel = {
  topic: 'channels',
  path: 'channels',
  needs: [],
  live: {
    table: 'channel_1m_rows',
    key: ['window_start', 'channel'],
    sums: ['gross', 'bots'],
    derive: (row) => ({ net: Number(row['gross']) - Number(row['bots']) }),
    retentionMs: HOUR_MS,
    rowsMax: 1_000,
    windowMs: MINUTE_MS,
  },
  query: {
    views: { minute: 'channel_1m' },
    columns: ['window_start', 'channel', 'gross', 'bots', 'net', 'state'],
    filters: ['channel'],
    timeColumn: 'window_start',
    orderBy: ['window_start', 'channel'],
  },
};

const STOCK: Panel = {
  topic: 'stock',
  path: 'stock',
  needs: [],
  live: {
    table: 'stock_rows',
    key: ['sku'],
    sums: [],
    retentionMs: undefined,
    rowsMax: 3,
    windowMs: undefined,
  },
  query: {
    views: { all: 'stock' },
    columns: ['sku', 'state'],
    filters: ['sku', 'state'],
    timeColumn: undefined,
    orderBy: ['sku'],
  },
};

function counted(
  part: { readonly task: string; readonly version: number; readonly minute?: number },
  row: Row,
): Update {
  const { task, version, minute = 0 } = part;
  return {
    table: 'channel_1m_rows',
    task,
    version,
    row: { window_start: T0 + minute * MINUTE_MS, corrected_on: 0, channel: 'dtc', ...row },
  };
}

function stocked(sku: string, state: string, version: number, isWithdrawn = false): Update {
  return {
    table: 'stock_rows',
    task: 'sku-0',
    version,
    row: { sku, state, withdrawn: isWithdrawn },
  };
}

function rowsOf(view: LiveView, filter: Filter = NO_FILTER): readonly Row[] {
  return view.rows(filter).map(({ row }) => row);
}

test('a row adds up what each task and each day of correction has counted last', () => {
  const view = new LiveView(CHANNELS, FIRST_SEQ);
  view.fold([
    counted({ task: 'visitor-0', version: 1 }, { gross: 5, bots: 1 }),
    counted({ task: 'visitor-1', version: 1 }, { gross: 7, bots: 0 }),
    counted({ task: 'visitor-0', version: 2 }, { gross: 6, bots: 1 }),
    counted({ task: 'visitor-0', version: 3 }, { gross: -2, bots: 0, corrected_on: T0 }),
  ]);
  view.commit();
  expect(rowsOf(view)).toEqual([
    { window_start: T0, channel: 'dtc', gross: 11, bots: 1, net: 10, state: 'provisional' },
  ]);
});

test('an update that comes again, or after a newer one, changes nothing', () => {
  const view = new LiveView(CHANNELS, FIRST_SEQ);
  const newer = counted({ task: 'visitor-0', version: 9 }, { gross: 6, bots: 0 });
  view.fold([newer, counted({ task: 'visitor-0', version: 8 }, { gross: 5, bots: 0 })]);
  expect(view.commit()?.seq).toBe(FIRST_SEQ + 1);
  view.fold([newer]);
  expect(view.commit()).toBeUndefined();
  expect(view.seq).toBe(FIRST_SEQ + 1);
});

test('a row whose sums have gone back to zero is still a row', () => {
  const view = new LiveView(CHANNELS, FIRST_SEQ);
  view.fold([counted({ task: 'visitor-0', version: 1 }, { gross: 5, bots: 0 })]);
  view.commit();
  view.fold([counted({ task: 'visitor-0', version: 2 }, { gross: 0, bots: 0 })]);
  expect(view.commit()?.rows.map(({ row }) => row['gross'])).toEqual([0]);
  expect(rowsOf(view)).toHaveLength(1);
});

//  watermark       T0+59 s    T0+60 s           T0+60 s+lateness
//  window [T0, T0+60 s)   provisional │ matured │ final
test('a window matures when the watermark reaches its end and is final after the lateness', () => {
  const view = new LiveView(CHANNELS, FIRST_SEQ);
  view.advance(T0, HOUR_MS);
  view.fold([counted({ task: 'visitor-0', version: 1 }, { gross: 1, bots: 0 })]);
  view.commit();
  const statesAt = (watermarkMs: number): readonly unknown[] => {
    view.advance(watermarkMs, HOUR_MS);
    return view.commit()?.rows.map(({ row }) => row['state']) ?? [];
  };
  expect(statesAt(T0 + MINUTE_MS - 1)).toEqual([]);
  expect(statesAt(T0 + MINUTE_MS)).toEqual(['matured']);
  expect(statesAt(T0 + MINUTE_MS + HOUR_MS - 1)).toEqual([]);
  expect(statesAt(T0 + MINUTE_MS + HOUR_MS)).toEqual(['final']);
  expect(statesAt(T0 + 9 * HOUR_MS)).toEqual([]);
});

test('windows older than the retention leave and do not come back in part', () => {
  const view = new LiveView(CHANNELS, FIRST_SEQ);
  view.fold([
    counted({ task: 'visitor-0', version: 1 }, { gross: 1, bots: 0 }),
    counted({ task: 'visitor-0', version: 2, minute: 61 }, { gross: 1, bots: 0 }),
  ]);
  view.commit();
  view.fold([counted({ task: 'visitor-1', version: 1 }, { gross: 1, bots: 0 })]);
  view.commit();
  expect(rowsOf(view).map((row) => row['window_start'])).toEqual([T0 + 61 * MINUTE_MS]);
});

test('beyond the row limit whole windows leave, the oldest first', () => {
  const view = new LiveView({ ...CHANNELS, live: { ...CHANNELS.live, rowsMax: 3 } }, FIRST_SEQ);
  view.fold(
    ['amazon', 'dtc'].flatMap((channel) =>
      [2, 0, 1].map((minute) =>
        counted({ task: 'visitor-0', version: 1, minute }, { channel, gross: 1, bots: 0 }),
      ),
    ),
  );
  view.commit();
  expect(rowsOf(view).map((row) => row['window_start'])).toEqual([
    T0 + 2 * MINUTE_MS,
    T0 + 2 * MINUTE_MS,
  ]);
});

test('one window with more rows than the limit is cut and the loss is counted', () => {
  const view = new LiveView({ ...CHANNELS, live: { ...CHANNELS.live, rowsMax: 2 } }, FIRST_SEQ);
  const channels = ['a', 'b', 'c'];
  view.fold(
    channels.map((channel) => counted({ task: 't', version: 1 }, { channel, gross: 1, bots: 0 })),
  );
  view.commit();
  expect(rowsOf(view).map((row) => row['channel'])).toEqual(['a', 'b']);
  expect(view.refusedCount).toBe(1);
});

test('windows that were final before the start are left to queries', () => {
  const view = new LiveView(CHANNELS, FIRST_SEQ);
  view.startAt(T0 + HOUR_MS + 2 * MINUTE_MS, HOUR_MS);
  const corrected = { gross: -1, bots: 0, corrected_on: T0 };
  view.fold([
    counted({ task: 'visitor-0', version: 1, minute: 1 }, corrected),
    counted({ task: 'visitor-0', version: 2, minute: 2 }, { gross: 1, bots: 0 }),
  ]);
  view.commit();
  expect(rowsOf(view).map((row) => row['window_start'])).toEqual([T0 + 2 * MINUTE_MS]);
});

test('a withdrawn row is told once more and is missing from snapshots', () => {
  const view = new LiveView(STOCK, FIRST_SEQ);
  view.fold([stocked('A', 'OUT', 1), stocked('B', 'OUT', 1)]);
  view.commit();
  view.fold([stocked('A', 'UNKNOWN', 2, true)]);
  const change = view.commit();
  expect(change?.rows.map(({ row }) => row)).toEqual([
    { sku: 'A', state: 'UNKNOWN', withdrawn: true },
  ]);
  expect(rowsOf(view).map((row) => row['sku'])).toEqual(['B']);
  expect(view.find('A')).toBeUndefined();
  expect(view.changedSince(FIRST_SEQ + 1, NO_FILTER)?.map(({ row }) => row['withdrawn'])).toEqual([
    true,
  ]);
  view.fold([stocked('A', 'OUT', 3)]);
  expect(view.commit()?.added.map(({ row }) => row['sku'])).toEqual(['A']);
});

test('of whole rows beyond the limit the least recently changed leave', () => {
  const view = new LiveView(STOCK, FIRST_SEQ);
  for (const [index, sku] of ['A', 'B', 'C', 'A', 'D'].entries()) {
    view.fold([stocked(sku, `state ${index}`, index + 1)]);
    view.commit();
  }
  view.commit();
  expect(rowsOf(view).map((row) => row['sku'])).toEqual(['C', 'A', 'D']);
});

/** A change to one of six keys, by one of two tasks, and what a reader does meanwhile. */
const step = fc.record({
  updates: fc.array(
    fc.record({
      task: fc.constantFrom('visitor-0', 'visitor-1'),
      version: fc.integer({ min: 1, max: 20 }),
      minute: fc.integer({ min: 0, max: 2 }),
      channel: fc.constantFrom('amazon', 'dtc'),
      correctedOn: fc.constantFrom(0, T0),
    }),
    { maxLength: 6 },
  ),
  watermarkMinutes: fc.integer({ min: 0, max: 3 }),
  /** A reader that is not reachable takes nothing in, as one that reconnects or is slow. */
  isReachable: fc.boolean(),
});

const byKey = (rows: readonly Row[]): readonly Row[] =>
  rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

test('whatever a reader misses, snapshot and updates bring it to the view', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const view = new LiveView(CHANNELS, FIRST_SEQ);
      const filter: Filter = new Map([['channel', new Set(['dtc'])]]);
      const seen = new Map<string, Row>();
      const parts = new Map<string, { readonly version: number; readonly gross: number }>();
      let seq = view.seq;
      let watermarkMs = T0;
      for (const { updates, watermarkMinutes, isReachable } of steps) {
        watermarkMs = Math.max(watermarkMs, T0 + watermarkMinutes * MINUTE_MS);
        view.advance(watermarkMs, MINUTE_MS);
        for (const { task, version, minute, channel, correctedOn } of updates) {
          // The value follows from the version: a task never writes two values under one.
          const gross = version * 3 - 20;
          view.fold([
            counted(
              { task, version, minute },
              { channel, gross, bots: 0, corrected_on: correctedOn },
            ),
          ]);
          const part = `${minute}|${channel}|${task}|${correctedOn}`;
          if (version > (parts.get(part)?.version ?? 0)) parts.set(part, { version, gross });
        }
        view.commit();
        if (!isReachable) continue;
        for (const { row } of view.changedSince(seq, filter) ?? []) {
          seen.set(String(row['window_start']), row);
        }
        seq = view.seq;
      }
      for (const { row } of view.changedSince(seq, filter) ?? []) {
        seen.set(String(row['window_start']), row);
      }
      expect(byKey([...seen.values()])).toEqual(byKey(rowsOf(view, filter)));

      // The oracle: newest version of each part, added up in one go.
      const oracle = new Map<string, number>();
      for (const [part, { gross }] of parts) {
        const [minute, channel] = part.split('|');
        const key = `${minute}|${channel}`;
        oracle.set(key, (oracle.get(key) ?? 0) + gross);
      }
      const shown = rowsOf(view).map((row) => [
        `${(Number(row['window_start']) - T0) / MINUTE_MS}|${String(row['channel'])}`,
        row['gross'],
      ]);
      expect(new Map(shown.map(([key, gross]) => [String(key), Number(gross)]))).toEqual(oracle);
      for (const row of rowsOf(view)) {
        const endMs = Number(row['window_start']) + MINUTE_MS;
        const expected =
          endMs + MINUTE_MS <= watermarkMs
            ? 'final'
            : endMs <= watermarkMs
              ? 'matured'
              : 'provisional';
        expect(row['state']).toBe(expected);
      }
    }),
    { numRuns: 300 },
  );
});

test('resuming from any change set of the view gives what a fresh snapshot gives', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          sku: fc.constantFrom('A', 'B', 'C'),
          state: fc.constantFrom('IN', 'OUT'),
          isWithdrawn: fc.boolean(),
        }),
        { minLength: 1, maxLength: 20 },
      ),
      fc.nat({ max: 25 }),
      (changes, resumeAfter) => {
        const filter: Filter = new Map([['state', new Set(['OUT'])]]);
        const view = new LiveView(STOCK, FIRST_SEQ);
        const snapshots = new Map<number, readonly Row[]>([[view.seq, []]]);
        for (const [index, { sku, state, isWithdrawn }] of changes.entries()) {
          view.fold([stocked(sku, state, index + 1, isWithdrawn)]);
          view.commit();
          snapshots.set(view.seq, rowsOf(view, filter));
        }
        const seq = FIRST_SEQ + resumeAfter;
        const missed = view.changedSince(seq, filter);
        const before = snapshots.get(seq);
        // Only numbers of this view can be resumed from.
        expect(missed === undefined).toBe(before === undefined);
        if (missed === undefined || before === undefined) return;
        const held = new Map(before.map((row) => [row['sku'], row]));
        for (const { row } of missed) {
          if (row['withdrawn'] === true || !matches(filter, row)) held.delete(row['sku']);
          else held.set(row['sku'], row);
        }
        expect(byKey([...held.values()])).toEqual(byKey(rowsOf(view, filter)));
      },
    ),
    { numRuns: 300 },
  );
});
