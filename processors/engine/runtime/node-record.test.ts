import { pack } from 'msgpackr';
import { expect, test } from 'vitest';

import { MINUTE_MS } from '../../../schemas/time.ts';
import { buildBotsConfig } from '../../../test/doubles/bots.ts';
import { createBots } from '../../bots/processor.ts';
import { defineOperator } from '../operator/operator.ts';
import type { Processor } from '../operator/processor.ts';
import { MemoryStore } from '../state/memory.ts';
import { CHECKPOINT_FORMAT, NODE_KEY, nextNode } from './node-record.ts';

/** A processor whose state and sums are in these versions. */
function counting(stateVersion = 1, sums: readonly string[] = ['clicks']): Processor {
  return {
    name: 'counting',
    operators: [
      defineOperator<null>({
        name: 'counting',
        stage: 'visitor',
        stateVersion,
        createState: () => null,
        apply: {},
        expiresAtMs: () => Number.NEGATIVE_INFINITY,
        stateBytes: () => 0,
      }),
    ],
    tables: [
      { kind: 'sums', name: 'counts_rows', windowMs: MINUTE_MS, dimensions: ['channel'], sums },
    ],
    migrations: [],
  };
}

/** Opens the store as a node with this processor, and leaves it as one with a checkpoint. */
function open(store: MemoryStore, ...processors: readonly Processor[]): number {
  const node = nextNode({ store, log: { endOffset: () => 0 }, processors, partitions: 2 });
  store.applyNow([{ key: NODE_KEY, value: pack(node) }]);
  return node.epoch;
}

function stored(value: unknown): MemoryStore {
  const store = new MemoryStore();
  store.applyNow([{ key: NODE_KEY, value: pack(value) }]);
  return store;
}

const refused = (what: RegExp): unknown =>
  expect.objectContaining({
    code: 'CHECKPOINT_FORMAT_UNKNOWN',
    message: expect.stringMatching(what),
  });

test.each([
  [
    'a later format',
    { format: CHECKPOINT_FORMAT + 1, epoch: 7 },
    new RegExp(`got ${CHECKPOINT_FORMAT + 1}\\.`, 'u'),
  ],
  ['the format before the first release', { format: 1, epoch: 7 }, /got 1\./],
  ['a record without a format', { epoch: 7 }, /got a record without a format/],
  ['something that is no record', 'nonsense', /got a record without a format/],
])('a checkpoint with %s is refused, and stays as it was', (_, record, message) => {
  const store = stored(record);
  expect(() => open(store, counting())).toThrow(refused(message));
  expect(store.get(NODE_KEY)).toEqual(pack(record));
});

test('keys without the record of a node are refused, because they would be taken for our own', () => {
  const store = new MemoryStore();
  store.applyNow([{ key: 's/visitor-0/ann', value: Buffer.from('older than the record') }]);
  expect(() => open(store, counting())).toThrow(refused(/keys in s\/ alone/));
});

test('the state of an operator in another version is refused at the start, before a key is read', () => {
  const store = new MemoryStore();
  open(store, counting(1));
  for (const version of [0, 2])
    expect(() => open(store, counting(version))).toThrow(
      refused(new RegExp(`counting in version ${version}, got 1`)),
    );
});

test('stored sums of other columns are refused, because they would be read by their places', () => {
  const store = new MemoryStore();
  open(store, counting(1, ['clicks', 'orders']));
  expect(() => open(store, counting(1, ['orders', 'clicks']))).toThrow(
    refused(/counts_rows of channel, orders, clicks, got channel, clicks, orders\./),
  );
});

test('a processor may leave and come back as it was, and each start has a higher epoch', () => {
  const store = new MemoryStore();
  expect([open(store, counting()), open(store), open(store, counting())]).toEqual([1, 2, 3]);
  open(store);
  expect(() => open(store, counting(1, ['units']))).toThrow(refused(/counts_rows/));
});

test.each([
  { was: true, is: false, says: /bots on \(also by bots\.filter\)/ },
  { was: false, is: true, says: /bots off \(also by bots\.filter\)/ },
])('a filter of bots that was $was is not turned to $is over a state', ({ was, is, says }) => {
  const bots = (isFiltering: boolean): Processor => createBots(buildBotsConfig({ isFiltering }));
  const store = new MemoryStore();
  const options = { store, log: { endOffset: () => 0 }, partitions: 2 };
  const node = nextNode({ ...options, processors: [bots(was)] });
  store.applyNow([{ key: NODE_KEY, value: pack({ ...node, sequence: 1 }) }]);
  expect(() => nextNode({ ...options, processors: [bots(is)] })).toThrow(
    expect.objectContaining({
      code: 'PROCESSORS_CHANGED',
      message: expect.stringMatching(says),
    }),
  );
  expect(nextNode({ ...options, processors: [bots(was)] }).epoch).toBe(2);
});
