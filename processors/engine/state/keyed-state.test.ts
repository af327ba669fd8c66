import { expect, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import { defineOperator } from '../operator/operator.ts';
import { KeyedState } from './keyed-state.ts';
import { MemoryStore } from './memory.ts';
import type { Write } from './store.ts';

const counting = defineOperator<{ seen: number }>({
  name: 'counting',
  stage: 'visitor',
  stateVersion: 1,
  createState: () => ({ seen: 0 }),
  apply: {},
  expiresAtMs: () => Number.POSITIVE_INFINITY,
  stateBytes: () => 16,
});

function open(store: MemoryStore): KeyedState {
  return new KeyedState({
    prefix: 's/test/',
    store,
    operators: [counting],
    layouts: [{ operators: [{ name: 'counting', stateVersion: 1 }] }],
    cachedBytesMax: 1_000_000,
  });
}

/** Counts a key once more. */
function see(state: KeyedState, key: string): void {
  const entry = state.entry(key, -Infinity);
  erase<{ seen: number }>(entry.states[0]).seen += 1;
  state.markDirty(key, entry);
}

function collected(state: KeyedState): Write[] {
  state.encodeSome(Infinity);
  const writes: Write[] = [];
  state.collect(writes);
  return writes;
}

/** How often the keys of the store were seen. */
function stored(store: MemoryStore): Record<string, number> {
  const state = open(store);
  return Object.fromEntries(
    state
      .storedKeys('', 100)
      .map((key) => [key, erase<{ seen: number }>(state.entry(key, -Infinity).states[0]).seen]),
  );
}

test('a checkpoint holds every key as it was when it closed, whatever changes while it is encoded', async () => {
  const store = new MemoryStore();
  const state = open(store);
  for (const key of ['a', 'b', 'c', 'd']) see(state, key);
  state.close();
  expect(state.encodeSome(1)).toBe(1);
  for (const key of ['a', 'b', 'b', 'e']) see(state, key);
  state.visit('c', -Infinity, (states) => {
    erase<{ seen: number }>(states[0]).seen = 7;
    return true;
  });
  const first = collected(state);
  expect(first).toHaveLength(4);
  await store.commit(first);
  expect(stored(store)).toEqual({ a: 1, b: 1, c: 1, d: 1 });
  state.committed();
  state.close();
  const second = collected(state);
  expect(second).toHaveLength(4);
  await store.commit(second);
  expect(stored(store)).toEqual({ a: 2, b: 3, c: 7, d: 1, e: 1 });
});

test('a key that changes many times before a checkpoint closes is encoded once', () => {
  const state = open(new MemoryStore());
  for (let times = 0; times < 10; times += 1) see(state, 'a');
  expect(state.changedCount).toBe(1);
  state.close();
  expect(collected(state)).toHaveLength(1);
  expect(state.hasChanges).toBe(false);
});
