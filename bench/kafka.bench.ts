import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../schemas/time.ts';
import { checkCounts, cpuMs, pipelineStatus } from './kafka/pipeline-status.ts';
import { KAFKA_VERSION, startBroker, startNode } from './kafka/scene.ts';
import { ShopProducer } from './kafka/shop-producer.ts';
import { connectViewers } from './latency/viewers.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';
import { Shop, batchMsOf } from './shop/shop.ts';

const EVENTS = 300_000;
const EVENTS_PER_SECOND = 200;
/** In the past, or the events are ahead of their records; one month, as the tables are parted by month. */
const START_MS = Date.UTC(2025, 0, 6);
const EVENTS_PER_SECOND_MIN = 40_000;
const VIEWERS = 20;
const LOOK_MS = 50;
/** A node that needs longer for one more event hangs. */
const STILL_MS_MAX = 60 * SECOND_MS;

interface CatchUp {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly frames: number;
}

/** What lies in Kafka until every event has contributed and every row is acknowledged, in one process. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const measured: CatchUp[] = [];
  let sent = 0;
  for (let run = 0; run < runs; run += 1) {
    const broker = await startBroker();
    try {
      sent = await fill(broker.address, events);
      measured.push(await catchUp(() => startNode(broker, join(directory, `data-${run}`)), sent));
    } finally {
      await broker.remove();
    }
    const seconds = (measured[run]?.wallMs ?? 0) / SECOND_MS;
    console.error(`kafka: run ${run + 1} of ${runs}, ${(sent / seconds).toFixed(0)} events/s`);
  }
  return {
    bench: 'kafka',
    about: [
      `${sent} events of the simulated shop, as Avro of another program in Kafka ${KAFKA_VERSION}, through a group of one process with all processors, chDB and ${VIEWERS} viewers, until every row is acknowledged.`,
      'Timed from the first event taken. The broker runs beside it on the same machine and only hands out; CPU time is that of the node alone.',
    ],
    metrics: [
      {
        name: 'events_per_second',
        unit: '1/s',
        better: 'higher',
        samples: measured.map(({ wallMs }) => (sent * SECOND_MS) / wallMs),
        target: EVENTS_PER_SECOND_MIN,
      },
      {
        name: 'cpu_per_event',
        unit: 'µs',
        better: 'lower',
        samples: measured.map((each) => (each.cpuMs * 1_000) / sent),
      },
      {
        name: 'frames_per_viewer',
        unit: '',
        better: 'higher',
        samples: measured.map(({ frames }) => frames / VIEWERS),
      },
    ],
    notes: [],
  };
}

/** Writes the shop's events, about as many as asked for; gives how many it were. */
async function fill(broker: string, events: number): Promise<number> {
  const shop = new Shop({
    seed: 7,
    startMs: START_MS,
    eventsPerSecond: EVENTS_PER_SECOND,
    durationMs: Math.ceil((events / EVENTS_PER_SECOND) * SECOND_MS),
  });
  const producer = new ShopProducer(broker);
  await producer.connect();
  let sent = 0;
  const batchMs = batchMsOf(shop);
  for (let isLast = false; !isLast;) {
    isLast = shop.isClosed;
    const some = isLast ? shop.finish() : shop.next(shop.nowMs + batchMs);
    shop.takeTruth();
    if (some.length > 0) await producer.send(some);
    sent += some.length;
  }
  await producer.close();
  return sent;
}

async function catchUp(
  start: () => ReturnType<typeof startNode>,
  events: number,
): Promise<CatchUp> {
  const node = await start();
  try {
    const viewers = await connectViewers(node.url, VIEWERS);
    viewers.measure();
    const idleCpuMs = await cpuMs(node.url);
    let startedAtMs: number | undefined;
    let movedAtMs = performance.now();
    let received = 0;
    for (;;) {
      const status = await pipelineStatus(node.url);
      const nowMs = performance.now();
      if (status.counts.received > received) {
        startedAtMs ??= nowMs;
        movedAtMs = nowMs;
        received = status.counts.received;
      }
      const isDone = received >= events && status.tasks.every((task) => task.lag_records === 0);
      if (isDone && status.sink.pending_rows === 0) {
        checkCounts(status, events);
        break;
      }
      if (nowMs - movedAtMs > STILL_MS_MAX)
        throw new Error(`Expected ${events} events, and nothing came after ${received}`);
      await wait(LOOK_MS);
    }
    const result = {
      wallMs: performance.now() - (startedAtMs ?? 0),
      cpuMs: (await cpuMs(node.url)) - idleCpuMs,
      frames: viewers.latenciesMs.length,
    };
    viewers.close();
    return result;
  } finally {
    await node.stop();
  }
}
