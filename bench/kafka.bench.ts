import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../schemas/time.ts';
import type { Broker } from '../test/kafka/broker.ts';
import { fillShop } from './kafka/fill.ts';
import { Settling, checkCounts, pipelineStatus } from './kafka/pipeline-status.ts';
import { KAFKA_VERSION, startBroker, startNode } from './kafka/scene.ts';
import type { Writer } from './kafka/shop-producer.ts';
import { connectViewers } from './latency/viewers.ts';
import { type Cost, startCost } from './measure/cost.ts';
import { profileLines } from './measure/profile-lines.ts';
import type { ProfileSummary } from './measure/profile.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const EVENTS = 300_000;
const EVENTS_PER_SECOND_MIN = 40_000;
const VIEWERS = 20;
/** Rare enough that looking takes nothing from the node. */
const LOOK_MS = 250;
/** A node that needs longer for one more event hangs. */
const STILL_MS_MAX = 60 * SECOND_MS;

interface CatchUp {
  readonly sent: number;
  readonly node: Cost;
  readonly broker: Cost;
  readonly frames: number;
  /** How many events a second the second and third quarter of them took. */
  readonly middlePerSecond: number;
  readonly profile: ProfileSummary | undefined;
}

/** What lies in Kafka until every event has contributed and every row is acknowledged, in one process. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const measured: CatchUp[] = [];
  const ofApi: CatchUp[] = [];
  for (let run = 0; run < runs; run += 1) {
    const dataDir = join(directory, `data-${run}`);
    const result = await measureOnce({ dataDir, writer: 'program' }, events);
    measured.push(result);
    ofApi.push(await measureOnce({ dataDir: `${dataDir}-api`, writer: 'api' }, events));
    console.error(`kafka: run ${run + 1} of ${runs}, ${perSecond(result).toFixed(0)} events/s`);
  }
  const profiledDir = join(directory, 'profiled');
  const profiled = await measureOnce(
    { dataDir: profiledDir, writer: 'program', isProfiled: true },
    events,
  );
  const { sent } = profiled;
  const perEventUs = (ms: (each: CatchUp) => number | undefined): readonly number[] =>
    measured.map((each) => ((ms(each) ?? Number.NaN) * 1_000) / sent);
  const rate = { better: 'higher', unit: '1/s' } as const;
  const lower = { better: 'lower', unit: 'µs' } as const;
  return {
    bench: 'kafka',
    about: [
      `${sent} events of the simulated shop, as Avro of another program in Kafka ${KAFKA_VERSION}, through a group of one process with all processors, chDB and ${VIEWERS} viewers, until every row is acknowledged; then the same as an api node writes them.`,
      'Timed from the first event taken; `middle` is the second and third quarter alone. The broker runs beside it on the same machine: it hands out, and takes what stages send each other.',
    ],
    metrics: [
      {
        name: 'events_per_second',
        ...rate,
        samples: measured.map(perSecond),
        target: EVENTS_PER_SECOND_MIN,
      },
      {
        name: 'middle_events_per_second',
        ...rate,
        samples: measured.map(({ middlePerSecond }) => middlePerSecond),
      },
      { name: 'api_events_per_second', ...rate, samples: ofApi.map(perSecond) },
      {
        name: 'api_middle_events_per_second',
        ...rate,
        samples: ofApi.map(({ middlePerSecond }) => middlePerSecond),
      },
      {
        name: 'api_cpu_per_event',
        ...lower,
        samples: ofApi.map(({ node }) => ((node.userMs + node.systemMs) * 1_000) / sent),
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
    notes: profileLines(profiled.profile, sent),
  };
}

function perSecond({ sent, node }: CatchUp): number {
  return (sent * SECOND_MS) / node.wallMs;
}

async function measureOnce(
  {
    dataDir,
    writer,
    isProfiled = false,
  }: { readonly dataDir: string; readonly writer: Writer; readonly isProfiled?: boolean },
  events: number,
): Promise<CatchUp> {
  const broker = await startBroker();
  try {
    const sent = await fillShop(broker.address, events, { writer });
    return await catchUp({ broker, dataDir, isProfiled }, sent);
  } finally {
    await broker.remove();
  }
}

async function catchUp(
  {
    broker,
    dataDir,
    isProfiled,
  }: { readonly broker: Broker; readonly dataDir: string; readonly isProfiled: boolean },
  sent: number,
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
    const middle = new Middle(sent);
    for (;;) {
      const status = await pipelineStatus(node.url);
      const nowMs = performance.now();
      if (status.counts.received > received) {
        movedAtMs = nowMs;
        received = status.counts.received;
        middle.has(received, nowMs);
      }
      // Until the first event there is nothing to pay for.
      if (received === 0) ends = [startCost(node.pid), startCost(broker.pid)];
      if (settling.isBusy([status])) costs = { node: ends[0](), broker: ends[1]() };
      else if (settling.isSettled && received >= sent) {
        checkCounts(status, sent);
        break;
      }
      if (nowMs - movedAtMs > STILL_MS_MAX)
        throw new Error(`Expected ${sent} events, and nothing came after ${received}`);
      await wait(LOOK_MS);
    }
    if (costs === undefined) throw new RangeError('a node that has taken events was busy');
    const result = {
      ...costs,
      sent,
      middlePerSecond: middle.perSecond,
      frames: viewers.latenciesMs.length,
      profile: isProfiled ? await node.profile() : undefined,
    };
    viewers.close();
    return result;
  } finally {
    await node.stop();
  }
}

/** Looks at the second and third quarter of so many events: without a cold start, and without the last checkpoint. */
class Middle {
  readonly #events: number;
  #begun: { readonly received: number; readonly atMs: number } | undefined;
  #perSecond = Number.NaN;

  constructor(events: number) {
    this.#events = events;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  has(received: number, atMs: number): void {
    if (received < this.#events / 4) return;
    this.#begun ??= { received, atMs };
    const { received: from, atMs: fromMs } = this.#begun;
    if (received <= (this.#events * 3) / 4)
      this.#perSecond = ((received - from) * SECOND_MS) / (atMs - fromMs);
  }
}
