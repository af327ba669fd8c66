import { expect, test } from 'vitest';

import { erase } from '../../../schemas/brand.ts';
import type { Log } from '../log/log.ts';
import type { EngineLimits } from './engine-limits.ts';
import { Pace, waitingFactor } from './pace.ts';
import type { Task } from './task.ts';

const KEYS_DUE = 6_000;
/** How long tasks sleep before they look again. */
const LOOK_MS = 5;

/** A run in which records change two keys each: tasks take so many in a millisecond, the store writes so many keys. */
function run({ recordsPerMs, keysPerMs }: { recordsPerMs: number; keysPerMs: number }) {
  let nowMs = 0;
  const pending = { keys: 0, rows: 0, lines: 0 };
  const tasks = [erase<Task>({ pending, isImporting: false, inputs: () => [] })];
  const pace = new Pace({
    clock: {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: () => Promise.resolve(),
      random: () => 0,
    },
    log: erase<Log>({}),
    limits: erase<EngineLimits>({
      checkpointMs: 1_000,
      checkpointKeysMax: KEYS_DUE,
      checkpointRowsMax: Infinity,
      checkpointLinesMax: Infinity,
    }),
  });
  let writtenAtMs = Infinity;
  let waitMs = 0;
  const most = { waitMs: 0, keys: 0 };
  let records = 0;
  while (nowMs < 30_000) {
    if (nowMs >= writtenAtMs) {
      pace.ended();
      writtenAtMs = Infinity;
    }
    if (writtenAtMs === Infinity && pace.isDue(tasks)) {
      pace.began();
      writtenAtMs = nowMs + pending.keys / keysPerMs;
      pending.keys = 0;
    }
    const taken = pace.recordsMax(tasks, writtenAtMs < Infinity);
    pending.keys += 2 * taken;
    records += taken;
    nowMs += taken === 0 ? LOOK_MS : taken / recordsPerMs;
    waitMs = taken === 0 ? waitMs + LOOK_MS : 0;
    most.waitMs = Math.max(most.waitMs, waitMs);
    most.keys = Math.max(most.keys, pending.keys);
  }
  return { ...most, keysPerMs: (2 * records) / nowMs };
}

test('tasks may change the more the longer a checkpoint takes, up to a bound', () => {
  const factorsOf = (dueFactor: number): number[] =>
    [0, 0.5, 1, 2, 3, 90].map((elapsedRatio) => waitingFactor(dueFactor, elapsedRatio));
  expect(factorsOf(1)).toEqual([0.75, 1.125, 1.5, 2.25, 3, 3]);
  expect(factorsOf(4)).toEqual([1.5, 2.25, 3, 4.5, 6, 6]);
});

test('a store with half the speed of the tasks makes them wait for milliseconds at a time, and goes on at its full speed', () => {
  const { waitMs, keys, keysPerMs } = run({ recordsPerMs: 12, keysPerMs: 12 });
  expect(waitMs).toBeLessThanOrEqual(15);
  expect(keys).toBeLessThanOrEqual(3 * KEYS_DUE);
  expect(keysPerMs).toBeGreaterThan(11);
});

test('tasks never wait for a store that is faster than they are', () => {
  expect(run({ recordsPerMs: 12, keysPerMs: 48 }).waitMs).toBe(0);
});
