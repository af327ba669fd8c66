import fc from 'fast-check';
import { pack } from 'msgpackr';
import { expect, test } from 'vitest';

import { DAY_MS } from '../../../schemas/time.ts';
import { MemoryChangelog } from '../../../test/doubles/memory-changelog.ts';
import { MemoryStore } from '../state/memory.ts';
import type { Store, Write } from '../state/store.ts';
import { ChangelogStore } from './changelog-store.ts';
import { CHECKPOINT_FORMAT, NODE_KEY } from './node-record.ts';
import { LOCAL_KEY, type LocalFiles, restore } from './restore.ts';

const NOW_MS = Date.UTC(2026, 10, 20);
/** Larger than one record may be. */
const LARGE_BYTES = 1_300_000;

/** A machine's disk. */
class Machine implements LocalFiles {
  store = new MemoryStore();

  open(): Store {
    return this.store;
  }

  wipe(): void {
    this.store = new MemoryStore();
  }
}

async function takeOver(changelog: MemoryChangelog, machine: Machine, nowMs = NOW_MS) {
  const partition = changelog.takeNow();
  const restored = await restore({ partition, files: machine, nowMs });
  const store = new ChangelogStore({
    local: restored.store,
    partition,
    pairs: restored.pairs,
    nowMs: () => nowMs,
    beforeCommit: () => Promise.resolve(),
  });
  return { restored, store };
}

/** A checkpoint, as the engine writes it: with the node's epoch and sequence. */
function checkpoint(sequence: number, pairs: Readonly<Record<string, Uint8Array | undefined>>) {
  return [
    ...Object.entries(pairs).map(([key, value]): Write => ({ key, value })),
    { key: NODE_KEY, value: pack({ format: CHECKPOINT_FORMAT, epoch: 1, sequence }) },
  ];
}

function contentOf(store: Pick<Store, 'range'>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...store.range({ start: '!', end: '~' })]
      .filter(({ key }) => key !== LOCAL_KEY)
      .map(({ key, value }) => [key, value.toString('base64')]),
  );
}

test('whatever was written, overwritten and removed, another machine restores exactly that', async () => {
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(LARGE_BYTES, LARGE_BYTES / 2).map((bytes) => new Uint8Array(bytes).fill(7)),
    fc.constant(undefined),
  );
  const pairs = fc.dictionary(fc.constantFrom('s/a', 's/b', 's/c', 'o/1'), value, { maxKeys: 4 });
  const step = fc.record({ pairs, isCompacted: fc.boolean(), machine: fc.nat({ max: 2 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const changelog = new MemoryChangelog();
      const machines = [new Machine(), new Machine(), new Machine()];
      const expected: Record<string, string> = {};
      for (const [index, { pairs: changes, isCompacted, machine }] of steps.entries()) {
        const files = machines[machine] ?? new Machine();
        const { restored, store } = await takeOver(changelog, files);
        expect(restored.from).not.toBe('unverified');
        expect(contentOf(store)).toEqual(expected);
        const writes = checkpoint(index, changes);
        await store.commit(writes);
        for (const { key, value: written } of writes) {
          if (written === undefined) delete expected[key];
          else expected[key] = Buffer.from(written).toString('base64');
        }
        if (isCompacted) changelog.compact();
      }
    }),
    { numRuns: 60 },
  );
});

test('a machine that had the partition before reads only what came since', async () => {
  const changelog = new MemoryChangelog();
  const [first, second] = [new Machine(), new Machine()];
  const before = await takeOver(changelog, first);
  await before.store.commit(checkpoint(1, { 's/a': Buffer.from('1'), 's/b': Buffer.from('1') }));
  const between = await takeOver(changelog, second);
  await between.store.commit(checkpoint(2, { 's/a': Buffer.from('2') }));
  const { restored, store } = await takeOver(changelog, first);
  // One pair, the node's record and the marker.
  expect(restored).toMatchObject({ from: 'local', recordCount: 3 });
  expect(store.get('s/a')?.toString()).toBe('2');
});

test('a copy older than what the changelog remembers of removals is thrown away', async () => {
  const changelog = new MemoryChangelog();
  const machine = new Machine();
  const { store } = await takeOver(changelog, machine);
  await store.commit(checkpoint(1, { 's/a': Buffer.from('1') }));
  const { restored } = await takeOver(changelog, machine, NOW_MS + 7 * DAY_MS);
  expect(restored.from).toBe('changelog');
});

test('a copy that is not what it says is thrown away, and the changelog restores it', async () => {
  const changelog = new MemoryChangelog();
  const machine = new Machine();
  const { store } = await takeOver(changelog, machine);
  await store.commit(checkpoint(1, { 's/a': Buffer.from('1'), 's/b': Buffer.from('1') }));
  const other = await takeOver(changelog, new Machine());
  await other.store.commit(checkpoint(2, { 's/a': Buffer.from('2') }));
  await machine.store.commit([{ key: 's/a', value: Buffer.from('changed') }]);
  const { restored, store: again } = await takeOver(changelog, machine);
  expect(restored.from).toBe('changelog');
  expect(again.get('s/a')?.toString()).toBe('2');
});

test('a changelog that has lost a record does not verify', async () => {
  const changelog = new MemoryChangelog();
  const { store } = await takeOver(changelog, new Machine());
  await store.commit(checkpoint(1, { 's/a': Buffer.from('1'), 's/b': Buffer.from('1') }));
  expect(changelog.lose('s/a')).toBe(true);
  const { restored } = await takeOver(changelog, new Machine());
  expect(restored.from).toBe('unverified');
});

test('a changelog with a marker of another format is refused, not taken for a damaged one', async () => {
  const changelog = new MemoryChangelog();
  const { store } = await takeOver(changelog, new Machine());
  await store.commit(checkpoint(1, { 's/a': Buffer.from('1') }));
  changelog.appendNow([{ key: '!marker', value: pack({ format: 2, epoch: 1, sequence: 2 }) }]);
  await expect(takeOver(changelog, new Machine())).rejects.toMatchObject({
    code: 'CHECKPOINT_FORMAT_UNKNOWN',
    message: expect.stringContaining('format 1, got 2'),
  });
});

test('whoever had the changelog before cannot write any more', async () => {
  const changelog = new MemoryChangelog();
  const { store } = await takeOver(changelog, new Machine());
  await store.commit(checkpoint(1, {}));
  await takeOver(changelog, new Machine());
  await expect(store.commit(checkpoint(2, {}))).rejects.toMatchObject({ code: 'CHANGELOG_TAKEN' });
});
