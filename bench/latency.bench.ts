import { join } from 'node:path';

import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import type { LatencyInput, LatencyRun } from './latency/load.ts';
import { startServer } from './latency/server.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult, Metric } from './measure/result.ts';

const SCRIPT = new URL('latency/load.ts', import.meta.url);
/** Not the default: a node that runs here keeps its port. */
const PORT = 18_210;

const EVENTS_PER_SECOND = 10_000;
const EVENTS = 15 * EVENTS_PER_SECOND;
/** Until the code is compiled and the tables have their first rows. */
const WARM_UP_MS = 3 * SECOND_MS;
const VIEWERS = 100;

/** The wait for the last answers counts as sending. */
const SENT_PER_SECOND_MIN = 0.99 * EVENTS_PER_SECOND;
const P50_MS_MAX = 60;
const P99_MS_MAX = 200;
/** What a machine that cannot keep up needs to catch up. */
const CATCH_UP_MS_MAX = 2 * MINUTE_MS;

/** From an event to the frame that shows it to a hundred viewers, over HTTP, log, engine and WebSocket. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const durationMs = (events / EVENTS_PER_SECOND) * SECOND_MS;
  const measured: LatencyRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const result = await measureOnce(join(directory, `data-${run}`), durationMs);
    measured.push(result);
    console.error(`latency: run ${run + 1} of ${runs}, p50 ${result.p50Ms} ms`);
  }
  return {
    bench: 'latency',
    about: [
      `${EVENTS_PER_SECOND} events/s for ${durationMs / SECOND_MS} s over HTTP, ${VIEWERS} WebSocket viewers of channels; latency is the arrival of a frame less occurred_at of the newest event in it.`,
      'Engine and api in one process with an empty data directory, sender and viewers in another.',
    ],
    metrics: metricsOf(measured),
    notes: [],
  };
}

async function measureOnce(dataDir: string, durationMs: number): Promise<LatencyRun> {
  const server = await startServer({ dataDir, port: PORT });
  try {
    return await runChild<LatencyRun>(SCRIPT, {
      input: {
        url: server.url,
        eventsPerSecond: EVENTS_PER_SECOND,
        warmUpMs: WARM_UP_MS,
        durationMs,
        viewers: VIEWERS,
      } satisfies LatencyInput,
      timeoutMs: WARM_UP_MS + durationMs + CATCH_UP_MS_MAX,
    });
  } finally {
    await server.stop();
  }
}

function metricsOf(runs: readonly LatencyRun[]): readonly Metric[] {
  const lower = { better: 'lower', unit: 'ms' } as const;
  return [
    {
      name: 'event_to_frame_p50',
      ...lower,
      samples: runs.map(({ p50Ms }) => p50Ms),
      target: P50_MS_MAX,
    },
    {
      name: 'event_to_frame_p99',
      ...lower,
      samples: runs.map(({ p99Ms }) => p99Ms),
      target: P99_MS_MAX,
    },
    { name: 'event_to_frame_max', ...lower, samples: runs.map(({ maxMs }) => maxMs) },
    {
      name: 'frames_per_viewer',
      unit: '',
      better: 'higher',
      samples: runs.map(({ frames }) => frames / VIEWERS),
    },
    {
      name: 'sent_per_second',
      unit: '1/s',
      better: 'higher',
      samples: runs.map(({ sentPerSecond }) => sentPerSecond),
      target: SENT_PER_SECOND_MIN,
    },
  ];
}
