import { expect, test } from 'vitest';

import { type SetRecord, recordSet } from '../../../test/kafka/record-set.ts';
import {
  type Admit,
  type FetchedFrom,
  HEADER,
  convertOurs,
  convertRecords,
  hasForeign,
} from './kafka-batch.ts';
import { RecordSet } from './kafka-records.ts';

const OURS = { [HEADER.tokenised]: '1' };

const LATER = Promise.resolve();

/** Admits upper case into partition 0 and lower case into partition 1; dots wait, and nothing else is let in. */
const admit: Admit = (_topic, bytes) => {
  const text = bytes.toString();
  if (/^[A-Z]+$/.test(text)) return { kind: 'ok', partition: 0, value: Buffer.from(`${text}!`) };
  if (/^[a-z]+$/.test(text)) return { kind: 'ok', partition: 1, value: Buffer.from(`${text}!`) };
  if (text === '...') return { kind: 'wait', until: LATER };
  return { kind: 'refused', code: 'WIRE_EMPTY', message: 'Expected letters' };
};

function record(offset: number, text: string | null, headers?: SetRecord['headers']): SetRecord {
  const value = text === null ? null : Buffer.from(text);
  return { offset, value, ...(headers === undefined ? {} : { headers }) };
}

function convert(records: readonly SetRecord[], firstOffset: number, endOffset: number) {
  return convertSets(records.length === 0 ? [] : [recordSet(records)], firstOffset, endOffset);
}

function convertSets(sets: readonly RecordSet[], firstOffset: number, endOffset: number) {
  const from: FetchedFrom = {
    topic: 'weir.clicks',
    partition: 0,
    firstOffset,
    nextOffset: endOffset,
    appendedAtMs: undefined,
  };
  const { batches, moved, ...rest } = convertRecords(sets, from, admit);
  return {
    ...rest,
    moved,
    batches: batches.map(
      ({
        firstOffset: at,
        nextOffset: to,
        count,
        importName,
        endsImport,
        bytes,
        starts,
        ends,
        refused,
      }) => ({
        at,
        to,
        values: Array.from({ length: count }, (_, index) =>
          bytes.toString('utf8', starts[index], ends[index]),
        ),
        ...(importName === undefined ? {} : { importName }),
        ...(endsImport ? { endsImport } : {}),
        ...(refused === undefined ? {} : { refused: [...refused.keys()] }),
      }),
    ),
  };
}

test('our own records stay as they are, those of others are admitted or refused', () => {
  const records = [record(7, 'raw', OURS), record(8, 'RAW'), record(9, '?'), record(10, null)];
  expect(convert(records, 7, 11)).toEqual({
    batches: [
      { at: 7, to: 8, values: ['raw'] },
      { at: 8, to: 11, values: ['RAW!', '?', ''], refused: [1, 2] },
    ],
    moved: [],
    nextOffset: 11,
  });
});

test('offsets that hold nothing part two batches, and the last one reaches to the end', () => {
  const records = [record(3, 'A'), record(5, 'B'), record(6, 'C')];
  expect(convert(records, 2, 9).batches).toEqual([
    { at: 3, to: 4, values: ['A!'] },
    { at: 5, to: 9, values: ['B!', 'C!'] },
  ]);
  expect(convert([], 2, 9).batches).toEqual([{ at: 2, to: 9, values: [] }]);
});

test('a record of another partition is moved there, and its offset holds nothing', () => {
  const { batches, moved } = convert([record(0, 'A'), record(1, 'b'), record(2, 'C')], 0, 3);
  expect(batches).toEqual([
    { at: 0, to: 1, values: ['A!'] },
    { at: 2, to: 3, values: ['C!'] },
  ]);
  expect(moved).toEqual([{ topic: 'weir.clicks', partition: 1, values: [Buffer.from('b!')] }]);
});

test('the records of an import and its end are told apart from others', () => {
  const ofImport = { ...OURS, [HEADER.importName]: 'history' };
  const records = [
    record(0, 'a', OURS),
    record(1, 'b', ofImport),
    record(2, 'c', ofImport),
    record(3, null, { ...ofImport, [HEADER.endsImport]: '1' }),
    record(4, 'd', OURS),
  ];
  expect(convert(records, 0, 5).batches).toEqual([
    { at: 0, to: 1, values: ['a'] },
    { at: 1, to: 3, values: ['b', 'c'], importName: 'history' },
    { at: 3, to: 4, values: [], importName: 'history', endsImport: true },
    { at: 4, to: 5, values: ['d'] },
  ]);
});

test('a record that waits ends what is converted, and the ones before it go on', () => {
  const records = [record(7, 'A'), record(8, '?'), record(9, '...'), record(10, 'B')];
  expect(convert(records, 6, 11)).toEqual({
    batches: [{ at: 7, to: 9, values: ['A!', '?'], refused: [1] }],
    moved: [],
    nextOffset: 9,
    until: LATER,
  });
});

test('where a record that waits comes first, only what lies before it is passed over', () => {
  const records = [record(9, '...'), record(10, 'B')];
  expect(convert(records, 9, 11)).toMatchObject({ batches: [], nextOffset: 9 });
  expect(convert(records, 5, 11)).toMatchObject({
    batches: [{ at: 5, to: 9, values: [] }],
    nextOffset: 9,
  });
});

test('what lies in a set before the place that was asked for is left out', () => {
  const records = [record(3, 'A'), record(4, 'B'), record(5, 'C')];
  expect(convert(records, 4, 6).batches).toEqual([{ at: 4, to: 6, values: ['B!', 'C!'] }]);
});

test('records that our door has let in are used where they lie', () => {
  const set = recordSet([record(0, 'raw', OURS), record(1, 'more', OURS)]);
  expect(hasForeign([set])).toBe(false);
  const { batches } = convertOurs([set], {
    topic: 'weir.clicks',
    partition: 0,
    firstOffset: 0,
    nextOffset: 2,
    appendedAtMs: undefined,
  });
  expect(batches.map(({ bytes }) => bytes.buffer)).toEqual([set.bytes.buffer]);
  expect(batches[0]?.appendedAtMs).toBe(1_000);
});

test('several sets become a batch each', () => {
  const sets = [recordSet([record(0, 'A'), record(1, 'B')]), recordSet([record(2, 'C')])];
  expect(convertSets(sets, 0, 4).batches).toEqual([
    { at: 0, to: 2, values: ['A!', 'B!'] },
    { at: 2, to: 4, values: ['C!'] },
  ]);
});

test('each record of a set that could not be unpacked is refused', () => {
  const head = { firstOffset: 3, nextOffset: 5, appendedAtMs: 1_000, count: 2 };
  const set = RecordSet.unreadable(head, 'lz4: damaged');
  expect(convertSets([set], 3, 5).batches).toEqual([
    { at: 3, to: 5, values: ['', ''], refused: [0, 1] },
  ]);
});
