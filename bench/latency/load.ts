import { setTimeout as wait } from 'node:timers/promises';

import { erase } from '../../schemas/brand.ts';
import type { EventCounts } from '../../schemas/ports.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { percentileOf } from '../measure/percentile.ts';
import { Sender } from './sender.ts';
import { connectViewers } from './viewers.ts';

export interface LatencyInput {
  readonly url: string;
  readonly eventsPerSecond: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly viewers: number;
}

export interface LatencyRun {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Frames with events that arrived in the measured time, over all viewers. */
  readonly frames: number;
  readonly sentPerSecond: number;
}

const LOOK_MS = 100;

const { url, eventsPerSecond, warmUpMs, durationMs, viewers: count } = childInput<LatencyInput>();
const viewers = await connectViewers(url, count);
const sender = new Sender(url, eventsPerSecond);
await sender.run(warmUpMs);
viewers.measure();
const before = sender.events;
const startedAtMs = performance.now();
await sender.run(durationMs);
const sentPerSecond = (sender.events - before) / ((performance.now() - startedAtMs) / SECOND_MS);
await processed(sender.events);
const closed = viewers.close();
sender.close();
if (closed > 0) throw new Error(`Expected no viewer to be closed, ${closed} were`);
const { latenciesMs } = viewers;
await sendResult({
  p50Ms: percentileOf(latenciesMs, 0.5),
  p99Ms: percentileOf(latenciesMs, 0.99),
  maxMs: percentileOf(latenciesMs, 1),
  frames: latenciesMs.length,
  sentPerSecond,
} satisfies LatencyRun);
process.exit();

/** Waits until nothing is left to read, and checks that every event has contributed, once. */
async function processed(events: number): Promise<void> {
  for (;;) {
    const answer = await fetch(new URL('/v1/pipeline', url));
    // Both ends are files of this tree and change together.
    const { complete, counts, unaccounted } = erase<{
      readonly complete: boolean;
      readonly counts: EventCounts;
      readonly unaccounted: number;
    }>(await answer.json());
    if (complete) {
      if (counts.contributed === events && counts.received === events && unaccounted === 0) return;
      throw new Error(`Expected ${events} events to contribute, got ${JSON.stringify(counts)}`);
    }
    await wait(LOOK_MS);
  }
}
