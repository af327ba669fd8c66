import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../schemas/time.ts';
import type { Broker } from '../test/kafka/broker.ts';
import { fillShop } from './kafka/fill.ts';
import { Settling, checkCounts, pipelineStatus } from './kafka/pipeline-status.ts';
import { KAFKA_VERSION, startBroker, startNode } from './kafka/scene.ts';
import { connectViewers } from './latency/viewers.ts';
import { type Cost, startCost } from './measure/cost.ts';
import { profileLines } from './measure/profile-lines.ts';
import type { ProfileSummary } from './measure/profile.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const EVENTS = 300_000;
const EVENTS_PER_SECOND_MIN = 40_000;
const VIEWERS = 20;
const LOOK_MS = 50;
/** A node that needs longer for one more event hangs. */
const STILL_MS_MAX = 60 * SECOND_MS;

interface CatchUp {
  readonly node: Cost;
  readonly broker: Cost;
  readonly frames: number;
  readonly profile: ProfileSummary | undefined;
}

/** What lies in Kafka until every event has contributed and every row is acknowledged, in one process. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const measured: CatchUp[] = [];
  let profiled: CatchUp | undefined;
  let sent = 0;
  for (let run = 0; run <= runs; run += 1) {
    const broker = await startBroker();
    try {
      sent = await fillShop(broker.address, events);
      const dataDir = join(directory, `data-${run}`);
      const isProfiled = run === runs;
      const result = await catchUp({ broker, dataDir, isProfiled }, sent);
      if (isProfiled) profiled = result;
      else measured.push(result);
      const perSecond = (sent * SECOND_MS) / result.node.wallMs;
      console.error(`kafka: run ${run + 1} of ${runs + 1}, ${perSecond.toFixed(0)} events/s`);
    } finally {
      await broker.remove();
    }
  }
  const perEventUs = (ms: (each: CatchUp) => number | undefined): readonly number[] =>
    measured.map((each) => ((ms(each) ?? Number.NaN) * 1_000) / sent);
  const lower = { better: 'lower', unit: 'µs' } as const;
  return {
    bench: 'kafka',
    about: [
      `${sent} events of the simulated shop, as Avro of another program in Kafka ${KAFKA_VERSION}, through a group of one process with all processors, chDB and ${VIEWERS} viewers, until every row is acknowledged.`,
      'Timed from the first event taken. The broker runs beside it on the same machine: it hands out, and takes what stages send each other.',
    ],
    metrics: [
      {
        name: 'events_per_second',
        unit: '1/s',
        better: 'higher',
        samples: measured.map(({ node }) => (sent * SECOND_MS) / node.wallMs),
        target: EVENTS_PER_SECOND_MIN,
      },
      {
        name: 'cpu_per_event',
        ...lower,
        samples: perEventUs(({ node }) => node.userMs + node.systemMs),
      },
      {
        name: 'user_cpu_main_thread',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.main),
      },
      {
        name: 'user_cpu_door',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.door),
      },
      {
        name: 'user_cpu_collector',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.collector),
      },
      {
        name: 'user_cpu_pool',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.pool),
      },
      {
        name: 'user_cpu_clickhouse',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.clickhouse),
      },
      { name: 'system_cpu_per_event', ...lower, samples: perEventUs(({ node }) => node.systemMs) },
      {
        name: 'broker_cpu_per_event',
        ...lower,
        samples: perEventUs(({ broker }) => broker.userMs + broker.systemMs),
      },
      {
        name: 'frames_per_viewer',
        unit: '',
        better: 'higher',
        samples: measured.map(({ frames }) => frames / VIEWERS),
      },
    ],
    notes: profileLines(profiled?.profile, sent),
  };
}

async function catchUp(
  {
    broker,
    dataDir,
    isProfiled,
  }: { readonly broker: Broker; readonly dataDir: string; readonly isProfiled: boolean },
  events: number,
): Promise<CatchUp> {
  const node = await startNode(broker, { dataDir, isProfiled });
  try {
    const viewers = await connectViewers(node.url, VIEWERS);
    viewers.measure();
    const settling = new Settling();
    let ends = [startCost(node.pid), startCost(broker.pid)] as const;
    let costs: Pick<CatchUp, 'node' | 'broker'> | undefined;
    let movedAtMs = performance.now();
    let received = 0;
    for (;;) {
      const status = await pipelineStatus(node.url);
      const nowMs = performance.now();
      if (status.counts.received > received) {
        movedAtMs = nowMs;
        received = status.counts.received;
      }
      // Until the first event there is nothing to pay for.
      if (received === 0) ends = [startCost(node.pid), startCost(broker.pid)];
      if (settling.isBusy([status])) costs = { node: ends[0](), broker: ends[1]() };
      else if (settling.isSettled && received >= events) {
        checkCounts(status, events);
        break;
      }
      if (nowMs - movedAtMs > STILL_MS_MAX)
        throw new Error(`Expected ${events} events, and nothing came after ${received}`);
      await wait(LOOK_MS);
    }
    if (costs === undefined) throw new RangeError('a node that has taken events was busy');
    const result = {
      ...costs,
      frames: viewers.latenciesMs.length,
      profile: isProfiled ? await node.profile() : undefined,
    };
    viewers.close();
    return result;
  } finally {
    await node.stop();
  }
}
