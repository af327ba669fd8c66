import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';

import { MemoryLog } from '../../processors/engine/log/memory.ts';
import { heapBytesMax } from '../../processors/heap-pressure.ts';
import { IngestGate } from '../../processors/ingest-gate.ts';

/*
 * Holds more and more memory until no events are taken, lets go of it, and waits until they are taken
 * again. Run it with a small heap; it prints the refusal, how full the heap was, and how it ended.
 */

/** Objects that a turn makes: a few hundred kB, so that there are collections to learn from. */
const MADE_AT_ONCE = 2_000;
/** Those of them that stay. If all young objects did, V8 might have no room to move them to. */
const HELD_AT_ONCE = 200;
const TURNS_MAX = 20_000;

const gate = new IngestGate(new MemoryLog(() => 0), 1);
const held: unknown[] = [];

async function untilRefused(isRefused: boolean, each: () => void): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    if ((gate.refusal(0, () => 0) !== undefined) === isRefused) return;
    each();
    await nextTurn();
  }
}

function objects(): readonly unknown[] {
  return Array.from({ length: MADE_AT_ONCE }, (_, index) => ({ index, text: `text ${index}` }));
}

await untilRefused(true, () => held.push(objects().slice(0, HELD_AT_ONCE)));
const { used_heap_size: used } = getHeapStatistics();
const refusal = gate.refusal(0, () => 0);
held.length = 0;
await untilRefused(false, () => objects().at(0));
process.stdout.write(
  JSON.stringify({
    status: refusal?.status,
    code: refusal?.code,
    isNearLimit: used > 0.75 * heapBytesMax(),
    isTakenAgain: gate.refusal(0, () => 0) === undefined,
  }),
);
gate.close();
