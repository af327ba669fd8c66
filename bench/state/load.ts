import { setTimeout as wait } from 'node:timers/promises';

import { childInput, sendResult } from '../measure/child.ts';
import { startMemory } from '../measure/memory.ts';
import { percentileOf } from '../measure/percentile.ts';
import { openStateNode } from './node.ts';
import { TOUCHES_PER_VISITOR } from './touches.ts';

export interface LoadInput {
  /** Empty or missing. */
  readonly dataDir: string;
  readonly visitors: number;
}

export interface LoadRun {
  readonly wallMs: number;
  readonly rssBytesMax: number;
  readonly anonymousBytesMax: number;
  /** How long each checkpoint kept the tasks from reading at a stretch, while there were events to read. */
  readonly stallsMs: readonly number[];
  /** The longest of `StateNode`'s pauses, whatever they were for, and the one that 99 of 100 do not exceed. */
  readonly pauseMsMax: number;
  readonly pauseMsP99: number;
  readonly stateBytes: number;
}

/** Touches that may wait in the log: some tenths of a second. */
const UNREAD_MAX = 10_000;
const STEP_EVENTS = 4_000;
/** How often to look whether the tasks have caught up. */
const LOOK_MS = 5;
/** How long events go on coming before the process kills itself: longer than a checkpoint's interval. */
const KILL_AFTER_MS = 1_500;

const { dataDir, visitors } = childInput<LoadInput>();
const stallsMs: number[] = [];
const pausesMs: number[] = [];
const node = await openStateNode(dataDir, {
  onCheckpoint: ({ stallMs }) => stallsMs.push(stallMs),
  onPause: (pauseMs) => pausesMs.push(pauseMs),
});
await sendResult(await load(visitors * TOUCHES_PER_VISITOR));
// What follows is cut off in the middle of reading, writing and checkpoints.
void append(visitors * TOUCHES_PER_VISITOR, Infinity);
await wait(KILL_AFTER_MS);
process.kill(process.pid, 'SIGKILL');

async function load(touches: number): Promise<LoadRun> {
  const endMemory = startMemory();
  const startedAtMs = performance.now();
  await append(0, touches);
  // A drain asks for checkpoints beside the usual ones: their stalls are left out.
  const measured = [...stallsMs];
  await node.drain();
  const wallMs = performance.now() - startedAtMs;
  node.checkNothingLost();
  const { residentBytesMax, anonymousBytesMax } = endMemory();
  return {
    wallMs,
    rssBytesMax: residentBytesMax,
    anonymousBytesMax,
    stallsMs: measured,
    pauseMsMax: percentileOf(pausesMs, 1),
    pauseMsP99: percentileOf(pausesMs, 0.99),
    stateBytes: node.stateBytes(),
  };
}

/** Appends touches `from` (inclusive) to `to` (exclusive) as quickly as the tasks take them. */
async function append(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += STEP_EVENTS) {
    await node.append({ from: at, to: Math.min(at + STEP_EVENTS, to), visitors });
    while (node.unread() > UNREAD_MAX) await wait(LOOK_MS);
  }
}
