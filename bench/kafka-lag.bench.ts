import { fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { erase } from '../schemas/brand.ts';
import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import type { Fed, FeedInput } from './kafka/feed.ts';
import { checkCounts, cpuMs, pipelineStatus } from './kafka/pipeline-status.ts';
import { KAFKA_VERSION, startBroker, startNode } from './kafka/scene.ts';
import { connectViewers } from './latency/viewers.ts';
import { percentileOf } from './measure/percentile.ts';
import { type BenchOptions, type BenchResult, medianOf } from './measure/result.ts';

const FEED = new URL('kafka/feed.ts', import.meta.url);
const DURATION_MS = 5 * MINUTE_MS;
/** What node, broker and producer together leave room for on two cores. */
const EVENTS = 5_000 * (DURATION_MS / SECOND_MS);
const START_MS = Date.UTC(2025, 0, 6);
const VIEWERS = 20;
const LOOK_MS = 500;
/** What was not taken by then is not behind but lost. */
const CATCH_UP_MS_MAX = 2 * MINUTE_MS;

interface LagRun {
  /** Events that were acknowledged by Kafka and not taken yet, at every look. */
  readonly lag: readonly number[];
  readonly sent: number;
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** How far one process is behind a shop that writes to Kafka for five minutes. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const eventsPerSecond = (events * SECOND_MS) / DURATION_MS;
  const measured: LagRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    measured.push(await measureOnce(join(directory, `run-${run}`), eventsPerSecond));
    console.error(`kafka-lag: run ${run + 1} of ${runs}`);
  }
  const quarter = ({ lag }: LagRun, from: number): number =>
    medianOf(lag.slice((lag.length * from) / 4, (lag.length * (from + 1)) / 4));
  const figure = { unit: '', better: 'lower' } as const;
  return {
    bench: 'kafka-lag',
    about: [
      `About ${eventsPerSecond} events/s of the simulated shop, as Avro of another program into Kafka ${KAFKA_VERSION} as they happen, for ${DURATION_MS / MINUTE_MS} minutes; one process with all processors, chDB and ${VIEWERS} viewers reads them. Lag is in events.`,
      'Broker and producer run beside it on the same machine; CPU time is that of the node alone.',
    ],
    metrics: [
      {
        name: 'sent_per_second',
        unit: '1/s',
        better: 'higher',
        samples: measured.map(({ sent, wallMs }) => (sent * SECOND_MS) / wallMs),
      },
      { name: 'lag_p50', ...figure, samples: measured.map(({ lag }) => percentileOf(lag, 0.5)) },
      { name: 'lag_p99', ...figure, samples: measured.map(({ lag }) => percentileOf(lag, 0.99)) },
      {
        name: 'lag_growth',
        ...figure,
        samples: measured.map((run) => quarter(run, 3) - quarter(run, 1)),
      },
      {
        name: 'cpu_per_event',
        unit: 'µs',
        better: 'lower',
        samples: measured.map((run) => (run.cpuMs * 1_000) / run.sent),
      },
    ],
    notes: [],
  };
}

async function measureOnce(directory: string, eventsPerSecond: number): Promise<LagRun> {
  const broker = await startBroker();
  try {
    const node = await startNode(broker, { dataDir: join(directory, 'data') });
    const viewers = await connectViewers(node.url, VIEWERS);
    const input: FeedInput = {
      broker: broker.address,
      eventsPerSecond,
      durationMs: DURATION_MS,
      startMs: START_MS,
    };
    try {
      return await follow(input, node.url);
    } finally {
      viewers.close();
      await node.stop();
    }
  } finally {
    await broker.remove();
  }
}

async function follow(input: FeedInput, url: string): Promise<LagRun> {
  let fed: Fed = { sent: 0, isLast: false };
  const child = fork(FEED, [JSON.stringify(input)]);
  child.on('message', (message) => {
    fed = erase<Fed>(message);
  });
  const startCpuMs = await cpuMs(url);
  const startedAtMs = performance.now();
  const lag: number[] = [];
  while (child.exitCode === null && child.signalCode === null) {
    await wait(LOOK_MS);
    const { sent } = fed;
    if (sent > 0) lag.push(Math.max(0, sent - (await pipelineStatus(url)).counts.received));
  }
  const wallMs = performance.now() - startedAtMs;
  if (!fed.isLast) throw new Error('Expected the shop to be written to its end');
  await taken(url, fed.sent);
  return { lag, sent: fed.sent, wallMs, cpuMs: (await cpuMs(url)) - startCpuMs };
}

/** Waits until all have been taken, and checks that each counted once. */
async function taken(url: string, events: number): Promise<void> {
  const endAtMs = performance.now() + CATCH_UP_MS_MAX;
  for (;;) {
    const status = await pipelineStatus(url);
    if (status.counts.received >= events || performance.now() > endAtMs) {
      checkCounts(status, events);
      return;
    }
    await wait(LOOK_MS);
  }
}
