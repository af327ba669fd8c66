import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Deduplicator } from '../operator/deduplicate.ts';
import { MemoryStore } from '../state/memory.ts';
import type { Write } from '../state/store.ts';
import { EventIds, type StoredIds } from './event-ids.ts';

function open(store: MemoryStore, idsMax: number, stored?: StoredIds): EventIds {
  return new EventIds({ store, task: 'visitor-0', idsMax, stored });
}

async function checkpoint(ids: EventIds, store: MemoryStore): Promise<readonly Write[]> {
  const writes: Write[] = [];
  ids.collect(writes);
  await store.commit(writes);
  return writes;
}

function storedKeys(store: MemoryStore): readonly string[] {
  return Array.from(store.range({ start: 'd/', end: 'd0' }), ({ key }) => key);
}

test('a task that restarts at any checkpoint remembers what it would have remembered', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 700 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 600 }), fc.boolean()), { maxLength: 12 }),
      async (idsMax, portions) => {
        const store = new MemoryStore();
        const model = new Deduplicator({ idsMax, keepsAdded: false });
        let ids = open(store, idsMax);
        let next = 0;
        for (const [count, restarts] of portions) {
          for (const id of Array.from({ length: count }, (_, index) => next + index)) {
            expect(ids.see(`event ${id}`, id)).toBe('new');
            model.see(`event ${id}`, id);
          }
          next += count;
          await checkpoint(ids, store);
          if (restarts) ids = open(store, idsMax, ids.stored);
        }
        const reopened = open(store, idsMax, ids.stored);
        expect(reopened.count).toBe(model.count);
        for (let id = next - 1; id >= next - model.count; id -= 1)
          expect(reopened.see(`event ${id}`, id)).toBe('duplicate');
        expect(reopened.see(`event ${next}`, next)).toBe('new');
      },
    ),
    { numRuns: 60 },
  );
});

test('however few events a checkpoint has, what is stored grows with the ids and not with the checkpoints', async () => {
  const store = new MemoryStore();
  const idsMax = 1_000;
  const ids = open(store, idsMax);
  for (let event = 0; event < 5_000; event += 1) {
    ids.see(`event ${event}`, 1);
    const writes = await checkpoint(ids, store);
    expect(writes.length).toBeLessThanOrEqual(2);
  }
  expect(storedKeys(store).length).toBeLessThanOrEqual(5);
  expect(JSON.stringify(ids.stored).length).toBeLessThan(50);
});

test('a checkpoint without new ids writes none', async () => {
  const store = new MemoryStore();
  const ids = open(store, 10);
  ids.see('a', 1);
  await checkpoint(ids, store);
  ids.see('a', 1);
  expect(await checkpoint(ids, store)).toEqual([]);
});

test.each([
  ['is missing', undefined],
  ['has another length', Buffer.alloc(12)],
])('a chunk that %s is damage, not a smaller memory', async (_, value) => {
  const store = new MemoryStore();
  const ids = open(store, 1_000);
  for (let event = 0; event < 300; event += 1) ids.see(`event ${event}`, 1);
  await checkpoint(ids, store);
  await store.commit([{ key: storedKeys(store)[0] ?? '', value }]);
  expect(() => open(store, 1_000, ids.stored)).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_DAMAGED' }),
  );
});
