import { setTimeout as wait } from 'node:timers/promises';

import { childInput, sendResult } from '../measure/child.ts';
import { openStateNode } from './node.ts';
import { TOUCHES_PER_VISITOR } from './touches.ts';

export interface RecoverInput {
  /** What a killed process has left. */
  readonly dataDir: string;
  readonly visitors: number;
}

export interface RecoverRun {
  /** From opening log and state to the first new event processed. */
  readonly recoveryMs: number;
  /** Records that the killed process had taken in and no checkpoint covers. */
  readonly unread: number;
}

const LOOK_MS = 1;
/** Rounds that the killed process cannot have reached. */
const FREE_ROUND = TOUCHES_PER_VISITOR * 10;

const { dataDir, visitors } = childInput<RecoverInput>();
const startedAtMs = performance.now();
const node = await openStateNode(dataDir, {
  onCheckpoint: () => undefined,
  onPause: () => undefined,
});
const unread = node.unread();
const from = FREE_ROUND * visitors;
await node.append({ from, to: from + 1, visitors });
// The new event lies behind all that the killed process had taken in, so that must be read first.
while (node.unread() > 0) await wait(LOOK_MS);
const recoveryMs = performance.now() - startedAtMs;
await node.drain();
node.checkNothingLost();
if (node.appended() <= visitors * TOUCHES_PER_VISITOR)
  throw new Error(`Expected more than the acknowledged events, the log has ${node.appended()}`);
await sendResult({ recoveryMs, unread } satisfies RecoverRun);
process.exit();
