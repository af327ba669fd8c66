import { expect, test } from 'vitest';

import { defineOperator } from '../../processors/engine/operator/operator.ts';
import { KeyedState } from '../../processors/engine/state/keyed-state.ts';
import { LmdbStore } from '../../processors/engine/state/lmdb.ts';
import type { Write } from '../../processors/engine/state/store.ts';
import { erase } from '../../schemas/brand.ts';
import { temporaryDirectory } from './command-line.ts';

const KEYS = 1_000_000;
/** One generation in memory: some 5,000 keys. */
const CACHED_BYTES_MAX = 1_000_000;
const KEYS_PER_CHECKPOINT = 40_000;
/** So many keys come back, spread over all. */
const RETURNS = 50_000;
const RETURNS_PER_CHECKPOINT = 5_000;
/** Shares no factor with the number of keys, so that none comes back twice. */
const STRIDE = 618_033;
const TIMEOUT_MS = 120_000;

const counting = defineOperator<{ seen: number }>({
  name: 'counting',
  stage: 'visitor',
  stateVersion: 1,
  createState: () => ({ seen: 0 }),
  apply: {},
  expiresAtMs: () => Number.POSITIVE_INFINITY,
  stateBytes: () => 16,
});

test(
  'a million keys need no more memory than the bound, and each is found again as it was left',
  async () => {
    const store = LmdbStore.open(temporaryDirectory());
    const state = new KeyedState({
      prefix: 's/test/',
      store,
      operators: [counting],
      layouts: [{ operators: [{ name: 'counting', stateVersion: 1 }] }],
      cachedBytesMax: CACHED_BYTES_MAX,
    });
    let cachedMax = 0;
    const checkpoint = async (): Promise<void> => {
      const writes: Write[] = [];
      state.close();
      state.encodeSome(Infinity);
      state.collect(writes);
      await store.commit(writes);
      state.committed();
      cachedMax = Math.max(cachedMax, state.cachedCount);
    };
    /** Counts a key once more; how often it had been seen. */
    const see = (index: number): number => {
      const key = `visitor-${String(index).padStart(7, '0')}`;
      const entry = state.entry(key, -Infinity);
      const own = erase<{ seen: number }>(entry.states[0]);
      own.seen += 1;
      state.markDirty(key, entry);
      return own.seen - 1;
    };
    for (let index = 0; index < KEYS; index += 1) {
      see(index);
      if ((index + 1) % KEYS_PER_CHECKPOINT === 0) await checkpoint();
    }
    let seenBefore = 0;
    for (let index = 0; index < RETURNS; index += 1) {
      seenBefore += see((index * STRIDE) % KEYS);
      if ((index + 1) % RETURNS_PER_CHECKPOINT === 0) await checkpoint();
    }
    expect(seenBefore).toBe(RETURNS);
    // After a checkpoint only the generation that was just changed is there.
    expect(cachedMax).toBeLessThanOrEqual(KEYS_PER_CHECKPOINT);
    let stored = 0;
    for (const { key } of store.range({ start: 's/test/', end: 's/test0' }))
      stored += key.length > 0 ? 1 : 0;
    expect(stored).toBe(KEYS);
    await store.close();
  },
  TIMEOUT_MS,
);
